"""What DVC adds to the time of the stages: of a run that has nothing to do, and of one that does it all.

    python benchmarks/repro.py [ROUNDS]    3 of the whole pipeline, five times as many of the run that does nothing

Runs in temporary copies of the project with the environment of the Python that runs this (`make bench` installs it).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from timing import Cost, median, ratio, rounds, run, table

PROJECT = Path(__file__).resolve().parents[1]
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # stages call `python`
Stages = Mapping[str, Mapping[str, Any]]
IDLE = {
    "dvc status": "`dvc status`",
    "dvc repro --all-pipelines": "the second `dvc repro --all-pipelines`, which `make repro` runs",
    "dvc repro": "the second `dvc repro`",
}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    stages = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    with tempfile.TemporaryDirectory() as temporary:
        folders = {tool: copy_project(Path(temporary) / tool) for tool in ("dvc", "shell", "snakemake")}
        subprocess.run(["git", "init", "--quiet"], cwd=folders["dvc"], check=True)  # DVC looks for it
        loop = " && ".join(stages[name]["cmd"] for name in in_order(stages))
        snakefile = Path(temporary) / "Snakefile"
        whole = {
            "shell": ["sh", "-c", loop],
            "dvc": ["dvc", "repro", "-f"],
            "snakemake": ["snakemake", "-s", snakefile, "--cores", "all", "--forceall", "--quiet"],
        }
        for folder in folders.values():  # once before: writes bytecode, and shows which outputs are folders
            run(whole["shell"], folder, PATH=PATH)
        snakefile.write_text("".join(rules(stages, folders["snakemake"])), encoding="utf-8")
        run(whole["dvc"], folders["dvc"], PATH=PATH)
        nothing, least = (
            measure({words: (words.split(), folder) for words in IDLE}, 5 * count)
            for folder in (folders["dvc"], project_of_copies(Path(temporary) / "copies", len(stages)))
        )
        everything = measure({tool: (command, folders[tool]) for tool, command in whole.items()}, count)

    print(f"A run that has nothing to do (median of {5 * count}):\n")
    print(show(nothing, "dvc status", IDLE))
    print(f"\nThe same in a project of {len(stages)} stages that copy a file each: what DVC takes by itself:\n")
    print(show(least, "dvc status", IDLE))
    print(f"\nA run of all {len(stages)} stages (median of {count}):\n")
    names = {"shell": "a shell, stage by stage", "dvc": "`dvc repro -f`", "snakemake": "`snakemake --forceall`"}
    print(show(everything, "shell", names))


def copy_project(folder: Path) -> Path:
    """Copy what Git has or would add: no outputs, no environment, no cache."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=PROJECT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    return folder


def project_of_copies(folder: Path, count: int) -> Path:
    """Make and run a pipeline as small as can be: each stage copies what the one before it has written."""
    folder.mkdir()
    (folder / "0").write_text("a\n", encoding="utf-8")
    stage = "dvc stage add --quiet --name copy{0} --deps {0} --outs {1} cp {0} {1}"
    for command in (
        "git init --quiet",
        "dvc init --quiet",
        "dvc config core.analytics false",
        "dvc config core.check_update false",
        *(stage.format(number, number + 1) for number in range(count)),
        "dvc repro --quiet",
    ):
        run(command.split(), folder, PATH=PATH)
    return folder


def measure(commands: Mapping[str, tuple[list, Path]], count: int) -> dict[str, list[Cost]]:
    contestants = {
        tool: lambda command=command, folder=folder: run(command, folder, PATH=PATH)
        for tool, (command, folder) in commands.items()
    }
    return rounds(contestants, count)


def show(costs: Mapping[str, list[Cost]], base: str, names: Mapping[str, str]) -> str:
    rows = [
        [name, f"{median(costs[tool]).wall:.2f}", f"{median(costs[tool]).cpu:.2f}", ratio(costs[tool], costs[base])]
        for tool, name in names.items()
    ]
    return table(["", "seconds", "processor seconds", f"times {names[base]}"], rows)


def in_order(stages: Stages) -> list[str]:
    """Stages sorted so that each comes after those whose outputs it reads."""
    made = {path: name for name, stage in stages.items() for path in outputs(stage)}
    done: list[str] = []
    while len(done) < len(stages):
        ready = (
            name
            for name, stage in stages.items()
            if name not in done and all(made.get(path, name) in [*done, name] for path in inputs(stage, made))
        )
        done.append(next(ready))
    return done


def outputs(stage: Mapping[str, Any]) -> list[str]:
    """The files and folders that a stage writes."""
    entries = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def inputs(stage: Mapping[str, Any], made: Mapping[str, str]) -> list[str]:
    """The files and folders that a stage reads; of another stage's output the whole, as Snakemake knows no parts."""
    return [next((path for path in made if Path(dep).is_relative_to(path)), dep) for dep in stage["deps"]]


def rules(stages: Stages, folder: Path) -> Iterator[str]:
    """The lines of a Snakefile with the same stages, by the outputs that a folder holds."""
    made = {path: name for name, stage in stages.items() for path in outputs(stage)}
    yield f"rule all:\n    input: {list(made)}\n"
    for name, stage in stages.items():
        written = [f"directory({path!r})" if (folder / path).is_dir() else repr(path) for path in outputs(stage)]
        read = list(dict.fromkeys(inputs(stage, made)))
        yield f"rule {name}:\n    input: {read}\n    output: {', '.join(written)}\n    shell: {stage['cmd']!r}\n"


if __name__ == "__main__":
    main()
