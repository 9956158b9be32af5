"""The web service as its callers see it: a real server on loopback, of a small bundle."""

import contextlib
import io
import json
import os
import re
import socket
import threading
import time

import jsonschema
import pandas as pd
import pytest
import requests

import features
import service
from pipeline.derive import functions_of
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.service import reading, routes, server
from pipeline.service.bundle import load_bundle
from pipeline.service.routes import make_app
from service_bundle import COLUMNS, make_bundle, opened, ready, seal, serving

PARQUET = {"Content-Type": "application/vnd.apache.parquet"}
CSV = {"Content-Type": "text/csv"}
TOKEN = "a-token-of-tests"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("service") / "bundle", threshold=0.3)


@pytest.fixture(scope="module")
def address(folder):
    with serving(make_app(opened(folder))) as address:
        yield address


@pytest.fixture(scope="module")
def closed(folder):
    """The address of a service that wants a token."""
    with serving(make_app(opened(folder), TOKEN)) as address:
        yield address


@pytest.fixture
def row(address):
    return requests.get(f"{address}/schema").json()["examples"][0]


def test_the_schema_of_a_row_is_a_json_schema_that_its_example_keeps(address, row):
    schema = requests.get(f"{address}/schema").json()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(row, schema)
    assert list(schema["properties"]) == COLUMNS


def test_a_prediction_says_decision_probabilities_threshold_and_version(address, folder, row):
    answer = requests.post(f"{address}/predict", json=row).json()
    sums = dict(line.split("  ")[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert answer["model"] == {
        "bundle": "visits-2026",
        "version": sums["model.skops"],
        "target": "busy",
        "unit": None,
        "classes": [False, True],
        "threshold": 0.3,
        "decides_for": True,
    }
    (prediction,) = answer["predictions"]
    assert prediction["predicted"] == (prediction["probabilities"]["true"] >= 0.3)
    assert sum(prediction["probabilities"].values()) == pytest.approx(1)


def test_a_csv_file_comes_back_with_its_own_columns_and_the_predictions(address):
    table = ready()
    text = table.to_csv(index=False)
    answer = requests.post(f"{address}/predict", data=text.encode(), headers=CSV)
    assert answer.headers["content-type"].startswith("text/csv")
    lines, given = answer.text.splitlines(), text.splitlines()
    assert [line[: len(before)] for line, before in zip(lines, given, strict=True)] == given
    assert lines[0] == f"{given[0]},predicted,probability_false,probability_true,notes"


def test_parquet_json_and_csv_get_the_same_predictions(address):
    table = ready()[COLUMNS]
    target = io.BytesIO()
    table.to_parquet(target, index=False)
    parquet = pd.read_parquet(
        io.BytesIO(requests.post(f"{address}/predict", data=target.getvalue(), headers=PARQUET).content)
    )
    csv = pd.read_csv(
        io.StringIO(requests.post(f"{address}/predict", data=table.to_csv(index=False), headers=CSV).text)
    )
    rows = json.loads(table.to_json(orient="records", date_format="iso"))
    answer = requests.post(f"{address}/predict", json={"rows": rows}).json()["predictions"]
    expected = [prediction["probabilities"]["true"] for prediction in answer]
    assert parquet["probability_true"].tolist() == csv["probability_true"].tolist() == expected
    assert parquet["predicted"].tolist() == csv["predicted"].tolist()


def test_a_file_gets_json_where_that_is_asked_for(address):
    text = ready()[COLUMNS].to_csv(index=False)
    answer = requests.post(f"{address}/predict", data=text, headers=CSV | {"Accept": "application/json"})
    assert len(answer.json()["predictions"]) == 48


def test_bad_rows_are_refused_with_row_and_field(address, row):
    answer = requests.post(f"{address}/predict", json=[row, row | {"wind": -3}])
    assert answer.status_code == 422
    assert answer.json() == {
        "detail": "1 value is not as the contract says.",
        "errors": [
            {"row": 2, "field": "wind", "problem": "`-3.0` is under the minimum 0", "remedy": "Allowed: 0 to 60 m/s"}
        ],
    }


@pytest.mark.parametrize("path", ["/predict", "/explain"])
def test_a_body_of_another_kind_is_refused(address, path):
    assert requests.post(f"{address}{path}", data=b"x", headers={"Content-Type": "text/xml"}).status_code == 415


def test_one_row_is_explained(address, row):
    answer = requests.post(f"{address}/explain", json=row).json()
    assert {change["field"] for change in answer["changes"]} == set(COLUMNS)
    assert requests.post(f"{address}/explain", json=[row, row]).status_code == 422


def chunks(size, count):
    for _ in range(count):
        yield b" " * size


def test_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not(address, monkeypatch):
    monkeypatch.setattr(routes, "MAX_BYTES", 1000)
    assert requests.post(f"{address}/predict", data=b" " * 1001).status_code == 413
    assert requests.post(f"{address}/predict", data=chunks(400, 3)).status_code == 413


def test_too_many_rows_are_refused(address, monkeypatch, row):
    monkeypatch.setattr(reading, "MAX_ROWS", 2)
    answer = requests.post(f"{address}/predict", json=[row] * 3)
    assert answer.status_code == 413
    assert "At most 2 rows" in answer.json()["detail"]


def test_a_body_that_does_not_come_is_not_waited_for(address, monkeypatch):
    monkeypatch.setattr(routes, "BODY_SECONDS", 0.05)
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("begun", [b"", b"GET / HT"])
def test_a_request_that_does_not_come_is_not_waited_for(address, monkeypatch, begun):
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.05)
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(begun)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b""


def test_who_waits_too_long_for_a_processor_is_told_to_come_again(folder, row, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def slow(*_):
        begun.set()
        go_on.wait(30)
        raise reading.RefusedError(422, "Enough.")

    monkeypatch.setattr(routes, "QUEUE_SECONDS", 0.05)
    monkeypatch.setattr(routes, "processors", lambda: 1)
    monkeypatch.setattr(routes, "read_body", slow)
    with serving(make_app(opened(folder))) as address:
        first = threading.Thread(target=requests.post, args=(f"{address}/predict",), kwargs={"json": row})
        first.start()
        begun.wait(30)
        answer = requests.post(f"{address}/predict", json=row)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert requests.get(f"{address}/health").ok
        go_on.set()
        first.join()


def test_a_failure_inside_is_answered_without_a_word_about_the_inside(address, row, monkeypatch):
    monkeypatch.setattr(routes, "read_body", lambda *_: 1 / 0)
    answer = requests.post(f"{address}/predict", json=row)
    assert answer.status_code == 500
    assert answer.json() == {"detail": "The service failed; its log says more.", "errors": []}


def test_the_data_come_as_parquet_csv_or_json_lines_by_query_or_by_accept(address, folder):
    parquet = requests.get(f"{address}/data")
    assert parquet.content == (folder / "visits-2026.parquet").read_bytes()
    csv = requests.get(f"{address}/data", headers={"Accept": "text/csv"})
    assert csv.content == (folder / "visits-2026.csv").read_bytes()
    lines = requests.get(f"{address}/data?format=jsonl", headers={"Accept": "text/csv"})
    assert lines.headers["content-type"].startswith("application/jsonl")
    assert [json.loads(line)["id"] for line in lines.text.splitlines()] == list(range(48))
    assert requests.get(f"{address}/data?format=xlsx").status_code == 422


def test_json_lines_are_made_some_rows_at_a_time(address, monkeypatch):
    monkeypatch.setattr(routes, "BLOCK", 5)
    answer = requests.get(f"{address}/data?format=jsonl", stream=True)
    assert answer.headers["transfer-encoding"] == "chunked"
    assert len(answer.text.splitlines()) == 48


def test_a_download_can_go_on_where_it_broke_off(address, folder):
    answer = requests.get(f"{address}/data?format=csv", headers={"Range": "bytes=100-"})
    assert answer.status_code == 206
    assert answer.content == (folder / "visits-2026.csv").read_bytes()[100:]


def test_metadata_report_and_files_of_the_bundle_are_there_and_no_others(address, folder):
    assert requests.get(f"{address}/metadata").headers["content-type"] == "application/ld+json"
    assert "The report" in requests.get(f"{address}/report").text
    assert requests.get(f"{address}/bundle/README.md").text == "# The data card\n"
    (folder.parent / "secret").write_text("secret")
    for name in ("..%2Fsecret", "%2e%2e/secret", "SHA256SUMS%00", "nothing", "/etc/passwd"):
        assert requests.get(f"{address}/bundle/{name}").status_code == 404


def test_health_names_the_model(address):
    health = requests.get(f"{address}/health").json()
    assert health["status"] == "ok"
    assert len(health["version"]) == 64


def test_the_pages_of_the_api_load_nothing_from_elsewhere(address):
    for path in ("/docs", "/redoc"):
        page = requests.get(f"{address}{path}").text
        assert "https://" not in page
    described = requests.get(f"{address}/openapi.json").json()
    assert list(described["components"]["schemas"]["Row"]["properties"]) == COLUMNS


def test_every_mistake_of_http_is_told_in_the_same_form(address):
    for status, answer in ((404, requests.get(f"{address}/nothing")), (405, requests.get(f"{address}/predict"))):
        assert answer.status_code == status
        assert answer.json().keys() == {"detail", "errors"}


def test_every_answer_has_the_headers_that_keep_a_browser_safe(address):
    for path in ("/", "/health", "/nothing", "/report"):
        headers = requests.get(f"{address}{path}").headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in requests.get(f"{address}/").headers["content-security-policy"]


def test_the_form_asks_for_what_the_contract_says(address):
    page = requests.get(address).text
    for words in ("Time of day", "By the wall clock; 517 is 5:17", "HHMM", "0 to 60 m/s", "<option>west</option>"):
        assert words in page
    assert re.findall(r'<(?:select|input) id="f-(\w+)"', page) == COLUMNS


def test_without_the_token_there_is_no_answer_but_health_and_the_login_page(closed):
    for path in ("/", "/data", "/schema", "/metadata", "/docs", "/openapi.json", "/bundle/README.md", "/report"):
        answer = requests.get(f"{closed}{path}")
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert requests.post(f"{closed}/predict", json={}).status_code == 401
    assert requests.get(f"{closed}/health").ok
    page = requests.get(closed, headers={"Accept": "text/html"})
    assert page.status_code == 401
    assert "A token is needed" in page.text
    assert requests.get(f"{closed}/static/page.css").ok


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"]
)
def test_another_token_is_none(closed, given):
    assert requests.get(f"{closed}/schema", headers={"Authorization": given.encode()}).status_code == 401


def test_with_the_token_there_is_an_answer(closed):
    assert requests.get(f"{closed}/schema", headers={"Authorization": f"Bearer {TOKEN}"}).ok


def test_a_browser_gets_a_cookie_for_the_token_that_is_not_the_token(closed):
    browser = requests.Session()
    assert browser.post(f"{closed}/login", data={"token": "wrong"}).status_code == 401
    answer = browser.post(f"{closed}/login", data={"token": TOKEN}, allow_redirects=False)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert browser.get(f"{closed}/schema").ok
    browser.get(f"{closed}/logout")
    assert browser.get(f"{closed}/schema").status_code == 401


@pytest.fixture
def own(tmp_path):
    """A bundle that a test may change."""
    return make_bundle(tmp_path / "bundle")


def test_a_bundle_that_was_tampered_with_is_refused_and_named(own):
    with (own / "visits-2026.csv").open("a") as file:
        file.write("\n")
    (own / "more.txt").write_text("more")
    with pytest.raises(ProjectErrors) as caught:
        opened(own)
    told = str(caught.value)
    assert "visits-2026.csv" in told
    assert "more.txt" in told


def test_nothing_of_a_tampered_bundle_is_read(own):
    (own / "model.skops").write_bytes(b"not a model")
    read = []
    with pytest.raises(ProjectErrors):
        load_bundle(own, service.verified, functions_of(features) | {"log": read.append})
    seal(own)
    with pytest.raises(ProjectError, match="not a skops file"):
        opened(own)


def test_where_there_is_no_bundle_the_remedy_is_told(tmp_path):
    with pytest.raises(ProjectError, match="no such folder\n  `dvc repro` makes it"):
        opened(tmp_path / "nowhere")


def test_a_file_that_was_changed_after_the_start_is_not_given_away(own):
    with serving(make_app(opened(own))) as address:
        assert requests.get(f"{address}/data?format=csv").ok
        path = own / "visits-2026.csv"
        path.write_text(path.read_text().replace("Elm", "Oak"))
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns + 1))
        answer = requests.get(f"{address}/data?format=csv")
        assert answer.status_code == 503
        assert str(own) not in answer.text


@pytest.mark.parametrize("text", ["", "eighty", "-1", "65536", "8000.5"])
def test_a_port_that_is_none_is_told(text, monkeypatch):
    monkeypatch.setenv("PORT", text)
    with pytest.raises(ProjectError, match=f"PORT: found `{text}`, expected a number up to 65535"):
        service.read_port()


def test_a_port_that_is_taken_is_told_with_a_remedy():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ProjectError, match=f"127.0.0.1:{port}: cannot be listened on"):
            server.run(None, "127.0.0.1", port)
