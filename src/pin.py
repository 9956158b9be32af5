"""Pin: fetch the sources and write their sha256 into params.yaml; the rest of that file stays as it is.

    python src/pin.py               all tables
    python src/pin.py weather       one

What was fetched is kept, so that the next `dvc repro` need not fetch it again.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from pipeline import params, sources, stage
from pipeline.errors import ProjectError, ProjectErrors, nearest
from pipeline.sources import store, uris


def main() -> None:
    parser = argparse.ArgumentParser(prog="python src/pin.py", description=__doc__.splitlines()[0])
    parser.add_argument("tables", metavar="TABLE", nargs="*", help="of params.yaml: access; without any, all")
    pin(parser.parse_args().tables, params.FILE, store.RAW)


def pin(tables: list[str], file: Path, raw: Path) -> None:
    """Fetch tables, and write the sha256 of each that came.

    Raises:
        ProjectErrors: no such table, or a source is unreachable or wrong; the others are pinned all the same.
    """
    wanted = params.load("access", file=file)
    for table in tables:
        if table not in wanted:
            raise ProjectError(f"{file}: access.{table}", "no such table", nearest(table, wanted, "tables"))
    wanted = {table: wanted[table] for table in tables or wanted}
    sources.check({table: source.model_copy(update={"sha256": None}) for table, source in wanted.items()})
    mistakes: list[ProjectError] = []
    found: dict[str, str] = {}
    with store.locked(raw):
        for table, source in wanted.items():
            try:
                fetched = sources.fetch(table, source, raw / store.PARTIAL, fresh=True)
            except ProjectError as mistake:
                mistakes.append(mistake)
                continue
            found[table] = fetched.sha256
            size = (
                f"{len(fetched.parts)} files, {fetched.bytes:,} bytes"
                if len(fetched.parts) > 1
                else f"{fetched.bytes:,} bytes"
            )
            if source.sha256 == fetched.sha256:
                print(f"{table}: unchanged ({size})")
            else:
                print(f"{table}: {source.sha256 or 'not pinned'} -> {fetched.sha256} ({size})")
            for name in not_utf8(fetched.parts):
                print(
                    f"{table}: {name} is not UTF-8 text; say in contract.yaml what it is: encoding: latin-1",
                    file=sys.stderr,
                )
    text = file.read_bytes().decode("utf-8")
    pinned = write_hashes(text, found)
    if pinned != text:
        temporary = file.with_name(f".{file.name}.new")
        temporary.write_bytes(pinned.encode("utf-8"))
        temporary.chmod(file.stat().st_mode)
        temporary.replace(file)
    if mistakes:
        raise ProjectErrors(mistakes)


def write_hashes(text: str, hashes: Mapping[str, str]) -> str:
    """Put hashes into the text of params.yaml and change nothing else in it.

    Args:
        hashes: table -> sha256.

    Returns:
        The text, with the value of each `access.TABLE.sha256` replaced, or the key added behind `uri`.
    """
    for table, sha256 in hashes.items():
        text = _write_hash(text, table, sha256)
    return text


def _write_hash(text: str, table: str, sha256: str) -> str:
    try:
        written = _edit(text, table, sha256)
        if _values(_source_node(written, table))["sha256"][1].value == sha256:
            return written
    except (yaml.YAMLError, KeyError):
        pass
    problem = "is written in a way that pin does not understand"
    raise ProjectError(uris.key(table), problem, f"Put the line there yourself:\n    sha256: {sha256}")


def _edit(text: str, table: str, sha256: str) -> str:
    node = _source_node(text, table)
    keys = _values(node)
    if "sha256" in keys:
        name, value = keys["sha256"]
        start, end = value.start_mark.index, value.end_mark.index
        if start < end:
            return text[:start] + sha256 + text[end:]
        colon = text.index(":", name.end_mark.index) + 1  # `sha256:` and nothing
        return f"{text[:colon]} {sha256}{text[colon:]}"
    name, uri = keys["uri"]
    end = uri.end_mark.index
    if node.flow_style:  # in braces
        return f"{text[:end]}, sha256: {sha256}{text[end:]}"
    line_end = next((i for i in range(end, len(text)) if text[i] in "\r\n"), len(text))
    newline = "\r\n" if "\r\n" in text else "\n"
    return f"{text[:line_end]}{newline}{' ' * name.start_mark.column}sha256: {sha256}{text[line_end:]}"


def _source_node(text: str, table: str) -> yaml.MappingNode:
    return _values(_values(yaml.compose(text))["access"][1])[table][1]


def _values(node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    return {name.value: (name, value) for name, value in node.value}


def not_utf8(parts: Mapping[str, Path]) -> list[str]:
    """Return the names of text files that are in another encoding than the usual one."""
    found = []
    for name, path in parts.items():
        if not name.lower().endswith((".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".txt")):
            continue
        try:
            with path.open(encoding="utf-8") as file:
                while file.read(1 << 20):
                    pass
        except UnicodeDecodeError:
            found.append(name)
    return found


if __name__ == "__main__":
    stage.run(main)
