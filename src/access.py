"""Access: bring the raw files of each table to data/raw/, as they came, once they have the sha256 of params.yaml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import contract, params, sources, stage
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.params import Source
from pipeline.sources import store, uris


def main() -> None:
    bring(params.load("access"), store.RAW, contract.read_checked(contract.LICENCES))


def bring(wanted: Mapping[str, Source], raw: Path, licences: Mapping[str, Any]) -> None:
    """Make `raw` hold the files of the wanted tables and provenance.json, and nothing else.

    A table whose files are there already is not fetched again. A mistake in one table does not keep the others from
    being fetched: all are told at the end, and what has arrived need not come a second time.

    Args:
        licences: table -> what provenance.json is to say of its licences.

    Raises:
        ProjectErrors: a source is unreachable or wrong, its bytes are others than those of the pinned sha256, or no
            sha256 is pinned.
    """
    sources.check(wanted)
    mistakes: list[ProjectError] = []
    with store.locked(raw):
        provenance = store.read_provenance(raw)
        store.refuse_strangers(raw, provenance)
        for table, source in wanted.items():
            if store.is_kept(raw, table, sources.about(source), source.sha256, provenance):
                print(f"{table}: kept")
                continue
            try:
                fetched = sources.fetch(table, source, raw / store.PARTIAL)
                refuse_other_bytes(table, source, fetched)
            except ProjectError as mistake:
                mistakes.append(mistake)
                continue
            store.place(raw, table, fetched.entry, fetched.parts, provenance)
            print(f"{table}: {fetched.bytes:,} bytes from {source.uri}")
        if mistakes:
            raise ProjectErrors(mistakes)
        for table in wanted:
            provenance[table]["licenses"] = licences.get(table, [])
        store.finish(raw, wanted, provenance)


def refuse_other_bytes(table: str, source: Source, fetched: sources.Fetched) -> None:
    """Let nothing into data/raw/ but the pinned bytes."""
    if source.sha256 is None:
        remedy = f"Put this line there, or run `python src/pin.py {table}`:\n    sha256: {fetched.sha256}"
        raise ProjectError(uris.key(table, "sha256"), "missing", remedy)
    if fetched.sha256 != source.sha256:
        fetched.discard()
        raise ProjectError(
            uris.key(table, "sha256"),
            f"{source.uri} gives {fetched.bytes:,} bytes with another sha256, {fetched.sha256}",
            f"It has changed, or was changed on its way. If you trust it: python src/pin.py {table}",
        )


if __name__ == "__main__":
    stage.run(main)
