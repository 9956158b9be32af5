"""Verify: is a published bundle whole, does it agree with itself, is it the one that was released, can it be rebuilt?

    python verify.py                            the bundle that this file lies in
    python verify.py BUNDLE                     another one
    python verify.py BUNDLE --expect HASH       and it is the very one whose hash the release stated elsewhere
    python verify.py BUNDLE --rebuild CLONE     and its pipeline, run anew, makes the same bytes

It needs Python 3.9 or newer and nothing else; the project's own modules are not there where a stranger runs it. It runs
nothing that it finds in the bundle. Exit status 1 and one line a problem, where there is any.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import hashlib
import itertools
import json
import lzma
import math
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

SUMS = "SHA256SUMS"
PACKAGE = "datapackage.json"
CRATE = "ro-crate-metadata.json"
RELEASE = "release.json"  # beside the bundle: it states the bundle's hash
TOLERANCE = 0.001  # of a number in a rebuilt file, relative to it where it is above 1
MOST_JSON = 64 << 20  # bytes; metadata are small, and reading them takes ten times their size
LARGE = 1 << 28  # bytes; what takes longer than a second to hash
MOST_SHOWN = 5  # problems of one kind in one table
MEMBER = re.compile(r"schema\.json|[0-9]+\.(npy|npz)")  # what a skops file holds
# Packages whose parts a model may name. Loading it checks each type against a short list; this is a first look.
MODEL_ROOTS = {"builtins", "collections", "functools", "numpy", "scipy", "sklearn"}
NOT_IN_MODELS = {"builtins.eval", "builtins.exec", "builtins.compile", "builtins.open", "builtins.__import__"}
NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"


class Refused(Exception):
    """A problem that leaves no sense in looking further at the same thing; its text is `FILE: what is wrong`."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python verify.py",
        description=__doc__.partition("\n\n")[0],
        epilog=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", metavar="BUNDLE", nargs="?", help="its folder; without it, that of this file")
    parser.add_argument("--expect", metavar="HASH", help="that of the whole bundle, as the release printed it")
    parser.add_argument(
        "--rebuild",
        metavar="CLONE",
        nargs="?",
        const="",
        help="the project's Git repository, a folder or an address; without it, the one in release.json",
    )
    parser.add_argument("--revision", metavar="REVISION", help="to rebuild; without it, the one in release.json")
    parser.add_argument("--python", metavar="PYTHON", help="to rebuild with, where it has the locked packages already")
    options = parser.parse_args()
    bundle = Path(__file__).absolute().parent if options.bundle is None else Path(options.bundle)
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        problems = list(problems_of(bundle, options.expect))
        if problems:
            sys.exit("\n".join(problems))
        count = len(listed_hashes(bundle))
        print(f"{shown(bundle)}: {count} files; every hash is right, and metadata, data and model agree.")
        print(f"The bundle's hash: {bundle_hash(bundle)}")
        if options.rebuild is not None:
            sys.exit("\n".join(rebuild(bundle, options.rebuild, options.revision, options.python)) or None)
    except Refused as exc:
        sys.exit(str(exc))
    except OSError as exc:
        sys.exit(f"{shown(exc.filename or bundle)}: {exc.strerror or exc}")
    except KeyboardInterrupt:
        sys.exit(130)


def problems_of(bundle: Path, expected: str | None = None) -> Iterator[str]:
    """Yield the problems of a bundle, `FILE: what is wrong`; no file is read before all hashes are right."""
    for checks in (
        [lambda bundle: hash_problems(bundle, expected)],
        [json_problems, model_problems],
        [package_problems, table_problems, croissant_problems, crate_problems],
        [count_problems, prediction_problems],
    ):
        found = [problem for check in checks for problem in attempt(check, bundle)]
        yield from found
        if found:  # what comes next builds on it
            return


def attempt(check: Callable[..., Iterable[str]], *arguments: Any) -> Iterator[str]:
    """Yield what a check finds; a Refused ends it, and is the last."""
    try:
        yield from check(*arguments)
    except Refused as exc:
        yield str(exc)


def shown(name: object) -> str:
    """A name as one line of text, whatever characters it has: a terminal obeys some of them."""
    words = os.fsdecode(name) if isinstance(name, (bytes, os.PathLike)) else str(name)
    words = words if len(words) <= 300 else f"{words[:300]}…"
    return words if words.isprintable() else ascii(words)


# Files and hashes


def hash_problems(bundle: Path, expected: str | None) -> Iterator[str]:
    """Files that SHA256SUMS does not list, or lists and are not there, or that have another hash."""
    if not bundle.is_dir():
        raise Refused(f"{shown(bundle)}: no such folder")
    found, odd = set(), []
    for entry in sorted(os.scandir(bundle), key=lambda entry: entry.name):
        if stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
            found.add(entry.name)
        else:
            kind = "a link" if entry.is_symlink() else "a folder" if entry.is_dir() else "no regular file"
            odd.append(entry.name)
            yield f"{shown(entry.name)}: {kind}; a bundle holds regular files only"
    if SUMS not in found:
        raise Refused(f"{SUMS}: missing; without it nothing can be checked")
    if expected is not None and expected.strip().lower() != bundle_hash(bundle):
        yield f"{SUMS}: the bundle's hash is {bundle_hash(bundle)}, expected {shown(expected.strip())}"
    listed = listed_hashes(bundle)
    actual = {}
    for name in sorted(found - {SUMS}):
        if (bundle / name).stat().st_size > LARGE:
            print(f"Hashing {shown(name)} ...", flush=True)
        actual[name] = file_hash(bundle / name)
    owners = {value: name for name, value in listed.items()}
    for name in sorted(listed.keys() - found - set(odd)):
        now = next((other for other, value in actual.items() if value == listed[name] and other not in listed), None)
        yield f"{shown(name)}: missing" + (f"; its content is now named {shown(now)}" if now else "")
    for name, value in actual.items():
        if name not in listed:
            yield f"{shown(name)}: {SUMS} does not list it"
        elif value != listed[name]:
            owner = owners.get(value)
            why = f"has the content of {shown(owner)}" if owner else f"sha256 is {value}, expected {listed[name]}"
            yield f"{shown(name)}: {why}"


def bundle_hash(bundle: Path) -> str:
    """The hash of the whole: the sha256 of SHA256SUMS, which holds those of all others."""
    return file_hash(bundle / SUMS)


def file_hash(path: Path) -> str:
    """The sha256 of a regular file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def listed_hashes(bundle: Path) -> dict[str, str]:
    """Read SHA256SUMS: name -> sha256.

    Raises:
        Refused: a line is not `HASH  NAME`, a name leads out of the folder, or stands twice, also in another case.
    """
    if (bundle / SUMS).stat().st_size > MOST_JSON:
        raise Refused(f"{SUMS}: too large to be a list of hashes")
    listed: dict[str, str] = {}
    folded: dict[str, str] = {}
    for number, line in enumerate((bundle / SUMS).read_bytes().splitlines(), 1):
        where = f"{SUMS}, line {number}"
        match = re.fullmatch(rb"([0-9a-f]{64})  (.+)", line)
        if not match:
            raise Refused(f"{where}: not written as `HASH  NAME`")
        name = os.fsdecode(match[2])
        if not name.isprintable() or re.search(r"[/\\:]", name) or name in (".", "..", SUMS):
            raise Refused(f"{where}: {shown(name)} is no name of a file in this folder")
        if name.lower() in folded:
            raise Refused(f"{where}: {shown(name)} stands twice (as {folded[name.lower()]})")
        folded[name.lower()] = name
        listed[name] = match[1].decode()
    if not listed:
        raise Refused(f"{SUMS}: lists nothing")
    return listed


# Metadata


def json_problems(bundle: Path) -> Iterator[str]:
    """JSON files that cannot be read, and a ledger whose sums are wrong."""
    for path in sorted(bundle.glob("*.json")):
        yield from attempt(lambda path: read_json(path) and (), path)
    ledger = read_json(bundle / "ledger.json")
    for table, entry in sorted(mapping(ledger).items()):
        counts = [mapping(entry).get(key) for key in ("rows_in", "rows_kept", "rows_rejected")]
        if not all(map(is_count, counts)):
            yield f"ledger.json: {shown(table)} does not say rows_in, rows_kept and rows_rejected"
        elif counts[0] != counts[1] + counts[2]:
            rows = "{} rows in are not {} kept and {} rejected".format(*counts)
            yield f"ledger.json: {shown(table)}: {rows}"


def read_json(path: Path) -> Any:
    """Read a JSON file; None if there is none.

    Raises:
        Refused: not JSON, a key stands twice, or it is larger than metadata are.
    """
    name = shown(path.name)
    try:
        if path.stat().st_size > MOST_JSON:
            raise Refused(f"{name}: too large for metadata")
        return json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=_once)
    except FileNotFoundError:
        return None
    except RecursionError:
        raise Refused(f"{name}: not readable as JSON: nested too deeply") from None
    except ValueError as exc:
        raise Refused(f"{name}: not readable as JSON: {shown(exc)}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands twice")
        found[key] = value
    return found


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, or the one that stands alone; all else is left out."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def resources(bundle: Path) -> list[dict[str, Any]]:
    return items(mapping(read_json(bundle / PACKAGE)).get("resources"))


def csv_resources(bundle: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The CSV tables of datapackage.json: name of the file, schema."""
    for resource in resources(bundle):
        path = text(resource.get("path"))
        if path.lower().endswith(".csv") and (bundle / path).is_file():
            yield path, mapping(resource.get("schema"))


def package_problems(bundle: Path) -> Iterator[str]:
    """Resources of datapackage.json that are not there, not what is stated, or say columns that nobody may see."""
    listed = listed_hashes(bundle)
    found = resources(bundle)
    if not found:
        raise Refused(f"{PACKAGE}: missing, or says no resources")
    for number, resource in enumerate(found):
        where = f"{PACKAGE}: {shown(resource.get('name', f'resource {number}'))}"
        path = text(resource.get("path"))
        if path not in listed:
            yield f"{where}: there is no file {shown(resource.get('path'))} in the bundle"
            continue
        yield from stated_problems(bundle, path, where, resource.get("hash"), resource.get("bytes"))
        for field in items(mapping(resource.get("schema")).get("fields")):
            if field.get("personal"):
                yield f"{where}: the column {shown(field.get('name'))} is personal, and must not be in a bundle"
        kind = text(resource.get("format")).lower()
        if kind == "parquet" and not _has_ends(bundle / path, b"PAR1"):
            yield f"{shown(path)}: not a Parquet file"
    tables = [path for path, _ in csv_resources(bundle)]
    for name in sorted(listed):
        if name.lower().endswith(".csv") and name not in tables:
            yield f"{shown(name)}: {PACKAGE} does not describe it"


def stated_problems(bundle: Path, name: str, where: str, digest: Any, size: Any) -> Iterator[str]:
    """What metadata state of a file's sha256 and size, and is not so."""
    if isinstance(digest, str) and re.fullmatch(r"(sha256:)?[0-9a-fA-F]{64}", digest):
        stated, actual = digest.rpartition(":")[2].lower(), listed_hashes(bundle)[name]
        if stated != actual:
            yield f"{shown(name)}: its sha256 is {actual}, {where} states {stated}"
    match = re.fullmatch(r"([0-9]{1,18})( ?B)?", str(size))
    if match and int(match[1]) != (bundle / name).stat().st_size:
        yield f"{shown(name)}: has {(bundle / name).stat().st_size} bytes, {where} states {match[1]}"


def _has_ends(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(max(0, path.stat().st_size - 4))
        return start == file.read(4) == magic


# Tables


def table_problems(bundle: Path) -> Iterator[str]:
    """CSV files whose header or values are not what datapackage.json says of them."""
    for name, schema in csv_resources(bundle):
        yield from attempt(
            _table_problems, bundle / name, items(schema.get("fields")), strings(schema, "primaryKey", [])
        )


def _table_problems(path: Path, fields: list[dict[str, Any]], keys: list[str]) -> Iterator[str]:
    name = shown(path.name)
    readers = [_checker(field, f"{PACKAGE}: {name}") for field in fields]
    rows = read_csv(path)
    header = next(rows, [])
    columns = [text(field.get("name")) for field in fields]
    if header != columns:
        different = next((pair for pair in itertools.zip_longest(header, columns) if pair[0] != pair[1]), None)
        raise Refused(f"{name}: has the column {shown(different[0])} where {PACKAGE} says {shown(different[1])}")
    if not set(keys) <= set(columns):
        raise Refused(f"{PACKAGE}: {name}: has no such column as its primary key: {shown(', '.join(keys))}")
    key_columns = [columns.index(key) for key in keys]
    seen: set[int] = set()
    known: list[set[str]] = [set() for _ in columns]  # most columns have few different values
    wrong: dict[str, int] = {}
    for number, row in enumerate(rows, 2):
        if len(row) != len(columns):
            raise Refused(f"{name}, row {number}: {len(row)} values, expected {len(columns)}")
        if keys:
            key = hash(tuple([row[column] for column in key_columns]))
            if key in seen:
                raise Refused(f"{name}, row {number}: its key stands in a row above already")
            seen.add(key)
        for column, cell in enumerate(row):
            if cell in known[column]:
                continue
            problem = readers[column](cell)
            if problem:
                wrong[columns[column]] = wrong.get(columns[column], 0) + 1
                if wrong[columns[column]] <= MOST_SHOWN:
                    yield f"{name}, row {number}: {shown(columns[column])}: {problem}"
            elif len(known[column]) < 10_000:
                known[column].add(cell)
    for column, count in wrong.items():
        if count > MOST_SHOWN:
            yield f"{name}: {shown(column)}: {count - MOST_SHOWN} more wrong values"


def read_csv(path: Path) -> Iterator[list[str]]:
    """Yield the rows of a CSV file, header first, as lists of text.

    Raises:
        Refused: not CSV in UTF-8.
    """
    csv.field_size_limit(1 << 24)
    with path.open("rb") as file:
        rows = csv.reader((line.decode("utf-8") for line in file), strict=True)
        try:
            yield from rows
        except csv.Error as exc:
            raise Refused(f"{shown(path.name)}, line {rows.line_num}: not readable as CSV: {shown(exc)}") from None
        except UnicodeDecodeError:
            raise Refused(f"{shown(path.name)}, line {rows.line_num + 1}: not UTF-8 text") from None


def _integer(cell: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]{1,40}", cell):
        raise ValueError
    return int(cell)


def _number(cell: str) -> float:
    if not re.fullmatch(f"{NUMBER}|nan|[-+]?inf", cell, re.IGNORECASE):
        raise ValueError
    return float(cell)


def _moment(cell: str) -> str:
    """A date or a time in a form that sorts as it follows in time."""
    moment = datetime.datetime.fromisoformat(cell[:-1] + "+00:00" if cell.endswith("Z") else cell)
    if moment.tzinfo:
        moment = (moment - moment.utcoffset()).replace(tzinfo=None)
    return moment.isoformat(sep=" ", timespec="microseconds")


def _date(cell: str) -> str:
    return datetime.date.fromisoformat(
        cell[:10] if re.fullmatch(r".{10}[ T]00:00:00(\.0+)?", cell) else cell
    ).isoformat()


READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": _integer,
    "year": _integer,
    "number": _number,
    "date": _date,
    "datetime": _moment,
}


def _checker(field: dict[str, Any], where: str) -> Callable[[str], str]:
    """A function that says what is wrong with a cell of a column; nothing if all is well.

    Raises:
        Refused: the contract of the column makes no sense.
    """
    kind = text(field.get("type")) or "any"
    if kind == "boolean":
        words = {word: True for word in strings(field, "trueValues", ["true", "True", "TRUE", "1"])}
        words.update((word, False) for word in strings(field, "falseValues", ["false", "False", "FALSE", "0"]))
        read: Callable[[str], Any] = words.__getitem__
    else:
        read = READERS.get(kind, str)
    limits = mapping(field.get("constraints"))
    required = limits.get("required") is True
    low, high, above, below = (
        _bound(limits.get(key), read, f"{where}: {shown(field.get('name'))}: {key}")
        for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    )
    choices = limits.get("enum")
    allowed = {_as_cell(choice) for choice in choices} if isinstance(choices, list) else None

    def problem(cell: str) -> str:
        if cell == "":
            return "no value, but one is required" if required else ""
        try:
            value = read(cell)
        except (KeyError, ValueError, OverflowError):
            return f"{shown(cell[:40])} is no {kind}"
        if allowed is not None and cell not in allowed:
            return f"{shown(cell[:40])} is none of the values in the contract"
        small = (low is not None and value < low) or (above is not None and value <= above)
        large = (high is not None and value > high) or (below is not None and value >= below)
        return f"{shown(cell[:40])} is outside of the contract's range" if small or large else ""

    return problem


def _as_cell(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _bound(value: Any, read: Callable[[str], Any], where: str) -> Any:
    if value is None:
        return None
    try:
        return float(value) if read in (_integer, _number) and not isinstance(value, str) else read(str(value))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Refused(f"{where}: {shown(str(value)[:40])} is no such value") from None


def strings(field: dict[str, Any], key: str, otherwise: list[str]) -> list[str]:
    found = field.get(key)
    return [word for word in found if isinstance(word, str)] if isinstance(found, list) else otherwise


# Counts and sums


def ready_table(bundle: Path) -> tuple[str, list[str]]:
    """The table that the model is made of, by its column `part`: name of the file, columns; empty if there is none."""
    for name, schema in csv_resources(bundle):
        columns = [text(field.get("name")) for field in items(schema.get("fields"))]
        if "part" in columns:
            return name, columns
    return "", []


def count_problems(bundle: Path) -> Iterator[str]:
    """Numbers of rows that the metrics state and the table does not have."""
    name, columns = ready_table(bundle)
    if not name:
        raise Refused(f"{PACKAGE}: describes no CSV table with a column `part`")
    column = columns.index("part")
    counts = {"train": 0, "test": 0}
    for row in itertools.islice(read_csv(bundle / name), 1, None):
        side = row[column] if len(row) > column else ""
        counts[side] = counts.get(side, 0) + 1
    train, evaluate = (mapping(read_json(bundle / f"{stage}.json")) for stage in ("train", "evaluate"))
    rows = mapping(mapping(read_json(bundle / "evaluation.json")).get("rows"))
    stated = [
        ("train_rows in train.json", "train", train.get("train_rows")),
        ("test_rows in evaluate.json", "test", evaluate.get("test_rows")),
        ("rows.train in evaluation.json", "train", rows.get("train")),
        ("rows.test in evaluation.json", "test", rows.get("test")),
    ]
    for where, side, value in stated:
        if value is not None and value != counts[side]:
            yield f"{shown(name)}: {counts[side]} rows of the part {side}, {where} states {shown(value)}"


def prediction_problems(bundle: Path) -> Iterator[str]:
    """Predictions that are not those of the test rows, in their order, and metrics that do not follow from them."""
    path = bundle / "predictions.csv"
    if not path.exists():
        return
    evaluation = mapping(read_json(bundle / "evaluation.json"))
    name, columns = ready_table(bundle)
    rows = read_csv(path)
    header = next(rows, [])
    if not {"actual", "predicted"} <= set(header):
        raise Refused("predictions.csv: lacks the columns actual and predicted")
    pairs = [(header.index(column), columns.index(column)) for column in header if column in columns]
    target = text(evaluation.get("target"))
    if target in columns:
        pairs.append((header.index("actual"), columns.index(target)))
    part = columns.index("part")
    test = (row for row in itertools.islice(read_csv(bundle / name), 1, None) if row[part] == "test")
    classes = evaluation.get("classes")
    found = Predictions([_as_cell(label) for label in classes] if isinstance(classes, list) else None, header)
    for number, (row, source) in enumerate(itertools.zip_longest(rows, test), 2):
        if row is None or source is None:
            more = "fewer" if row is None else "more"
            raise Refused(f"predictions.csv: {more} rows than {shown(name)} has of the part test")
        where = f"predictions.csv, row {number}"
        if len(row) != len(header):
            raise Refused(f"{where}: {len(row)} values, expected {len(header)}")
        for mine, theirs in pairs:
            if row[mine] != source[theirs]:
                values = f"{shown(row[mine][:40])}, {shown(name)} has {shown(source[theirs][:40])}"
                raise Refused(f"{where}: {shown(header[mine])} is {values}")
        if evaluation:
            try:
                found.add(row)
            except ValueError:
                raise Refused(f"{where}: holds what is no prediction") from None
    if evaluation:
        yield from metric_problems(evaluation, found, mapping(read_json(bundle / "evaluate.json")))


class Predictions:
    """What was predicted of the test rows: words where there are classes, otherwise numbers; few bytes a row."""

    def __init__(self, classes: list[str] | None, header: list[str]):
        self.classes = classes
        self.actual: Any = array("d") if classes is None else []
        self.predicted: Any = array("d") if classes is None else []
        self.chances = {label: array("d") for label in classes or [] if f"probability_{label}" in header}
        self._actual, self._predicted = header.index("actual"), header.index("predicted")
        self._columns = [(chance, header.index(f"probability_{label}")) for label, chance in self.chances.items()]
        self._words: dict[str, str] = {}  # each is kept once

    def add(self, row: list[str]) -> None:
        for kept, column in ((self.actual, self._actual), (self.predicted, self._predicted)):
            cell = row[column]
            kept.append(float(cell) if self.classes is None else self._words.setdefault(cell, cell))
        for chance, column in self._columns:
            chance.append(float(row[column]))


def metric_problems(evaluation: dict[str, Any], found: Predictions, narrow: dict[str, Any]) -> Iterator[str]:
    """Decisions that are not those of the threshold, and metrics that the predictions do not give."""
    threshold, classes = evaluation.get("threshold"), found.classes or [""]
    if isinstance(threshold, (int, float)) and classes[-1] in found.chances:
        for number, (chance, word) in enumerate(zip(found.chances[classes[-1]], found.predicted), 2):  # noqa: B905
            if (chance >= threshold) != (word == classes[-1]):
                what = f"predicts {shown(word)} at a probability of {chance}, the threshold is {shown(threshold)}"
                yield f"predictions.csv, row {number}: {what}"
                break
    try:
        computed = metrics(found)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise Refused("predictions.csv: no metric can be computed of it") from None
    stated = {name: mapping(entry).get("value") for name, entry in mapping(evaluation.get("metrics")).items()}
    for file, values in (("evaluation.json", stated), ("evaluate.json", narrow)):
        for name, value in computed.items():
            number = values.get(name)
            if isinstance(number, (int, float)) and not _agrees(number, value):
                yield f"predictions.csv: {name} of its rows is {value:.6g}, {file} states {shown(number)}"


def _agrees(number: float, value: float) -> bool:
    try:
        return math.isclose(number, value, rel_tol=1e-5, abs_tol=1e-5)
    except OverflowError:  # a whole number that no float holds
        return False


def metrics(found: Predictions) -> dict[str, float]:
    """Compute of predictions what evaluate states: by its definitions, without its libraries."""
    actual, predicted, classes, count = found.actual, found.predicted, found.classes, len(found.actual)
    if not count:
        return {}
    if classes is None:
        mean = math.fsum(actual) / count
        squares = math.fsum((a - p) ** 2 for a, p in zip(actual, predicted))  # noqa: B905, for Python 3.9
        spread = math.fsum((a - mean) ** 2 for a in actual)
        distance = math.fsum(abs(a - p) for a, p in zip(actual, predicted))  # noqa: B905
        values = {"rmse": math.sqrt(squares / count), "mae": distance / count}
        return {**values, "r2": 1 - squares / spread} if spread else values
    binary = len(classes) == 2
    labels = classes[1:] if binary else sorted(set(actual) | set(predicted))
    values = {
        "accuracy": sum(a == p for a, p in zip(actual, predicted)) / count,  # noqa: B905
        "f1": sum(_f1(actual, predicted, label) for label in labels) / len(labels),
    }
    if found.chances.keys() != set(classes) or not set(actual) <= set(classes):
        return values
    least = sys.float_info.epsilon
    own = (found.chances[label][row] for row, label in enumerate(actual))
    values["log_loss"] = -math.fsum(math.log(min(max(chance, least), 1 - least)) for chance in own) / count
    sides = classes[1:] if binary else classes
    values["brier"] = (
        math.fsum(
            (found.chances[side][row] - (label == side)) ** 2 for side in sides for row, label in enumerate(actual)
        )
        / count
    )
    if set(actual) == set(classes):
        curves = [_rank(found.chances[side], [label == side for label in actual]) for side in sides]
        values["roc_auc"] = sum(auc for auc, _ in curves) / len(curves)
        values["average_precision"] = sum(precision for _, precision in curves) / len(curves)
    return values


def _f1(actual: list[str], predicted: list[str], label: str) -> float:
    hits = sum(a == p == label for a, p in zip(actual, predicted))  # noqa: B905
    either = actual.count(label) + predicted.count(label)
    return 2 * hits / either if either else 0.0


def _rank(scores: Sequence[float], positive: list[bool]) -> tuple[float, float]:
    """ROC AUC as the share of pairs in the right order, and average precision, both with ties."""
    positives = sum(positive)
    negatives = len(positive) - positives
    above = hits = 0
    pairs = area = 0.0
    order = sorted(range(len(scores)), key=lambda index: -scores[index])
    for _, group in itertools.groupby(order, key=lambda index: scores[index]):
        tied = [positive[index] for index in group]
        gained = sum(tied)
        misses = len(tied) - gained
        pairs += misses * (hits + gained / 2)
        hits, above = hits + gained, above + len(tied)
        area += gained / positives * hits / above
    return pairs / (positives * negatives), area


# Croissant, RO-Crate, model


DATA_TYPES = {
    "Integer": {"integer", "year"},
    "Int64": {"integer", "year"},
    "Float": {"number"},
    "Float64": {"number"},
    "Number": {"number", "integer"},
    "Text": {"string"},
    "Boolean": {"boolean"},
    "Date": {"date", "datetime"},
    "DateTime": {"datetime"},
}


def croissant_problems(bundle: Path) -> Iterator[str]:
    """What croissant.json says of files and columns, and is not so."""
    croissant = mapping(read_json(bundle / "croissant.json"))
    listed = listed_hashes(bundle)
    described = {text(one.get("path")): items(mapping(one.get("schema")).get("fields")) for one in resources(bundle)}
    files: dict[str, str] = {}
    for entry in items(croissant.get("distribution")):
        name = unquote(text(entry.get("contentUrl"))).rpartition("/")[2]
        if name not in listed:
            yield f"croissant.json: there is no file {shown(entry.get('contentUrl'))} in the bundle"
            continue
        files[text(entry.get("@id"))] = name
        yield from stated_problems(bundle, name, "croissant.json", entry.get("sha256"), entry.get("contentSize"))
    said: dict[str, dict[str, str]] = {}
    for record_set in items(croissant.get("recordSet")):
        for field in items(record_set.get("field")):
            source = mapping(field.get("source"))
            name = files.get(text(mapping(source.get("fileObject")).get("@id")), "")
            column = text(mapping(source.get("extract")).get("column"))
            if name in described and column:
                said.setdefault(name, {})[column] = re.split("[:/]", text(field.get("dataType")))[-1]
    for name, columns in said.items():
        types = {text(field.get("name")): text(field.get("type")) for field in described[name]}
        for column in sorted(types.keys() ^ columns.keys()):
            side = PACKAGE if column in types else "croissant.json"
            yield f"croissant.json: {shown(name)}: only {side} has the column {shown(column)}"
        for column in sorted(types.keys() & columns.keys()):
            if types[column] not in DATA_TYPES.get(columns[column], {types[column]}):
                what = f"{shown(column)} is {shown(columns[column])}, {PACKAGE} says {shown(types[column])}"
                yield f"croissant.json: {shown(name)}: {what}"
    package = mapping(read_json(bundle / PACKAGE))
    if text(croissant.get("version")) and text(package.get("version")) not in ("", croissant["version"]):
        yield f"croissant.json: version {shown(croissant['version'])}, {PACKAGE} says {shown(package['version'])}"


def crate_problems(bundle: Path) -> Iterator[str]:
    """Files that ro-crate-metadata.json names and are not there or not what it states, and those it does not name."""
    if not (bundle / CRATE).exists():
        return
    crate = mapping(read_json(bundle / CRATE))
    listed = listed_hashes(bundle)
    named = {SUMS, CRATE}
    for entity in items(crate.get("@graph")):
        kinds = entity.get("@type")
        name = unquote(text(entity.get("@id")))
        name = name[2:] if name.startswith("./") else name
        if "File" not in (kinds if isinstance(kinds, list) else [kinds]) or re.match(
            r"#|[A-Za-z][A-Za-z0-9+.-]*:", name
        ):
            continue
        named.add(name)
        if name in listed:
            yield from stated_problems(bundle, name, CRATE, entity.get("sha256"), entity.get("contentSize"))
        elif name != SUMS:
            yield f"{CRATE}: there is no file {shown(name)} in the bundle"
    for name in sorted(listed.keys() - named):
        yield f"{shown(name)}: {CRATE} does not name it"


def model_problems(bundle: Path) -> Iterator[str]:
    """Models that would run code when loaded."""
    parameters = bundle / "params.yaml"
    words = parameters.read_text(encoding="utf-8", errors="replace") if parameters.exists() else ""
    asked = re.search(r"^\s*model_formats:(.*(?:\n\s*- .*)*)", words, re.MULTILINE)
    allowed = {"model.pkl"} if asked and "pickle" in asked[1] else set()
    for name in sorted(listed_hashes(bundle)):
        if name in allowed:
            continue
        with (bundle / name).open("rb") as file:
            start = file.read(2)
        if name.lower().endswith((".pkl", ".pickle", ".joblib")) or re.match(rb"\x80[\x02-\x05]", start):
            yield f"{shown(name)}: a pickle, which runs code when it is loaded; params.yaml does not ask for one"
        elif name.endswith(".skops"):
            yield from attempt(skops_problems, bundle / name)


# What reading a torn or forged archive raises; RecursionError is a RuntimeError.
UNZIPPING = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError, ValueError)


def skops_problems(path: Path) -> Iterator[str]:
    """What a skops file must not hold: a pickle, or the name of something that is no part of a model."""
    name = shown(path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info.filename for info in archive.infolist()]
            if len(set(members)) != len(members) or "schema.json" not in members:
                raise Refused(f"{name}: not a skops file")
            for member in members:
                if not MEMBER.fullmatch(member):
                    yield f"{name}: holds {shown(member)}, which is no part of a skops file"
                elif member.endswith(".npy"):
                    with archive.open(member) as file:
                        head = file.read(512)
                    if not head.startswith(b"\x93NUMPY") or re.search(rb"'descr': *'\|?O", head):
                        yield f"{name}: {member} is no array of numbers, and may hold a pickle"
            info = archive.getinfo("schema.json")
            if info.file_size > MOST_JSON:
                raise Refused(f"{name}: its schema.json is too large")
            schema = json.loads(archive.read("schema.json"))
    except UNZIPPING as exc:
        raise Refused(f"{name}: not a skops file: {shown(exc)}") from None
    waiting, types = [schema], set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "__loader__" in value:
                types.add(f"{value.get('__module__')}.{value.get('__class__')}")
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    for kind in sorted(types):
        if kind.partition(".")[0] not in MODEL_ROOTS or kind in NOT_IN_MODELS:
            yield f"{name}: names {shown(kind)}, which is no part of a model"


# Rebuild


def rebuild(bundle: Path, repository: str, revision: str | None, python: str | None) -> list[str]:
    """Run the pipeline of a revision in a fresh clone and compare its bundle with this one.

    Args:
        repository: a folder or an address; empty: the one that release.json names.
        revision: to check out; None: the one that release.json names, or the newest where there is no release.json.
        python: an interpreter that has the locked packages; None: install them from the revision's lock.

    Returns:
        What differs beyond the tolerance, a line each.

    Raises:
        Refused: there is no such repository or revision, or a step fails.
    """
    release = mapping(read_json(bundle.absolute().parent / RELEASE))
    stated = text(release.get("bundle"))
    if stated != bundle_hash(bundle):
        if stated and not repository:
            raise Refused(f"{RELEASE}: is of another bundle, {shown(stated)}")
        release = {}
    repository = repository or text(release.get("repository"))
    if not repository:
        raise Refused(f"--rebuild: say where the project's Git repository is; no {RELEASE} beside the bundle names it")
    if Path(repository).is_dir():  # git is called from another folder
        repository = str(Path(repository).absolute())
    revision = revision or text(release.get("revision")) or "HEAD"
    if repository.startswith("-") or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./-]*", revision):
        raise Refused(f"--rebuild: {shown(repository)} at {shown(revision)} is no revision of a repository")
    git = shutil.which("git")
    if not git:
        raise Refused("git: not installed, and --rebuild needs it")
    with tempfile.TemporaryDirectory(prefix="rebuild-") as folder:
        clone = Path(folder, "project")
        run("clone the project", [git, "clone", "--quiet", "--no-checkout", "--", repository, str(clone)], Path(folder))
        run(f"check out {revision}", [git, "checkout", "--quiet", "--detach", revision], clone)
        lock = clone / "dvc.lock"
        if text(release.get("dvc_lock")) and lock.exists() and release["dvc_lock"] != file_hash(lock):
            raise Refused(f"dvc.lock: that of {revision} is not the one that {RELEASE} names")
        before = locked(lock)
        path = Path(python).absolute().parent if python else install(clone)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DVC_"))}
        environment["PATH"] = os.pathsep.join([str(path), os.environ.get("PATH", "")])
        environment["DVC_SITE_CACHE_DIR"] = str(Path(folder, "dvc"))
        dvc = shutil.which("dvc", path=str(path))
        if not dvc:
            raise Refused(f"{shown(path)}: has no dvc")
        run("run the pipeline", [dvc, "repro", "--force"], clone, environment)
        after = locked(lock)
        for name in sorted(name for name in before if before[name] != after.get(name)):
            print(f"{shown(name)}: differs from what dvc.lock of {revision} says")
        return list(compare(bundle, clone / "data" / "published"))


def run(what: str, command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    """Run one step, saying what it is.

    Raises:
        Refused: it failed; its last line is in the message.
    """
    print(f"{what[0].upper()}{what[1:]} ...", flush=True)
    last = "it said nothing"
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout:
            last = line.strip() or last
            if line.startswith("Running stage"):  # DVC's word that it goes on
                print(f"  {shown(last)}", flush=True)
    if process.returncode:
        raise Refused(f"--rebuild: cannot {what}: {shown(last)}")


def install(clone: Path) -> Path:
    """Install the lock of a clone into its .venv; return the folder of its programs."""
    run("make an environment", [sys.executable, "-m", "venv", ".venv"], clone)
    programs = clone / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run("install the lock", [*pip, "--require-hashes", "-r", "requirements.txt"], clone)
    return programs


def locked(lock: Path) -> dict[str, str]:
    """The md5 of every output in a dvc.lock: path -> md5."""
    if not lock.exists():
        return {}
    outs = re.findall(r"^    outs:\n((?:    [- ] .*\n)*)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(re.findall(r"- path: (.+)\n(?: +\w+: .+\n)*? +md5: (\S+)", "".join(outs)))


def compare(bundle: Path, rebuilt: Path) -> Iterator[str]:
    """Yield what of a rebuilt bundle differs beyond the tolerance; print what differs within it.

    Numbers in texts (CSV, JSON, cards, report) are compared one by one. A model, a Parquet file or a picture cannot be
    compared in this way: its numbers stand in a text beside it, in predictions, CSV and metrics.
    """
    if not (rebuilt / SUMS).exists():
        raise Refused("data/published: the pipeline of this revision makes no bundle")
    mine, other = listed_hashes(bundle), listed_hashes(rebuilt)
    different = sorted(name for name in mine.keys() & other.keys() if mine[name] != other[name])
    for name in sorted(mine.keys() ^ other.keys()):
        yield f"{shown(name)}: only in the {'bundle' if name in mine else 'rebuilt one'}"
    for name in different:
        largest = difference(bundle / name, rebuilt / name)
        if largest is None:
            print(f"{shown(name)}: other bytes, no text; judged by the texts beside it")
        elif largest <= TOLERANCE:
            print(f"{shown(name)}: other digits, by {largest:.2g} at most; the tolerance is {TOLERANCE}")
        elif largest == math.inf:
            yield f"{shown(name)}: differs in more than numbers"
        else:
            yield f"{shown(name)}: a number differs by {largest:.2g}, the tolerance is {TOLERANCE}"
    if not different and mine == other:
        print(f"Rebuilt: all {len(mine)} files have the same bytes.")


def difference(mine: Path, other: Path) -> float | None:
    """The largest difference between numbers of two texts, relative where they are above 1.

    Returns:
        Infinity where the texts differ in more than numbers; None where they are no texts. Hashes, and data put into a
        page, follow from other files, and do not count.
    """
    largest = 0.0
    try:
        with mine.open(encoding="utf-8") as first, other.open(encoding="utf-8") as second:
            for line, twin in itertools.zip_longest(first, second):
                if line is None or twin is None:
                    return math.inf
                if line != twin:
                    largest = max(largest, _line_difference(line, twin))
    except UnicodeDecodeError:
        return None
    return largest


FOLLOWS = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{32}\b|data:[a-z/+-]+;base64,[A-Za-z0-9+/=]+")


def _line_difference(line: str, twin: str) -> float:
    line, twin = FOLLOWS.sub("#", line), FOLLOWS.sub("#", twin)
    if re.split(NUMBER, line) != re.split(NUMBER, twin):
        return math.inf
    pairs = zip(re.findall(NUMBER, line), re.findall(NUMBER, twin))  # noqa: B905
    values = [(float(a), float(b)) for a, b in pairs if a != b]
    return max((abs(a - b) / max(1.0, abs(a)) for a, b in values if a != b), default=0.0)


if __name__ == "__main__":
    main()
