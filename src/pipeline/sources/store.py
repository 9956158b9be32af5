"""data/raw: what is there already, and how a table's files come to stand in it, whole and checked or not at all."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pipeline.errors import ProjectError

RAW = Path("data/raw")
PARTIAL = ".partial"  # downloads under way; hidden, so ours to remove
PROVENANCE = "provenance.json"

Provenance = dict[str, dict[str, Any]]  # table -> uri, sha256, files: name -> bytes, sha256, …


@contextmanager
def locked(raw: Path) -> Iterator[None]:
    """Keep a second `access` or `pin` out; the lock ends with its process, however that ends."""
    (raw / PARTIAL).mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(raw / PARTIAL / "lock", timeout=0):
            yield
    except Timeout:
        raise ProjectError(str(raw), "another access or pin is at work here", "Wait until it has ended.") from None


def read_provenance(raw: Path) -> Provenance:
    path = raw / PROVENANCE
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError:
        raise ProjectError(
            str(path), "not readable as JSON", f"Get it back: dvc checkout {raw}; or delete {raw}."
        ) from None


def write_provenance(raw: Path, provenance: Provenance) -> None:
    """Write what is known of all tables: no time, no credentials, so the same sources give the same bytes."""
    temporary = raw / PARTIAL / PROVENANCE
    text = json.dumps(provenance, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    temporary.write_text(text, encoding="utf-8", newline="\n")
    _sync(temporary)
    temporary.replace(raw / PROVENANCE)


def refuse_strangers(raw: Path, provenance: Provenance) -> None:
    """Refuse to work in a folder with files that access did not write: they would be lost, and may be the only copy."""
    ours = {raw / PROVENANCE} | {raw / table / name for table, entry in provenance.items() for name in entry["files"]}
    for path in sorted(_files(raw)):
        if path not in ours and not any(part.startswith(".") for part in path.relative_to(raw).parts):
            remedy = "Move it to data/source/ and name it in params.yaml (access: TABLE: uri), or delete it."
            raise ProjectError(str(path), "was not written by access, which keeps this folder", remedy)


def is_kept(raw: Path, table: str, about: Mapping[str, Any], sha256: str | None, provenance: Provenance) -> bool:
    """Say whether the files of a table are there already, from the same source and with the same bytes."""
    entry = provenance.get(table)
    if (
        entry is None
        or entry["sha256"] != sha256
        or {k: v for k, v in entry.items() if k not in ("sha256", "files", "licenses")} != about
    ):
        return False
    found = {name: raw / table / name for name in entry["files"]}
    return all(path.is_file() and hash_file(path) == entry["files"][name]["sha256"] for name, path in found.items())


def place(raw: Path, table: str, entry: dict[str, Any], parts: Mapping[str, Path], provenance: Provenance) -> None:
    """Move the checked files of a table to where they belong.

    The provenance is written before they move and after those that go were removed, so that at any moment it lists
    every file that is there.
    """
    for path in parts.values():
        _sync(path)
    remove_others(raw / table, {raw / table / name for name in parts})
    provenance[table] = entry
    write_provenance(raw, provenance)
    for name, path in parts.items():
        (raw / table / name).parent.mkdir(parents=True, exist_ok=True)
        path.replace(raw / table / name)


def finish(raw: Path, tables: Mapping[str, Any], provenance: Provenance) -> None:
    """Remove what no source asks for, and everything that was only needed on the way."""
    keep = {raw / PROVENANCE} | {raw / table / name for table in tables for name in provenance[table]["files"]}
    remove_others(raw, keep | set(_files(raw / PARTIAL)))
    write_provenance(raw, {table: provenance[table] for table in tables})
    shutil.rmtree(raw / PARTIAL, ignore_errors=True)  # the lock is in it; Windows keeps that until its process ends


def remove_others(folder: Path, keep: set[Path]) -> None:
    """Remove all files below a folder but those to keep, and folders that are empty then."""
    for path in _files(folder):
        if path not in keep:
            path.unlink()
    for path in sorted((path for path in folder.glob("**/") if path != folder), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()


def hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(hashes: Mapping[str, str]) -> str:
    """The sha256 of many files: of the lines that `sha256sum` prints for them, sorted by name (by code points)."""
    return hashlib.sha256("".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes)).encode()).hexdigest()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("**/*") if path.is_symlink() or not path.is_dir()]


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
