"""Push and pull through a real S3 server on loopback, beside s5cmd in the same rounds: one large file, many small ones.

    python benchmarks/s3.py [ROUNDS]    3; `make bench` installs s5cmd
    python benchmarks/s3.py 1 remote.storage.jobs=1 remote.storage.jobs=4+cache.type=hardlink

Words behind the number of rounds are settings of DVC to measure as well.
"""

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from timing import Cost, median, ratio, rounds, run, table

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "src"))

import local_s3  # noqa: E402

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SIZES = {"one file of 400 MB": (1, 400_000_000), "2,000 files of 50 kB": (2000, 50_000)}
DEFAULTS = "DVC's defaults"
SHIPPED = "DVC as this project sets it"
BY_HAND = "s5cmd on DVC's cache"  # docs/s3.md


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    ways = {DEFAULTS: [], SHIPPED: []} | {f"… with {words}": words.split("+") for words in sys.argv[2:]}
    with tempfile.TemporaryDirectory() as temporary:
        for title, (files, size) in SIZES.items():
            folder = Path(temporary) / str(files)
            server = local_s3.start(folder / "s3", "private")
            try:
                data = make_data(folder / "source", files, size)
                costs = rounds(contestants(folder, data, ways, server), count)
            finally:
                server.stop()
            shutil.rmtree(folder)
            print(f"\n{title} (median of {count}):\n")
            print(show(costs, [*ways, BY_HAND, "s5cmd"]), flush=True)


def make_data(folder: Path, files: int, size: int) -> Path:
    """Write random files, which nothing on the way can make smaller."""
    folder.mkdir(parents=True)
    chance = random.Random(1)
    for number in range(files):
        with (folder / f"{number:05}").open("wb") as file:
            for _ in range(size // 50_000):  # a command begins as a copy of this process: it must stay small
                file.write(chance.randbytes(50_000))
    return folder


def contestants(folder: Path, data: Path, ways: Mapping[str, list[str]], server: local_s3.Server) -> dict:
    """What is measured: each way to push and to pull; before each, what an earlier round has left is taken away."""
    there = server.environment() | {"S3_ENDPOINT_URL": server.endpoint, "PATH": PATH}
    found = {}
    for number, (name, settings) in enumerate(ways.items()):
        place = f"private/{number}"
        project = make_project(folder / f"project{number}", data, place, settings, shipped=name != DEFAULTS)
        around = {key: value for key, value in there.items() if name != DEFAULTS or key != "AWS_REGION"}
        found[f"push {name}"] = partial(push, project, server, place, around, ["dvc", "push", "--quiet"])
        found[f"pull {name}"] = partial(pull, project, around, ["dvc", "pull", "--quiet"])
    project = make_project(folder / "project", data, "private/hand", [], shipped=True)
    copy = ["s5cmd", "--log", "error", "cp"]
    cache, objects = ".dvc/cache/files/md5/", "s3://private/hand/files/md5/"
    send = [*copy, cache, objects], ["dvc", "push", "--quiet"]
    bring = [*copy, f"{objects}*", cache], ["dvc", "checkout", "--quiet"]
    found[f"push {BY_HAND}"] = partial(push, project, server, "private/hand", there, *send)
    found[f"pull {BY_HAND}"] = partial(pull, project, there, *bring)
    found["push s5cmd"] = lambda: run([*copy, f"{data}/", "s3://private/s5cmd/"], folder, **there)

    def pull_by_s5cmd() -> Cost:
        shutil.rmtree(folder / "s5cmd", ignore_errors=True)
        return run([*copy, "s3://private/s5cmd/*", f"{folder}/s5cmd/"], folder, **there)

    found["pull s5cmd"] = pull_by_s5cmd
    return found


def make_project(project: Path, data: Path, place: str, settings: list[str], shipped: bool) -> Path:
    """Make a project, with this one's DVC settings or without, and some of a user's; its data are in the cache."""
    shutil.copytree(data, project / "data")
    run(["git", "init", "--quiet"], project, PATH=PATH)
    run(["dvc", "init", "--quiet"], project, PATH=PATH)
    if shipped:
        shutil.copy(PROJECT / ".dvc" / "config", project / ".dvc")
    for command in (
        ["dvc", "config", "core.site_cache_dir", str(project / "site")],
        ["dvc", "config", "core.remote", "storage"],
        ["dvc", "config", "remote.storage.url", f"s3://{place}"],
        *(["dvc", "config", *setting.split("=")] for setting in settings),
        ["dvc", "add", "--quiet", "data"],
    ):
        run(command, project, PATH=PATH)
    return project


def push(project: Path, server: local_s3.Server, place: str, there: Mapping[str, str], *commands: list[str]) -> Cost:
    files = server.files()
    if files.exists(place):
        files.rm(place, recursive=True)
    shutil.rmtree(project / "site", ignore_errors=True)
    return run_all(commands, project, there)


def pull(project: Path, there: Mapping[str, str], *commands: list[str]) -> Cost:
    for path in (project / "data", project / ".dvc" / "cache", project / "site"):
        shutil.rmtree(path, ignore_errors=True)
    return run_all(commands, project, there)


def run_all(commands: Iterable[list[str]], project: Path, there: Mapping[str, str]) -> Cost:
    costs = [run(command, project, **there) for command in commands]
    return sum(costs[1:], costs[0])


def show(costs: Mapping[str, list[Cost]], names: list[str]) -> str:
    rows = []
    for action in ("push", "pull"):
        for name in names:
            cost = median(costs[f"{action} {name}"])
            times = ratio(costs[f"{action} {name}"], costs[f"{action} s5cmd"])
            rows.append([f"{action}: {name}", f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{cost.peak / 1e6:.0f}", times])
    return table(["", "seconds", "processor seconds", "MB", "times s5cmd"], rows)


if __name__ == "__main__":
    main()
