"""Sources on the web: a file, a table of an HTML page, or the rows that a JSON service gives page by page."""

from functools import partial

from pipeline.params import Source
from pipeline.sources import http
from pipeline.sources.parts import Item


def find(table: str, source: Source, shown: str, name: str) -> list[Item]:
    session = http.open_session(source.headers)
    if source.records is not None:
        from pipeline.sources import pages

        download = partial(pages.download, session, table, source)
    elif source.table is not None:
        from pipeline.sources import html

        download = partial(html.download, session, table, source)
    else:
        download = partial(http.download, session, table, source.uri)
    return [Item(name, shown, download)]


def is_many(uri: str) -> bool:
    return False
