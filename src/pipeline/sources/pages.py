"""The rows that a JSON web service gives, page by page, as one file with an object a line."""

import json
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

import requests

from pipeline.errors import ProjectError, nearest
from pipeline.params import Source
from pipeline.sources import http
from pipeline.sources.parts import Part
from pipeline.sources.uris import key


def download(session: http.Session, table: str, source: Source, part: Part) -> None:
    """Ask for page after page until the service says that there are no more: no next page, or an empty one.

    Numbers are written as Python reads them (double precision), keys in their order; memory holds one page.

    Raises:
        ProjectError: no JSON, no such place as `records` in it, no rows, or pages in a circle.
    """
    pages = source.pages
    uri, value = source.uri, None if pages.next else pages.start
    seen, before = set(), None
    with part.path.open("w", encoding="utf-8", newline="\n") as out:
        while True:
            response = http.get(
                session, table, uri, {pages.param: value} if pages.param and value is not None else None
            )
            part.bar.update(len(response.content))
            content = _parse(table, response)
            rows = _rows(table, source, content)
            if rows and rows == before:
                raise ProjectError(
                    key(table, "pages"), "the service gives the same page again and again", "Look up its parameter."
                )
            before = rows
            for row in rows:
                out.write(_line(table, row))
            if pages.param and not pages.next:
                if not rows:
                    break
                value += pages.step
                continue
            following = _look_up(content, pages.next) if pages.next else response.links.get("next", {}).get("url")
            if following in (None, "", False):
                break
            if str(following) in seen:
                raise ProjectError(
                    key(table, "pages"), "the pages go in a circle", "Look up where the service names the next."
                )
            seen.add(str(following))
            if pages.param:
                value = following
            else:
                uri = _same_host(table, response.url, urljoin(response.url, str(following)))
        if not out.tell():
            raise ProjectError(key(table, "records"), f"no rows at `{source.records}`", "Look at the URI in a browser.")


def _parse(table: str, response: requests.Response) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ProjectError(key(table), f"the answer has {constant}, which is no JSON", "Tell the service's makers.")

    try:
        return json.loads(response.content, parse_constant=refuse)
    except UnicodeDecodeError as exc:
        raise ProjectError(
            key(table), f"the answer is not UTF-8 text (byte {exc.start})", "JSON has to be UTF-8."
        ) from None
    except json.JSONDecodeError as exc:
        found = "an HTML page" if "html" in response.headers.get("Content-Type", "") else f"no JSON ({exc})"
        raise ProjectError(
            key(table), f"the answer is {found}", "`records` is for JSON; leave it out for a file."
        ) from None


def _look_up(content: Any, path: str) -> Any:
    """Return what stands at `data.items`; None where there is nothing."""
    for step in path.split("."):
        if not isinstance(content, dict):
            return None
        content = content.get(step)
    return content


def _rows(table: str, source: Source, content: Any) -> list[dict[str, Any]]:
    rows = content if source.records == "." else _look_up(content, source.records)
    if rows is None:
        keys = nearest(source.records, content if isinstance(content, dict) else [], "keys there")
        raise ProjectError(key(table, "records"), f"the answer has nothing at `{source.records}`", keys)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        problem = f"what stands at `{source.records}` is no list of objects"
        raise ProjectError(
            key(table, "records"), problem, "Rows need names: leave `records` out to take the answer as it is."
        )
    return rows


def _line(table: str, row: dict[str, Any]) -> str:
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    except ValueError:
        raise ProjectError(key(table), "a number in the answer is too large", "Leave `records` out.") from None


def _same_host(table: str, uri: str, following: str) -> str:
    """Follow to pages of the same host only: the headers may hold a token."""
    here, there = urlsplit(uri), urlsplit(following)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        problem = f"the next page is at another host, {there.scheme}://{there.netloc}"
        raise ProjectError(
            key(table, "pages"), problem, "A token could get there, so it is not followed; name that host in uri."
        )
    return following
