"""Sources that are files here: one, a folder, or all that a pattern such as data/source/*.csv names."""

import glob
import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pipeline.errors import ProjectError, nearest
from pipeline.params import Source
from pipeline.sources.parts import Item, Part
from pipeline.sources.store import RAW
from pipeline.sources.uris import key, scheme_of


def find(table: str, source: Source, shown: str, name: str | None) -> list[Item]:
    """List the files of a source.

    Raises:
        ProjectError: there are none.
    """
    path = _path(source.uri)
    if name is not None:
        if not path.is_file():
            near = [entry.name for entry in sorted(path.parent.glob("*"))]
            remedy = f"Paths begin at the project's root. In {path.parent}: {nearest(path.name, near, 'files')}"
            raise ProjectError(key(table), f"no such file as {shown}", remedy)
        _refuse_raw(table, shown, [path])
        return [_item(table, name, shown, path)]
    root = path if path.is_dir() else Path(*_before_pattern(path.parts))
    found = path.glob("**/*") if path.is_dir() else map(Path, glob.glob(str(path), recursive=True))
    files = {file.relative_to(root).as_posix(): file for file in found if file.is_file()}
    files = {name: file for name, file in files.items() if not any(part.startswith(".") for part in Path(name).parts)}
    if not files:
        raise ProjectError(key(table), f"no file in {shown}", "Hidden files do not count.")
    _refuse_raw(table, shown, files.values())
    return [_item(table, name, f"{shown}: {name}", files[name]) for name in sorted(files)]


def _refuse_raw(table: str, shown: str, files: Iterable[Path]) -> None:
    raw = RAW.resolve()
    if any(file.resolve().is_relative_to(raw) for file in files):
        problem = f"{shown} takes in {RAW}/, which access itself writes"
        raise ProjectError(key(table), problem, "Keep source files elsewhere, in data/source/ for example.")


def is_many(uri: str) -> bool:
    """Say whether a path stands for many files: a folder or a pattern, and no file's own name."""
    path = _path(uri)
    return not path.is_file() and (uri.endswith("/") or path.is_dir() or glob.has_magic(str(path)))


def _path(uri: str) -> Path:
    return Path(url2pathname(urlsplit(uri).path) if scheme_of(uri) == "file" else uri)


def _before_pattern(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The folders in front of the first part with a wildcard."""
    first = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return parts[:first]


def _item(table: str, name: str, shown: str, path: Path) -> Item:
    known = path.stat()
    return Item(name, shown, partial(_copy, table, path), f"{known.st_size} {known.st_mtime_ns}", known.st_size)


def _copy(table: str, path: Path, part: Part) -> None:
    try:
        shutil.copyfile(path, part.path)
    except PermissionError:
        raise ProjectError(key(table), f"{path} may not be read", "Give yourself the right: chmod u+r.") from None
    part.bar.update(part.size())
