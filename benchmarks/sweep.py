"""What an experiment takes beside a whole run, one after the other and queued, and which stages a sweep runs.

    python benchmarks/sweep.py [EXPERIMENTS]    20: five cleaning thresholds, for each four depths of the trees

Runs in temporary copies of the project with the environment of the Python that runs this (`make bench` installs it).
"""

import itertools
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
import yaml
from repro import PATH, PROJECT, copy_project
from timing import run, table

MAX_DELAY = (300, 400, 500, 600, 800)  # min; 600 is what the data have been cleaned with
MAX_DEPTH = (2, 3, 4, 6)
JOBS = 2


def main() -> None:
    experiments = list(itertools.product(MAX_DELAY, MAX_DEPTH))[: int(sys.argv[1]) if len(sys.argv) > 1 else None]
    stages = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    with tempfile.TemporaryDirectory() as temporary:
        folders = [prepare(Path(temporary) / name) for name in ("sequential", "queued")]
        whole = [run(["dvc", "repro", "-f"], folder, PATH=PATH).wall for folder in (*folders, folders[0])]
        sequential, one_by_one = run_one_by_one(folders[0], experiments)
        queued, together = run_queued(folders[1], experiments)

    one, count = statistics.median(whole), len(experiments)
    rows = [["one `dvc repro -f` (median of 3)", f"{one:.1f}", "", "1.00"]]
    for name, seconds in ((f"{count} experiments, one after the other", sequential), (f"queued, `-j {JOBS}`", queued)):
        rows.append([name, f"{seconds:.1f}", f"{seconds / count:.1f}", f"{seconds / count / one:.2f}"])
    print(table(["", "seconds", "seconds an experiment", "an experiment / one `dvc repro -f`"], rows))
    print(f"\nHow often each stage ran, of {count}:\n")
    rows = [[stage, str(one_by_one[stage]), str(together[stage])] for stage in stages]
    print(table(["stage", "one after the other", "queued"], rows))


def prepare(folder: Path) -> Path:
    """Make a copy of the project, run it once and commit what came of it."""
    copy_project(folder)
    for command in (
        "git init --quiet",
        "git config user.name benchmark",
        "git config user.email benchmark@example.org",
        "dvc repro",
        "git add --all",
        "git commit --quiet --message Begin",
    ):
        run(command.split(), folder, PATH=PATH)
    return folder


def dvc(folder: Path, *command: str) -> str:
    """Run `dvc`; return what it printed.

    Raises:
        SystemExit: it failed; shows what it said.
    """
    ended = subprocess.run(
        ["dvc", *command], cwd=folder, env=os.environ | {"PATH": PATH}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if ended.returncode:
        raise SystemExit(f"dvc {' '.join(command)} failed:\n{ended.stdout}")
    return ended.stdout


def options(max_delay: object, max_depth: object) -> list[str]:
    return ["-S", f"clean.flights.plausible_delay.max={max_delay}", "-S", f"train.options.max_depth={max_depth}"]


def stages_run(printed: str) -> list[str]:
    return re.findall(r"^Running stage '(.+)':$", printed, re.MULTILINE)


def progress(what: str, done: int, count: int, start: float) -> None:
    print(f"{what}: {done} of {count}, {time.perf_counter() - start:.1f} s", file=sys.stderr)


def run_one_by_one(folder: Path, experiments: list[tuple[int, int]]) -> tuple[float, Counter[str]]:
    """Run experiments in the workspace: each starts from what the one before it has left there.

    Returns:
        Seconds, and how often each stage ran.
    """
    start = time.perf_counter()
    ran: Counter[str] = Counter()
    for number, each in enumerate(experiments, 1):
        ran.update(stages_run(dvc(folder, "exp", "run", *options(*each))))
        progress("one after the other", number, len(experiments), start)
    return time.perf_counter() - start, ran


def run_queued(folder: Path, experiments: list[tuple[int, int]]) -> tuple[float, Counter[str]]:
    """Queue experiments and run JOBS at a time, each in a folder of its own that starts from the last commit.

    Returns:
        Seconds from the first queued to the last done, and how often each stage ran.

    Raises:
        SystemExit: the workers ended before all were done.
    """
    start = time.perf_counter()
    for each in experiments:
        dvc(folder, "exp", "run", "--queue", *options(*each))
    dvc(folder, "queue", "start", "-j", str(JOBS))
    started = time.perf_counter()
    done = 0
    while len(names := finished(folder)) < len(experiments):
        time.sleep(0.5)
        if len(names) > done:
            done = len(names)
            progress("queued", done, len(experiments), start)
        if time.perf_counter() - started > 60 and not workers(folder):
            raise SystemExit(f"The workers ended early:\n{dvc(folder, 'queue', 'status')}")
    seconds = time.perf_counter() - start
    psutil.wait_procs(workers(folder), timeout=120)  # they end by themselves once there is nothing to do
    ran = Counter(stage for name in names for stage in stages_run(dvc(folder, "queue", "logs", name)))
    return seconds, ran


def finished(folder: Path) -> list[str]:
    """The names of the experiments that are done."""
    command = ["git", "for-each-ref", "--format=%(refname)", "refs/exps/??/**"]
    refs = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.split()
    return [ref.rsplit("/", 1)[1] for ref in refs]


def workers(folder: Path) -> list[psutil.Process]:
    """The processes that work in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


if __name__ == "__main__":
    main()
