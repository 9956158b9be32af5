"""JSON web services: each way to name the next page, and what is refused."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pipeline import sources
from pipeline.errors import ProjectError
from pipeline.params import Pages, Source
from web_server import Site, break_off, send, serving

ROWS = [{"id": 1, "name": "Zoë"}, {"id": 2, "name": None}, {"id": 3, "wind": 1.5}]
LINES = '{"id":1,"name":"Zoë"}\n{"id":2,"name":null}\n{"id":3,"wind":1.5}\n'
WHERE = r"params\.yaml: access\.weather\."


def fetch(folder: Path, uri: str, records: str = "data.items", pages: dict | None = None, **keys: object) -> str:
    """Fetch, and return the text that came of it."""
    source = Source(uri=uri, records=records, pages=Pages(**pages or {}), **keys)
    fetched = sources.fetch("weather", source, folder)
    return fetched.parts["weather.jsonl"].read_text(encoding="utf-8")


def asked(site: Site, parameter: str) -> list[str | None]:
    """The values of a parameter in the requests so far."""
    return [parse_qs(urlsplit(path).query).get(parameter, [None])[0] for _, path, _ in site.requests]


def answer_json(request, content: object, **headers: object) -> None:
    send(request, json.dumps(content), Content_Type="application/json", **headers)


def test_one_page_of_rows_is_one_object_a_line(site: Site, tmp_path: Path):
    site.answer = lambda request: answer_json(request, {"data": {"items": ROWS}})
    assert fetch(tmp_path, f"{site.uri}/weather") == LINES


def test_the_whole_answer_can_be_the_rows(site: Site, tmp_path: Path):
    site.answer = lambda request: answer_json(request, ROWS)
    assert fetch(tmp_path, f"{site.uri}/weather", ".") == LINES


def test_pages_are_counted_until_one_is_empty(site: Site, tmp_path: Path):
    site.answer = lambda request: answer_json(request, {"data": {"items": ROWS[len(site.requests) - 1 :][:1]}})
    assert fetch(tmp_path, f"{site.uri}/weather?size=1", pages={"param": "page"}) == LINES
    assert asked(site, "page") == ["1", "2", "3", "4"]
    assert asked(site, "size") == ["1"] * 4


def test_an_offset_counts_in_steps(site: Site, tmp_path: Path):
    site.answer = lambda request: answer_json(request, {"data": {"items": ROWS[int(asked(site, "offset")[-1]) :][:2]}})
    assert fetch(tmp_path, f"{site.uri}/weather", pages={"param": "offset", "start": 0, "step": 2}) == LINES
    assert asked(site, "offset") == ["0", "2", "4"]


def test_the_answer_may_hold_the_address_of_the_next_page(site: Site, tmp_path: Path):
    def answer(request):
        number = len(site.requests)
        following = [f"{site.uri}/weather?p=2", "/weather?p=3", None][number - 1]
        answer_json(request, {"data": {"items": ROWS[number - 1 : number]}, "links": {"next": following}})

    site.answer = answer
    assert fetch(tmp_path, f"{site.uri}/weather", pages={"next": "links.next"}) == LINES
    assert asked(site, "p") == [None, "2", "3"]


def test_the_answer_may_hold_a_mark_for_the_next_page(site: Site, tmp_path: Path):
    def answer(request):
        number = len(site.requests)
        mark = {"cursor": f"m{number}"} if number < 3 else {}
        answer_json(request, {"data": {"items": ROWS[number - 1 : number]}, "meta": mark})

    site.answer = answer
    assert fetch(tmp_path, f"{site.uri}/weather", pages={"param": "after", "next": "meta.cursor"}) == LINES
    assert asked(site, "after") == [None, "m1", "m2"]


def test_a_link_header_is_followed_without_being_told(site: Site, tmp_path: Path):
    def answer(request):
        number = len(site.requests)
        link = {"Link": f'</weather?p={number + 1}>; rel="next"'} if number < 3 else {}
        answer_json(request, ROWS[number - 1 : number], **link)

    site.answer = answer
    assert fetch(tmp_path, f"{site.uri}/weather", ".") == LINES


def test_a_token_is_sent_with_each_page(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MY_TOKEN", "s3cr3t")

    def answer(request):
        if request.headers["Authorization"] != "Bearer s3cr3t":
            send(request, status=401)
        else:
            answer_json(request, ROWS if asked(site, "page")[-1] == "1" else [])

    site.answer = answer
    uri = f"{site.uri}/weather"
    assert fetch(tmp_path, uri, ".", {"param": "page"}, headers={"Authorization": "Bearer {MY_TOKEN}"}) == LINES
    with pytest.raises(ProjectError, match=WHERE + "uri: the server answers HTTP 401 Unauthorized"):
        fetch(tmp_path / "other", uri, ".", {"param": "page"})


def test_a_page_that_breaks_off_or_fails_is_asked_for_again(site: Site, tmp_path: Path):
    body = json.dumps(ROWS).encode()

    def answer(request):
        if len(site.requests) == 1:
            break_off(request, body, 5)
        elif len(site.requests) == 2:
            send(request, status=503)
        else:
            send(request, body)

    site.answer = answer
    assert fetch(tmp_path, f"{site.uri}/weather", ".") == LINES


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"data": {"itms": []}}', r"records: the answer has nothing at `data\.items`"),
        ('{"data": {"items": 3}}', r"records: what stands at `data\.items` is no list of objects"),
        ('{"data": {"items": [[1, 2]]}}', r"records: what stands at `data\.items` is no list of objects"),
        ('{"data": {"items": []}}', r"records: no rows at `data\.items`"),
        ('{"data": {"items": [{"a": NaN}]}}', r"uri: the answer has NaN, which is no JSON"),
        ('{"data": {"items": [{"a": 1e999}]}}', r"uri: a number in the answer is too large"),
        ('{"data": ', r"uri: the answer is no JSON"),
        ("<html><body>Log in</body></html>", r"uri: the answer is no JSON"),
        (b'{"data": "\xe9"}', r"uri: the answer is not UTF-8 text \(byte 10\)"),
    ],
)
def test_an_answer_that_is_something_else_is_told(site: Site, tmp_path: Path, body: str, said: str):
    site.answer = lambda request: send(request, body)
    with pytest.raises(ProjectError, match=WHERE + said):
        fetch(tmp_path, f"{site.uri}/weather")


def test_a_service_that_knows_no_such_parameter_does_not_run_for_ever(site: Site, tmp_path: Path):
    site.answer = lambda request: answer_json(request, ROWS)
    with pytest.raises(ProjectError, match=WHERE + "pages: the service gives the same page again and again"):
        fetch(tmp_path, f"{site.uri}/weather", ".", {"param": "seite"})


def test_pages_in_a_circle_do_not_run_for_ever(site: Site, tmp_path: Path):
    site.answer = lambda request: answer_json(request, {"rows": [{"n": len(site.requests)}], "next": "/weather?p=2"})
    with pytest.raises(ProjectError, match=WHERE + "pages: the pages go in a circle"):
        fetch(tmp_path, f"{site.uri}/weather", "rows", {"next": "next"})


def test_a_next_page_at_another_host_is_not_asked_for(site: Site, tmp_path: Path):
    with serving() as other:
        site.answer = lambda request: answer_json(request, {"rows": ROWS, "next": f"{other.uri}/weather"})
        with pytest.raises(ProjectError, match=WHERE + "pages: the next page is at another host, http://127.0.0.1:"):
            fetch(tmp_path, f"{site.uri}/weather", "rows", {"next": "next"})
        assert other.requests == []
