"""What a stage uses, read from its code: to be compared with what dvc.yaml says."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
LOCK = "requirements.txt"


def stages() -> dict[str, dict[str, Any]]:
    """The stages of dvc.yaml: name -> {cmd, deps, params, outs, …}."""
    return yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def script(stage: dict[str, Any]) -> Path:
    """The script that a stage runs: `python src/clean.py` -> src/clean.py."""
    return ROOT / stage["cmd"].split()[1]


def imported_modules(path: Path, at_start: bool = False) -> set[Path]:
    """The project's own modules that a file imports, directly or through others, and itself.

    Args:
        at_start: leave out what functions import when they are called.
    """
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _imports(module, at_start)
    return found


def statements(path: Path, at_start: bool) -> Iterator[ast.AST]:
    """The statements of a file, with or without those inside of functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return iter(tree.body) if at_start else ast.walk(tree)


def _imports(path: Path, at_start: bool) -> Iterator[Path]:
    source = ROOT / "src"
    for node in statements(path, at_start):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            steps = name.split(".")
            for depth in range(1, len(steps) + 1):
                stem = source.joinpath(*steps[:depth])
                for candidate in (stem.with_suffix(".py"), stem / "__init__.py"):
                    if candidate.is_file():
                        yield candidate


def declared_sources(stage: dict[str, Any]) -> set[Path]:
    """The files of src/ under `deps`; a folder stands for all that it holds."""
    found: set[Path] = set()
    for path in (ROOT / dep for dep in stage["deps"] if dep.startswith("src/")):
        below = path.rglob("*") if path.is_dir() else [path]
        found |= {file for file in below if file.is_file() and "__pycache__" not in file.parts}
    return found


def files_beside(modules: set[Path]) -> set[Path]:
    """The files in the folders of packages that are no Python: templates and style, which their package reads."""
    folders = {module.parent for module in modules if module.name == "__init__.py"}
    return {path for folder in folders for path in folder.iterdir() if path.is_file() and path.suffix != ".py"}


def loaded_params(path: Path) -> set[str]:
    """The names that a script gives to `params.load`."""
    return {
        argument.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "params.load"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }


def paths(entries: list[str | dict[str, Any]]) -> list[str]:
    """The paths of outs, metrics or plots, with or without options."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
