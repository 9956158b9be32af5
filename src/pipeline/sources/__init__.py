"""Sources of raw tables, whatever their kind: find the files of one, fetch them, and say what their sha256 is."""

import errno
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any

from tqdm import tqdm

from pipeline.errors import ProjectError, ProjectErrors
from pipeline.params import Source
from pipeline.sources import store, uris
from pipeline.sources.parts import Item, Part, open_part

CONNECTIONS = 8  # files of one source fetched at the same time
ABOUT = ("uri", "file", "query", "table", "records", "endpoint")  # what provenance says of a source: nothing personal


@dataclass(frozen=True)
class Fetched:
    """The files of a table, not yet where they belong.

    Attributes:
        entry: what provenance.json will say of them.
        parts: name under data/raw/TABLE/ -> the file.
    """

    entry: dict[str, Any]
    parts: dict[str, Path]

    @property
    def sha256(self) -> str:
        return self.entry["sha256"]

    @property
    def bytes(self) -> int:
        return sum(file["bytes"] for file in self.entry["files"].values())

    def discard(self) -> None:
        """Forget the bytes, so that the next attempt asks the source again."""
        for path in self.parts.values():
            path.unlink()
            path.with_suffix(".json").unlink()


def check(sources: Mapping[str, Source]) -> None:
    """Look for mistakes in the sources that show without any connection, variable or file.

    Raises:
        ProjectErrors: all of them.
    """
    if mistakes := [error for table, source in sources.items() for error in uris.find_mistakes(table, source)]:
        raise ProjectErrors(mistakes)


def about(source: Source) -> dict[str, Any]:
    """What the provenance says of a source, as in params.yaml: nothing in it is filled in from the environment."""
    given = source.model_dump(include=set(ABOUT), exclude_defaults=True)
    if source.pages != type(source.pages)():
        given["pages"] = source.pages.model_dump(exclude_defaults=True)
    return given


def fetch(table: str, source: Source, folder: Path, fresh: bool = False) -> Fetched:
    """Fetch the files of a table into a folder, going on where an earlier process was killed.

    Args:
        fresh: ask the source again also for what lies complete in the folder.

    Raises:
        ProjectError: the source can't be reached, refuses, has not what was asked for, or the disk is full.
    """
    filled, hidden = uris.fill_in(table, source)
    with _told_to_the_user(table, hidden):
        module = _module(table, filled)
        many = module.is_many(filled.uri)
        if many and source.file is not None:
            raise ProjectError(uris.key(table, "file"), "names one file, but the URI stands for many", "Leave it out.")
        items = module.find(table, filled, source.uri, None if many else uris.file_name(table, source))
        total = None if any(item.size is None for item in items) else sum(item.size for item in items)
        with tqdm(desc=table, total=total, unit="B", unit_scale=True, leave=False, disable=None) as bar:
            parts = _fetch_items(items, folder / table, bar, fresh)
        return _describe(table, source, parts, many)


def _fetch_items(items: list[Item], folder: Path, bar: tqdm, fresh: bool) -> dict[str, Part]:
    given_up = Event()

    def fetch_item(item: Item) -> Part:
        part = open_part(folder, item, bar, given_up, fresh)
        if not part.facts.get("done"):
            item.download(part)
            part.note(done=True)
        return part

    if len(items) == 1:
        return {items[0].name: fetch_item(items[0])}
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        try:
            return dict(zip((item.name for item in items), pool.map(fetch_item, items), strict=True))
        except BaseException:
            given_up.set()
            raise


def _module(table: str, source: Source) -> ModuleType:
    """The module that knows the kind; imported here, so a local file does not wait for boto or SQLAlchemy."""
    kind = uris.kind_of(source)
    if kind == "file":
        from pipeline.sources import files as module
    elif kind == "s3":
        from pipeline.sources import s3 as module
    elif kind == "http":
        from pipeline.sources import web as module
    elif kind == "sql":
        from pipeline.sources import sql as module
    else:
        raise ProjectError(
            uris.key(table), "the environment gives a URI of no known scheme", f"({', '.join(uris.SCHEMES)})"
        )
    return module


def _describe(table: str, source: Source, parts: Mapping[str, Part], many: bool) -> Fetched:
    if not any(part.size() for part in parts.values()):
        for part in parts.values():
            part.clear()
        raise ProjectError(uris.key(table), "gives nothing, 0 bytes", "Look at the source with another tool.")
    files = {}
    for name, part in parts.items():
        known = {fact: part.facts[fact].strip('"') for fact in ("etag", "version_id") if part.facts.get(fact)}
        files[name] = {"bytes": part.size(), "sha256": store.hash_file(part.path), **known}
        if not name.lower().endswith((".html", ".htm")) and (title := _html_title(part.path)) is not None:
            part.clear()
            remedy = "Often a page to log in, or one that tells where the file is now: open the URI in a browser."
            raise ProjectError(uris.key(table), f"gives an HTML page in place of {name}{title}", remedy)
    hashes = {name: file["sha256"] for name, file in files.items()}
    sha256 = store.hash_files(hashes) if many else next(iter(hashes.values()))
    entry = {**about(source), "sha256": sha256, "files": files}
    return Fetched(entry, {name: part.path for name, part in parts.items()})


def _html_title(path: Path) -> str | None:
    """Return the title of an HTML page, in brackets; "" where it has none, None where the file is something else."""
    with path.open("rb") as file:
        start = file.read(4096).decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if not start.lower().startswith(("<!doctype html", "<html")):
        return None
    before, _, rest = start.partition("<title>")
    title = " ".join(rest.partition("</title>")[0].split())[:60]
    return f" (`{title}`)" if title and before else ""


@contextmanager
def _told_to_the_user(table: str, hidden: Mapping[str, str]) -> Iterator[None]:
    """Keep what was filled in out of every error, and say in a line that the disk is full."""
    try:
        yield
    except ProjectError as exc:
        raise ProjectError(*(uris.hide(text, hidden) for text in (exc.where, exc.problem, exc.remedy))) from None
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise ProjectError(
                str(store.RAW), f"no space is left for {table}", "Make room, then run it again."
            ) from None
        where, problem = (uris.hide(str(text), hidden) for text in (exc.filename or store.RAW, exc.strerror or exc))
        raise ProjectError(where, problem, "Look at the rights to this file and its folder.") from None
    except Exception:
        if not hidden:
            raise
        raise RuntimeError(uris.hide(traceback.format_exc(), hidden)) from None
