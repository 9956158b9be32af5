"""The rows of a query to a database, as CSV: UTF-8, RFC 4180 with line feeds, NULL empty and empty text "", as COPY of
PostgreSQL writes it; the same rows give the same bytes."""

import datetime
import decimal
import re
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import create_engine, exc
from sqlalchemy.engine import URL, Engine, make_url

from pipeline.errors import ProjectError, nearest
from pipeline.params import Source
from pipeline.sources.parts import Item, Part
from pipeline.sources.uris import DATABASES, key

ROWS = 10_000  # fetched at a time
DRIVERS = {  # what to install where the name of the module is another
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "cx_Oracle": "oracledb",
}


def find(table: str, source: Source, shown: str, name: str) -> list[Item]:
    engine = _open(table, source)
    return [Item(name, shown, partial(_write_rows, table, engine, source.query))]


def is_many(uri: str) -> bool:
    return False


def _open(table: str, source: Source) -> Engine:
    try:
        url = make_url(source.uri)
        if url.get_backend_name() == "sqlite":
            url = _read_only(table, url)
        return create_engine(url)
    except exc.NoSuchModuleError as unknown:
        name = str(unknown).rsplit(":", 1)[-1]
        raise ProjectError(key(table), f"no such database as `{name}`", nearest(name, DATABASES, "databases")) from None
    except ModuleNotFoundError as missing:
        package = DRIVERS.get(missing.name, missing.name)
        remedy = f'pip install "{package}", and add it to the dependencies in pyproject.toml (then: make lock)'
        raise ProjectError(key(table), f"its driver, the module {missing.name}, is not installed", remedy) from None
    except (exc.ArgumentError, ValueError):
        raise ProjectError(key(table), "no URI of a database", "postgresql://HOST/DATABASE or sqlite:///FILE") from None


def _read_only(table: str, url: URL) -> URL:
    """SQLite would make a file that is missing, and write beside one that is there."""
    if url.database is None or url.database.startswith("file:"):
        return url
    path = Path(url.database)
    if not path.is_file():
        near = nearest(path.name, [entry.name for entry in sorted(path.parent.glob("*"))], "files")
        raise ProjectError(key(table), f"no such file as {path}", f"In {path.parent}: {near}")
    return url.set(database=f"file:{quote(str(path.resolve()))}", query={**url.query, "mode": "ro", "uri": "true"})


def _write_rows(table: str, engine: Engine, query: str, part: Part) -> None:
    options = {"yield_per": ROWS, "no_parameters": True, "postgresql_readonly": True}
    try:
        with engine.connect() as connection, part.path.open("w", encoding="utf-8", newline="") as out:
            rows = connection.execution_options(**options).exec_driver_sql(query)
            names = list(rows.keys())
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ProjectError(
                    key(table, "query"), f"two columns have the name `{twice[0]}`", "Rename one with AS."
                )
            part.bar.update(out.write(",".join(map(_quote, names)) + "\n"))
            empty = True
            for some in rows.partitions(ROWS):
                empty = False
                part.bar.update(out.write("".join(_line(table, names, row) for row in some)))
        if empty:
            raise ProjectError(key(table, "query"), "no rows", "Try the query with the database's own tool.")
    except exc.ResourceClosedError:
        raise ProjectError(key(table, "query"), "gives no rows", "It has to be a SELECT.") from None
    except exc.DBAPIError as failed:
        where = key(table, "query") if isinstance(failed, exc.ProgrammingError) else key(table)
        said = str(failed.orig).strip().partition("\n")[0]
        raise ProjectError(where, f"the database says: {said}", "Try it with the database's own tool.") from None
    finally:
        engine.dispose()


def _line(table: str, names: list[str], row: tuple[Any, ...]) -> str:
    cells = []
    for name, value in zip(names, row, strict=True):
        write = WRITERS.get(type(value))
        if write is None:
            problem = (
                f"the column `{name}` has values of the type {type(value).__name__}, which have no one form as text"
            )
            raise ProjectError(key(table, "query"), problem, f"Turn it into text in the query: CAST({name} AS TEXT).")
        cells.append(write(value))
    return (",".join(cells) or '""') + "\n"  # a line of one NULL would be no line to most readers


def _quote(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if text == "" or re.search(r'[,"\r\n]', text) else text


def _write_decimal(value: decimal.Decimal) -> str:
    return format(value, "f") if value.is_finite() else str(value)


def _write_datetime(value: datetime.datetime) -> str:
    """A time with a zone comes in the zone of the session, which is not the data's; so in UTC."""
    return (value.astimezone(datetime.UTC) if value.tzinfo else value).isoformat()


WRITERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    str: _quote,
    bool: lambda value: "true" if value else "false",
    int: str,
    float: repr,
    decimal.Decimal: _write_decimal,
    datetime.datetime: _write_datetime,
    datetime.date: datetime.date.isoformat,
    datetime.time: datetime.time.isoformat,
    uuid.UUID: str,
}
