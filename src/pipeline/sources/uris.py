"""URIs of sources: their kinds, mistakes that show without a connection, and what is put in from the environment."""

import os
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pipeline.errors import ProjectError, nearest
from pipeline.params import Source

VARIABLE = re.compile(r"\{([A-Z_][A-Z0-9_]*)\}")  # not ${NAME}: `dvc exp run -S` would fill that in, in params.yaml
SECRET = re.compile(
    r"auth|token|secret|passw|cookie|credential|signature|api[-_]?key|^(access_?key_?id|key|sig|pwd)$", re.I
)
DATABASES = ("sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql")  # those that SQLAlchemy knows by itself
SCHEMES = ("s3", "https", "http", "file", *DATABASES)
VERSION = "?versionId="  # stands behind the key of an S3 object, as fsspec has it
OWN_KEYS = {  # keys that only one kind of source understands
    "file": (),
    "s3": ("anon", "profile", "endpoint"),
    "http": ("headers", "table", "records", "pages"),
    "sql": ("query",),
}
FILE_NAME = re.compile(r'[^<>:"/\\|?*{}\x00-\x1f.][^<>:"/\\|?*{}\x00-\x1f]*')  # what every operating system takes


def key(table: str, name: str = "uri") -> str:
    """The place of a source's key, as errors name it."""
    return f"params.yaml: access.{table}.{name}"


def scheme_of(uri: str) -> str:
    """Return what stands before the first `:`, in lower case; "" for a path, also with a drive's letter."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", uri)
    return found[1].lower() if found else ""


def kind_of(source: Source) -> str:
    """Return `file`, `s3`, `http` or `sql`; "" where the scheme is none that is known."""
    scheme = scheme_of(source.uri)
    fixed = {"": "file", "file": "file", "s3": "s3", "http": "http", "https": "http"}
    if scheme in fixed:
        return fixed[scheme]
    name = scheme.split("+")[0]
    known = name in DATABASES or any(entry.name == name for entry in entry_points(group="sqlalchemy.dialects"))
    return "sql" if known else ""


def find_mistakes(table: str, source: Source) -> Iterator[ProjectError]:
    """Look for mistakes that show without any connection, variable or file."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", table):
        yield ProjectError(f"params.yaml: access.{table}", "not a name for a table", "Use letters, digits, _ and -.")
    if source.sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", source.sha256):
        remedy = f"`python src/pin.py {table}` writes it."
        yield ProjectError(key(table, "sha256"), f"found `{source.sha256}`, expected 64 hexadecimal digits", remedy)
    yield from _find_secrets(table, source)
    kind = kind_of(source)
    if not kind:
        scheme = scheme_of(source.uri)
        likely = nearest("postgresql" if scheme == "postgres" else scheme.split("+")[0], SCHEMES, "schemes")
        yield ProjectError(key(table), f"no such scheme as `{scheme}`", likely)
        return
    if not source.uri:
        yield ProjectError(key(table), "is empty", nearest("", SCHEMES, "a path, or one of the schemes"))
    if re.match(r"(s3|https?)://(/|$)", source.uri):
        yield ProjectError(key(table), "names no host" if kind == "http" else "names no bucket", f"{kind}://NAME/…")
    if source.uri.startswith("{") and kind == "file":  # the environment tells which kind it is
        kind = "sql" if source.query is not None else ""
    for other, names in OWN_KEYS.items():
        for name in names:
            if kind and other != kind and getattr(source, name) != Source.model_fields[name].default:
                yield ProjectError(key(table, name), f"means nothing for this URI; it is for {other} sources")
    if source.file is not None and not FILE_NAME.fullmatch(source.file):
        yield ProjectError(
            key(table, "file"), f"`{source.file}` is no name for a file", "Use letters, digits, ., _ and -."
        )
    if kind == "sql":
        yield from _find_sql_mistakes(table, source)
    if kind == "http":
        yield from _find_http_mistakes(table, source)


def _find_secrets(table: str, source: Source) -> Iterator[ProjectError]:
    """Credentials belong into the environment: params.yaml and the provenance are for everyone's eyes."""
    remedy = "Put it in an environment variable and write {ITS_NAME} here."
    if scheme_of(source.uri) == "postgresql" or scheme_of(source.uri).startswith("postgresql+"):
        remedy = "Leave it out and set PGPASSWORD, or use ~/.pgpass; {NAME} stands for any environment variable."
    for name, uri in (("uri", source.uri), ("endpoint", source.endpoint)):
        if uri is None or not scheme_of(uri):
            continue
        try:
            parts = urlsplit(uri)
            secret = parts.password if kind_of(source) == "sql" else parts.password or parts.username
        except ValueError as exc:
            yield ProjectError(key(table, name), f"not a URI: {exc}")
            continue
        if secret and VARIABLE.sub("", secret):
            yield ProjectError(key(table, name), "holds a password or a user's name", remedy)
        for parameter, value in parse_qsl(parts.query):
            if SECRET.search(parameter) and VARIABLE.sub("", value):
                yield ProjectError(key(table, name), f"the parameter `{parameter}` holds a credential", remedy)
    for name, value in source.headers.items():
        if SECRET.search(name) and not VARIABLE.search(value):
            example = "Bearer {MY_TOKEN}" if name.lower() == "authorization" else "{MY_TOKEN}"
            yield ProjectError(
                key(table, f"headers.{name}"),
                "holds a credential",
                f'Put it in an environment variable, for example MY_TOKEN, and write "{example}" here.',
            )


def _find_sql_mistakes(table: str, source: Source) -> Iterator[ProjectError]:
    if source.query is None:
        yield ProjectError(key(table, "query"), "missing", "Say which rows: SELECT … FROM … ORDER BY …")
    elif not re.search(r"\border\s+by\b", source.query, re.I):
        yield ProjectError(
            key(table, "query"),
            "states no order, so a database may give the rows in another one tomorrow",
            "Add ORDER BY with columns that tell all rows apart.",
        )


def _find_http_mistakes(table: str, source: Source) -> Iterator[ProjectError]:
    if source.records is not None and source.table is not None:
        yield ProjectError(
            key(table, "table"), "stands beside `records`", "Keep the one for what the URI gives: HTML or JSON."
        )
    if source.pages != Source.model_fields["pages"].default:
        if source.records is None:
            yield ProjectError(
                key(table, "records"), "missing, but `pages` is there", "Say where the rows stand: data.items"
            )
        if source.pages.param is None and source.pages.next is None:
            yield ProjectError(key(table, "pages.param"), "missing", "Say which parameter of the URI counts the pages.")


def file_name(table: str, source: Source) -> str:
    """The name under data/raw/TABLE/ of a source that is one file: `file` of params.yaml, or the last part of the URI.

    Raises:
        ProjectError: the URI has no such part, or one that is filled in from the environment.
    """
    if source.file is not None:
        return source.file
    if kind_of(source) == "sql" or source.query is not None or source.table is not None:
        return f"{table}.csv"
    if source.records is not None:
        return f"{table}.jsonl"
    uri = source.uri if scheme_of(source.uri) else Path(source.uri).as_posix()
    if scheme_of(uri) == "s3":
        uri = uri.partition(VERSION)[0]
    elif scheme_of(uri):
        uri = unquote(urlsplit(uri).path)
    name = PurePosixPath(uri).name
    if not FILE_NAME.fullmatch(name) or uri.endswith("/"):
        raise ProjectError(key(table, "file"), "missing, and the URI has no file name in it", "Name the file: data.csv")
    return name


def fill_in(table: str, source: Source) -> tuple[Source, dict[str, str]]:
    """Put environment variables in place of each `{NAME}` in the URI, the headers and the endpoint.

    Inside a URI a value is percent-encoded; at its beginning it can be a whole URI and is taken as it is.

    Returns:
        The source to fetch, and what must not be shown: the values that were put in -> `{NAME}`.

    Raises:
        ProjectError: no such variable.
    """
    hidden: dict[str, str] = {}

    def fill(name: str, text: str, encode: bool) -> str:
        def value_of(found: re.Match) -> str:
            value = os.environ.get(found[1], "")
            if not value:
                problem = f"the environment variable {found[1]} is not set"
                raise ProjectError(key(table, name), problem, f"Set it: export {found[1]}=…")
            filled = quote(value, safe="") if encode and found.start() > 0 else value
            hidden.update(dict.fromkeys((value, filled, repr(value)[1:-1]), found[0]))
            return filled

        return VARIABLE.sub(value_of, text)

    uri = fill("uri", source.uri, "://" in source.uri)
    endpoint = source.endpoint and fill("endpoint", source.endpoint, True)
    headers = {name: fill(f"headers.{name}", value, False) for name, value in source.headers.items()}
    if uri != source.uri and (password := urlsplit(uri).password):
        hidden.update({password: "…", unquote(password): "…"})
    return source.model_copy(update={"uri": uri, "endpoint": endpoint, "headers": headers}), hidden


def hide(text: str, hidden: dict[str, str]) -> str:
    """Take values that were filled in out of a text; values of one or two characters are no secrets."""
    for value in sorted(hidden, key=len, reverse=True):
        if len(value) > 2:
            text = text.replace(value, hidden[value])
    return text
