"""A table of an HTML page, as CSV; every cell is the text on the page."""

import io

import lxml.html
import pandas as pd

from pipeline.errors import ProjectError
from pipeline.params import Source
from pipeline.sources import http
from pipeline.sources.parts import Part
from pipeline.sources.uris import key


def download(session: http.Session, table: str, source: Source, part: Part) -> None:
    """Write the table with the number or the id that params.yaml gives; tables that only hold others do not count.

    Raises:
        ProjectError: no such table on the page, or one without rows.
    """
    response = http.get(session, table, source.uri)
    part.bar.update(len(response.content))
    charset = response.encoding if "charset" in response.headers.get("Content-Type", "") else None
    try:
        page = lxml.html.document_fromstring(response.content, parser=lxml.html.HTMLParser(encoding=charset))
    except (lxml.etree.ParserError, LookupError) as exc:
        raise ProjectError(
            key(table), f"not readable as HTML: {exc}", "`table` is for a table of an HTML page."
        ) from None
    tables = page.xpath("//table[not(.//table)]")
    if isinstance(source.table, str):
        found = [element for element in tables if element.get("id") == source.table]
        ids = ", ".join(element.get("id") for element in tables if element.get("id"))
        problem, remedy = f"no table of the page has the id `{source.table}`", f"(ids: {ids or 'none'})"
    else:
        found = tables[source.table : source.table + 1] if source.table >= 0 else []
        problem, remedy = f"no table {source.table}: the page has {len(tables)}", "They count from 0."
    if not found:
        raise ProjectError(key(table, "table"), problem, remedy)
    frame = _read(lxml.html.tostring(found[0], encoding="unicode"))
    if frame.empty:
        remedy = "Where a script fills it in, ask for the address that the script asks."
        raise ProjectError(key(table, "table"), "the table has no rows", remedy)
    frame.to_csv(part.path, index=False, lineterminator="\n", encoding="utf-8")


def _read(html: str) -> pd.DataFrame:
    """Read a table twice, the first time to see how many columns it has, for each must be told to stay text."""
    try:
        width = pd.read_html(io.StringIO(html), flavor="lxml")[0].shape[1]
    except ValueError:  # pandas finds no table in one without cells
        return pd.DataFrame()
    texts = {column: str for column in range(width)}
    options = {"keep_default_na": False, "thousands": None}
    frame = pd.read_html(io.StringIO(html), flavor="lxml", converters=texts, **options)[0]
    if isinstance(frame.columns, pd.MultiIndex):  # a header of several rows
        frame.columns = [" ".join(dict.fromkeys(map(str, names))) for names in frame.columns]
    return frame
