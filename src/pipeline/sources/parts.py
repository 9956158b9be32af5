"""A file on its way: it grows under a name of its own, with notes beside it by which a killed download can go on."""

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from tqdm import tqdm


@dataclass
class Part:
    """The bytes of a file so far, and what the server said of it.

    Attributes:
        path: the growing file.
        bar: the progress bar of the table, in bytes.
        given_up: whether nobody waits for the bytes any more.
        facts: `origin`, `etag`, `version_id`, `validator` (what a download that goes on must match), `done`.
    """

    path: Path
    bar: tqdm
    given_up: Event
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def notes(self) -> Path:
        return self.path.with_suffix(".json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def advance(self, size: int) -> None:
        """Count bytes that were written; the end of a download that is given up, after an error or Ctrl-C."""
        self.bar.update(size)
        if self.given_up.is_set():
            raise CancelledError

    def note(self, **facts: Any) -> None:
        """Remember facts, also for a process that comes after this one was killed."""
        self.facts |= facts
        temporary = self.notes.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(self.facts))
        temporary.replace(self.notes)

    def clear(self) -> None:
        """Forget the bytes and what was said of them."""
        self.bar.update(-self.size())
        for path in (self.notes, self.path):
            path.unlink(missing_ok=True)
        self.facts = {"origin": self.facts.get("origin")}


@dataclass(frozen=True)
class Item:
    """One file of a source.

    Attributes:
        name: its path under data/raw/TABLE/.
        uri: where it is, without what was filled in.
        download: writes the bytes to a part, or what is missing of them, and notes etag and version id.
        version: the mark of these bytes (an ETag, a time of change), where it is known before.
        size: in bytes, where the listing says it.
    """

    name: str
    uri: str
    download: Callable[[Part], None]
    version: str | None = None
    size: int | None = None


def open_part(folder: Path, item: Item, bar: tqdm, given_up: Event, fresh: bool) -> Part:
    """Find what an earlier process left of an item, or begin.

    Args:
        fresh: a part that is complete serves only if the server says that it still has the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    origin = json.dumps([item.uri, item.version])
    part = Part(folder / hashlib.sha256(origin.encode()).hexdigest()[:16], bar, given_up)
    bar.update(part.size())
    if part.notes.exists():
        part.facts = json.loads(part.notes.read_text())
    usable = part.facts.get("validator") or (part.facts.get("done") and (item.version or not fresh))
    if part.facts.get("origin") != origin or not usable or not part.path.exists():
        part.clear()
        part.facts = {"origin": origin}
    return part
