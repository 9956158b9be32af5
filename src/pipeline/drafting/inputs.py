"""What the user gave to draft from: a file, which may have to come into the project, or a URI."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline import sources
from pipeline.drafting.naming import free, slug
from pipeline.drafting.sniffing import Told
from pipeline.errors import ProjectError, ProjectErrors, nearest
from pipeline.params import Source
from pipeline.raw import FORMATS
from pipeline.sources import store, uris

HERE = Path("data/source")
MOST_FOR_GIT = 5_000_000  # bytes


@dataclass(frozen=True)
class Given:
    """One table to draft.

    Attributes:
        source: as params.yaml will state it, without sha256.
        file: to look at; None until it was fetched.
        copy: whether the file has to be copied to data/source/.
    """

    table: str
    source: Source
    told: Told
    file: Path | None
    copy: bool = False


def understand(places: list[str], tables: list[str], queries: list[str], told: Told) -> list[Given]:
    """Make sense of the command's arguments; names of tables and queries belong to the files in their order.

    Raises:
        ProjectError: more names than files, a database without a query, no such file, one too large for Git.
    """
    if len(tables) > len(places):
        raise ProjectError("--table", f"{len(tables)} names for {len(places)} files")
    waiting, taken, found = list(queries), {"ready"}, []
    for number, place in enumerate(places):
        is_sql = uris.kind_of(Source(uri=place)) == "sql"
        if is_sql and not waiting:
            remedy = "Say which rows: --query 'SELECT … FROM … ORDER BY …'; one for each database, in their order."
            raise ProjectError(place, "a database needs a query", remedy)
        source = Source(uri=place, query=waiting.pop(0) if is_sql else None)
        name = tables[number] if number < len(tables) else free(_table_name(place, is_sql), taken)
        if number < len(tables) and (not re.fullmatch("[a-z][a-z0-9_]*", name) or name in taken):
            remedy = "Use letters a to z, digits and _; `ready` is the table that the model reads."
            raise ProjectError(f"--table {name}", "no name for a table, or taken already", remedy)
        taken.add(name)
        found.append(_local(name, source, told) if uris.kind_of(source) == "file" else Given(name, source, told, None))
    copies = [given for given in found if given.copy and given.file]
    for number, given in enumerate(copies):
        for other in copies[:number]:
            if given.file.name == other.file.name and given.file.resolve() != other.file.resolve():
                problem = f"has the name of {other.file}, and both are to be copied to {HERE.as_posix()}/"
                raise ProjectError(str(given.file), problem, "Rename one of them.")
    if waiting:
        raise ProjectError("--query", f"{len(waiting)} more than databases")
    return found


def _table_name(place: str, is_sql: bool) -> str:
    name = place.partition("?")[0].rstrip("/").rpartition("/")[2]
    found = slug(Path(name).stem if is_sql else name.lstrip(".").split(".")[0], "table")
    return found if found[0].isalpha() else f"table_{found}"


def _local(table: str, source: Source, told: Told) -> Given:
    path = Path(source.uri)
    if not path.is_file():
        if path.is_dir():
            remedy = f"Draft from one of its files; then write the folder, with a / behind it, as access.{table}.uri."
            raise ProjectError(str(path), "is a folder", remedy)
        near = [entry.name for entry in sorted(path.parent.glob("*"))] if path.parent.is_dir() else []
        raise ProjectError(str(path), "no such file", nearest(path.name, near, f"in {path.parent}"))
    if path.resolve().is_relative_to(HERE.resolve()):
        inside = HERE / path.resolve().relative_to(HERE.resolve())
        return Given(table, Source(uri=inside.as_posix()), told, inside)
    if not uris.FILE_NAME.fullmatch(path.name):
        raise ProjectError(
            str(path), "no name for a file that everyone can read", "Rename it: letters, digits, ., _ and -."
        )
    size, copy = path.stat().st_size, HERE / path.name
    if size > MOST_FOR_GIT:
        remedy = (
            f"Let DVC keep it: cp '{path}' {HERE}/ && dvc add '{copy}', and draft from there; "
            "or put it where all can reach it, and draft from its URI (s3://…, https://…)."
        )
        raise ProjectError(
            str(path), f"{size / 1e6:,.0f} MB are too much for Git (over {MOST_FOR_GIT / 1e6:.0f} MB)", remedy
        )
    if copy.exists() and store.hash_file(copy) != store.hash_file(path):
        raise ProjectError(str(copy), f"is another file than {path}", "Rename yours, or delete the old one.")
    return Given(table, Source(uri=copy.as_posix()), told, path, copy=not copy.exists())


def fetch(given: Given, folder: Path) -> Given:
    """Fetch what is no local file, to look at it under its own name in a folder.

    Raises:
        ProjectError: it can't be had, or is many files.
    """
    try:
        sources.check({given.table: given.source})
        fetched = sources.fetch(given.table, given.source, store.RAW / store.PARTIAL, fresh=True)
    except (ProjectError, ProjectErrors) as mistake:  # it stands on the command line, and not yet in params.yaml
        first = getattr(mistake, "errors", [mistake])[0]
        where = first.where.replace(uris.key(given.table, ""), f"{given.table}: ").replace(": query", ": --query")
        raise ProjectError(where, first.problem, first.remedy) from None
    if len(fetched.parts) > 1:
        remedy = f"Draft from one of them; then write {given.source.uri} as access.{given.table}.uri."
        raise ProjectError(given.source.uri, f"stands for {len(fetched.parts)} files", remedy)
    name, part = next(iter(fetched.parts.items()))
    file = folder / given.table / Path(name).name
    file.parent.mkdir()
    shutil.copyfile(part, file)
    return Given(given.table, given.source.model_copy(update={"sha256": fetched.sha256}), given.told, file)


def bring(givens: list[Given]) -> dict[str, Source]:
    """Copy files to data/source/, and pin the sha256 of all by the code that `pin` uses."""
    pinned = {}
    for given in givens:
        if given.copy and given.file:
            try:
                HERE.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(given.file, HERE / given.file.name)
            except OSError as exc:
                problem = f"{given.file} cannot be copied there: {exc.strerror}"
                raise ProjectError(HERE.as_posix(), problem, "It has to be a folder that you may write.") from None
        sha256 = (
            given.source.sha256
            or sources.fetch(given.table, given.source, store.RAW / store.PARTIAL, fresh=True).sha256
        )
        pinned[given.table] = given.source.model_copy(update={"sha256": sha256})
    return pinned


def unused(pinned: Mapping[str, Source]) -> list[str]:
    """Data files in data/source/ that no table comes from."""
    used = " ".join(source.uri for source in pinned.values())
    kinds = (*FORMATS, ".db", ".sqlite", ".sqlite3")
    files = sorted(
        path.as_posix() for path in HERE.glob("*") if any(suffix.lower() in kinds for suffix in path.suffixes)
    )
    return [path for path in files if path not in used and not path.endswith(".dvc")]
