"""What must be true before a release, and what a release writes into the project: citation, commit, tag."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from pipeline import citation
from pipeline.contract import Contract
from pipeline.errors import ProjectError

BUNDLE = Path("data/published")
EVALUATION = Path("metrics/evaluation.json")
PLACEHOLDERS = {"The authors of this project"}  # what the template says in place of a name
VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]*")


def tag_of(version: str) -> str:
    return f"v{version}"


def run(*command: str) -> str:
    """Run a command; return what it prints.

    Raises:
        ProjectError: it failed; its last line is in the message.
    """
    try:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ProjectError(command[0], "not installed") from None
    if ended.returncode:
        said = [line for line in (ended.stdout + ended.stderr).splitlines() if line.strip()] or ["it said nothing"]
        raise ProjectError(" ".join(command[:2]), said[-1].strip())
    return ended.stdout


def git(*arguments: str) -> str:
    return run("git", *arguments).strip()


def dvc(*arguments: str) -> str:
    """Run the DVC of this environment."""
    try:
        return run(sys.executable, "-m", "dvc", *arguments)
    except ProjectError as exc:
        raise ProjectError(f"dvc {arguments[0]}", exc.problem) from None


def repro() -> None:
    """Run the pipeline, which says itself how far it is.

    Raises:
        ProjectError: a stage failed.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # stages call `python`
    if subprocess.call([sys.executable, "-m", "dvc", "repro"], env={**os.environ, "PATH": path}):
        raise ProjectError("dvc repro", "failed; what it says stands above")


def is_tagged(version: str) -> bool:
    """Say whether the commit that is checked out is that of the version, as after an interrupted release."""
    return tag_of(version) in git("tag", "--points-at", "HEAD").splitlines()


def tree_problems() -> Iterator[ProjectError]:
    """A folder that differs from its commit, or results that differ from what the code would make."""
    changed = [line[3:] for line in run("git", "status", "--porcelain").splitlines()]
    if changed:
        names = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
        yield ProjectError("git status", f"not committed: {names}")
    said = dvc("status", "--json")
    stale = json.loads(said[said.index("{") :])
    if stale:
        yield ProjectError("dvc status", f"out of date: {', '.join(stale)}; `dvc repro` makes them anew")


def tag_problems(version: str) -> Iterator[ProjectError]:
    """A tag of the version on another commit, or no branch that a new commit could belong to."""
    tag = tag_of(version)
    if git("tag", "--list", tag):
        yield ProjectError("git tag", f"{tag} is there already, on another commit; to go on sending it, check it out")
    if not git("branch", "--show-current"):
        yield ProjectError("git branch", "no branch is checked out, so the release's commit would belong to none")


def gate_problems(evaluation: Path = EVALUATION) -> Iterator[ProjectError]:
    """A model that does not reach what params.yaml asks of a release."""
    try:
        found = json.loads(evaluation.read_text(encoding="utf-8"))
        failed = [f"{line['line']} (it is {line['value']})" for line in found["gate"] if line["passed"] is not True]
        passed = found["passed"] is True
    except (OSError, ValueError, LookupError, TypeError):
        yield ProjectError(str(evaluation), "not readable; `dvc repro` makes it")
        return
    if failed or not passed:
        yield ProjectError(str(evaluation), f"the gate is not passed: {'; '.join(failed)}")


def description_problems(package: Contract, features: Mapping[str, Any], published: set[str]) -> Iterator[ProjectError]:
    """Columns of the contract, and published features, that nobody has described."""
    for table in package.raw().values():
        for field in table.table_schema.fields:
            if not (field.description or "").strip():
                yield ProjectError(f"contract.yaml: {table.name}.{field.name}", "no description")
    ready = package.ready()
    for name in sorted(published & features.keys()):
        field = ready.field(name) if ready else None
        if field is None or not (field.description or "").strip():
            yield ProjectError(f"contract.yaml: ready.{name}", "no description, though it is published")


def author_problems(cited: Mapping[str, Any]) -> Iterator[ProjectError]:
    """Authors that are the template's placeholder."""
    for author in cited["authors"]:
        if author.get("name") in PLACEHOLDERS:
            yield ProjectError(f"{citation.FILE}: authors", f"`{author['name']}` is a placeholder; name who made it")


def version_problems(package: Contract, version: str) -> Iterator[ProjectError]:
    """A contract that says another version than the one that CITATION.cff is going to say."""
    if package.version not in (None, version):
        yield ProjectError("contract.yaml: version", f"says {package.version}; take it out, {citation.FILE} says it")


def published_columns(bundle: Path) -> set[str]:
    """The columns of all tables of a bundle; none if it cannot be read."""
    try:
        package = json.loads((bundle / "datapackage.json").read_text(encoding="utf-8"))
        return {field["name"] for table in package["resources"] for field in table.get("schema", {}).get("fields", [])}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return set()  # verify says what is wrong


def write_citation(file: Path, values: Mapping[str, str | None]) -> None:
    """Set keys of CITATION.cff, or take out those of value None, and change nothing else in it.

    Raises:
        ProjectError: the file is written in a way that this does not understand; it stays as it is.
    """
    text = file.read_bytes().decode("utf-8")
    new = edit_citation(text, values)
    try:
        found = yaml.safe_load(new)
    except yaml.YAMLError:
        found = {}
    if any(str(found.get(key)) != str(value) for key, value in values.items()):
        lines = ", ".join(f"{key}: {value}" for key, value in values.items() if value)
        raise ProjectError(str(file), "is written in a way that release does not understand", f"Write there: {lines}")
    if new != text:
        temporary = file.with_name(f".{file.name}.new")
        temporary.write_bytes(new.encode("utf-8"))
        temporary.chmod(file.stat().st_mode)
        temporary.replace(file)


def edit_citation(text: str, values: Mapping[str, str | None]) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    for key, value in values.items():
        if value is None:
            text = re.sub(rf"^{key}:.*\r?\n?", "", text, flags=re.MULTILINE)
            continue
        plain = isinstance(yaml.safe_load(value), str)
        line = f"{key}: {value}" if plain else f'{key}: "{value}"'
        old = re.compile(rf"^{key}:[ \t]*(?:\"[^\"\r\n]*\"|'[^'\r\n]*'|[^#\r\n]*?)(?=[ \t]*(?:#.*)?\r?$)", re.MULTILINE)
        if old.search(text):
            text = old.sub(lambda _, line=line: line, text, count=1)
        else:
            text = f"{text.rstrip()}{newline}{line}{newline}"
    return text


@contextmanager
def undone_on_error() -> Iterator[None]:
    """Put a folder that was committed as it is back, if what follows fails or is interrupted."""
    try:
        yield
    except BaseException:
        git("checkout", "--quiet", "HEAD", "--", ".")
        dvc("checkout", "--quiet")
        raise


def commit_and_tag(version: str, message: str) -> None:
    """Commit what changed in the files that Git knows, and tag it; nothing is committed where nothing changed."""
    if run("git", "status", "--porcelain"):
        git("commit", "--quiet", "--all", f"--message=Release {version}")
    git("tag", "--annotate", tag_of(version), f"--message={message}")
