"""Files by HTTP: retries, resuming, redirects, credentials, and how each failure reads."""

import gzip
import hashlib
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from pipeline import sources
from pipeline.errors import ProjectError
from pipeline.params import Source
from pipeline.sources import http
from web_server import FILE, Site, break_off, send, send_range, serving

FILE_SHA256 = hashlib.sha256(FILE).hexdigest()
WHERE = r"params\.yaml: access\.t\.uri: "


def fetch(folder: Path, uri: str, fresh: bool = False, **keys: object) -> sources.Fetched:
    return sources.fetch("t", Source(uri=uri, **keys), folder, fresh)


def test_a_file_comes_with_its_etag(site: Site, tmp_path: Path):
    site.answer = lambda request: send(request, FILE, ETag='"abc"')
    fetched = fetch(tmp_path, f"{site.uri}/data/a%20b.csv?x=1")
    assert fetched.entry["files"] == {"a b.csv": {"bytes": len(FILE), "sha256": FILE_SHA256, "etag": "abc"}}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_state_of_the_server_is_waited_for(site: Site, tmp_path: Path, status: int):
    site.answer = lambda request: send(request, FILE) if len(site.requests) > 2 else send(request, status=status)
    assert fetch(tmp_path, f"{site.uri}/a.csv").sha256 == FILE_SHA256
    assert len(site.requests) == 3


def test_retry_after_is_honoured(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    waits = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waits.append)
    site.answer = lambda request: (
        send(request, FILE) if len(site.requests) > 1 else send(request, status=503, Retry_After=7)
    )
    fetch(tmp_path, f"{site.uri}/a.csv")
    assert waits == [7]


def test_retry_after_of_a_day_is_not(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    waits = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waits.append)
    site.answer = lambda request: (
        send(request, FILE) if len(site.requests) > 1 else send(request, status=429, Retry_After=86400)
    )
    fetch(tmp_path, f"{site.uri}/a.csv")
    assert waits == [http.LONGEST_WAIT]


def test_a_server_that_stays_down_is_told(site: Site, tmp_path: Path):
    site.answer = lambda request: send(request, status=503)
    with pytest.raises(
        ProjectError, match=WHERE + r"the server answers HTTP 503 Service Unavailable, also after 5 more tries\n"
    ):
        fetch(tmp_path, f"{site.uri}/a.csv")
    assert len(site.requests) == 6


def test_a_download_goes_on_where_it_broke_off(site: Site, tmp_path: Path):
    site.answer = lambda request: send_range(request, FILE, '"abc"', 300_000 if len(site.requests) < 4 else None)
    assert fetch(tmp_path, f"{site.uri}/a.csv").sha256 == FILE_SHA256
    asked = [(headers["Range"], headers["If-Range"]) for _, _, headers in site.requests]
    assert asked == [(None, None), *((f"bytes={n}-", '"abc"') for n in (300_000, 600_000, 900_000))]


def test_a_download_that_gets_on_is_not_given_up(site: Site, tmp_path: Path):
    body = FILE * 8
    site.answer = lambda request: send_range(request, body, '"abc"', http.CHUNK if len(site.requests) < 8 else None)
    assert fetch(tmp_path, f"{site.uri}/a.csv").sha256 == hashlib.sha256(body).hexdigest()
    assert len(site.requests) == 8


def test_a_time_of_change_serves_where_there_is_no_etag(site: Site, tmp_path: Path):
    changed = {"Last_Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}

    def answer(request):
        if len(site.requests) == 1:
            break_off(request, FILE, 1000, **changed)
        else:
            send(request, FILE[1000:], 206, Content_Range=f"bytes 1000-{len(FILE) - 1}/{len(FILE)}", **changed)

    site.answer = answer
    assert fetch(tmp_path, f"{site.uri}/a.csv").sha256 == FILE_SHA256
    assert site.requests[1][2]["If-Range"] == changed["Last_Modified"]


def test_a_download_begins_anew_where_the_file_has_changed(site: Site, tmp_path: Path):
    def answer(request):
        if len(site.requests) == 1:
            send_range(request, b"x" * 1000, '"old"', 500)
        else:
            send_range(request, FILE, '"new"')

    site.answer = answer
    fetched = fetch(tmp_path, f"{site.uri}/a.csv")
    assert (fetched.sha256, fetched.entry["files"]["a.csv"]["etag"]) == (FILE_SHA256, "new")


def test_a_download_begins_anew_where_the_server_knows_no_ranges(site: Site, tmp_path: Path):
    def answer(request):
        if len(site.requests) == 1:
            break_off(request, FILE, 1000, ETag='"abc"')
        else:
            send(request, FILE, ETag='"abc"')

    site.answer = answer
    assert fetch(tmp_path, f"{site.uri}/a.csv").sha256 == FILE_SHA256


@pytest.mark.parametrize("mark", [{}, {"ETag": 'W/"weak"'}])
def test_a_download_begins_anew_where_nothing_says_that_the_file_is_the_same(site: Site, tmp_path: Path, mark: dict):
    site.answer = lambda request: (
        send(request, FILE, **mark) if len(site.requests) > 1 else break_off(request, FILE, 1000, **mark)
    )
    assert fetch(tmp_path, f"{site.uri}/a.csv").sha256 == FILE_SHA256
    assert site.requests[1][2]["Range"] is None


def test_wrong_bytes_of_a_range_are_refused(site: Site, tmp_path: Path):
    def answer(request):
        if len(site.requests) == 1:
            send_range(request, FILE, '"abc"', 1000)
        elif request.headers["Range"]:
            send(request, b"zzz", 206, Content_Range="bytes 5-7/1048576", ETag='"abc"')
        else:
            send(request, FILE, ETag='"abc"')

    site.answer = answer
    assert fetch(tmp_path, f"{site.uri}/a.csv").sha256 == FILE_SHA256


def test_a_later_process_goes_on_with_what_an_earlier_one_got(site: Site, tmp_path: Path):
    site.answer = lambda request: send_range(request, FILE, '"abc"', 1000)
    with pytest.raises(ProjectError, match=WHERE + "the answer broke off 5 times before its end\n  Run it again"):
        fetch(tmp_path, f"{site.uri}/a.csv")
    site.answer = lambda request: send_range(request, FILE, '"abc"')
    assert fetch(tmp_path, f"{site.uri}/a.csv", fresh=True).sha256 == FILE_SHA256
    assert site.requests[-1][2]["Range"] == "bytes=5000-"


def test_what_came_whole_is_not_asked_for_again(site: Site, tmp_path: Path):
    site.answer = lambda request: send(request, FILE)
    first = fetch(tmp_path, f"{site.uri}/a.csv")
    assert fetch(tmp_path, f"{site.uri}/a.csv") == first
    assert len(site.requests) == 1
    site.answer = lambda request: send(request, b"a,b\n")
    assert fetch(tmp_path, f"{site.uri}/a.csv", fresh=True).bytes == 4


def test_a_body_that_always_breaks_off_is_told(site: Site, tmp_path: Path):
    site.answer = lambda request: break_off(request, FILE, 1000)
    with pytest.raises(ProjectError, match=WHERE + "the answer broke off 5 times"):
        fetch(tmp_path, f"{site.uri}/a.csv")


def test_a_broken_chunk_is_tried_again(site: Site, tmp_path: Path):
    def answer(request):
        if len(site.requests) > 1:
            return send(request, FILE)
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(b"5\r\nabcde\r\n")
        request.close_connection = True

    site.answer = answer
    assert fetch(tmp_path, f"{site.uri}/a.csv").sha256 == FILE_SHA256


def test_gzip_files_stay_as_they_are_whatever_the_server_calls_them(site: Site, tmp_path: Path):
    body = gzip.compress(b"a,b\n", mtime=0)
    site.answer = lambda request: send(request, body, Content_Encoding="x-gzip")
    assert fetch(tmp_path, f"{site.uri}/a.csv.gz").sha256 == hashlib.sha256(body).hexdigest()
    assert site.requests[0][2]["Accept-Encoding"] == "identity"


def test_what_is_packed_only_for_the_way_is_unpacked(site: Site, tmp_path: Path):
    site.answer = lambda request: send(request, gzip.compress(b"a,b\n"), Content_Encoding="gzip")
    assert fetch(tmp_path, f"{site.uri}/a.csv").bytes == 4


def test_redirects_are_followed_but_take_no_credentials_to_another_host(site: Site, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "s3cr3t")
    with serving() as other:
        other.answer = lambda request: send(request, FILE)
        site.answer = lambda request: send(request, status=302, Location=f"{other.uri}/b.csv")
        headers = {"Authorization": "Bearer {MY_TOKEN}", "X-Api-Key": "{MY_TOKEN}"}
        assert fetch(tmp_path, f"{site.uri}/a.csv", headers=headers).sha256 == FILE_SHA256
    assert site.requests[0][2]["Authorization"] == "Bearer s3cr3t"
    assert site.requests[0][2]["X-Api-Key"] == "s3cr3t"
    assert "s3cr3t" not in str(other.requests[0][2])


def test_credentials_of_the_environment_reach_the_server_and_nothing_else(
    site: Site, tmp_path: Path, monkeypatch, caplog, capfd
):
    caplog.set_level(0)
    monkeypatch.setenv("MY_TOKEN", "s3c/r3t")
    uri = site.uri + "/a.csv?key={MY_TOKEN}&b=1"

    def answer(request):
        if len(site.requests) < 3:
            send(request, status=503)
        else:
            send_range(request, FILE, '"abc"', None if len(site.requests) > 3 else 1000)

    site.answer = answer
    fetched = fetch(tmp_path, uri)
    assert site.requests[0][1] == "/a.csv?key=s3c%2Fr3t&b=1"
    assert fetched.entry["uri"] == uri
    kept = "".join(path.read_text() for path in tmp_path.glob("**/*.json"))
    shown = str(fetched) + kept + "".join(capfd.readouterr())
    assert "s3c" not in shown


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, r"HTTP 401 Unauthorized\n  Set the header"),
        (403, r"HTTP 403 Forbidden\n  Set the header"),
        (404, r"HTTP 404 Not Found\n  The file has another address"),
        (410, r"HTTP 410 Gone\n  The file has another address"),
        (418, r"HTTP 418 I'm a Teapot\n  Look at the URI"),
    ],
)
def test_a_refusal_is_told_at_once(site: Site, tmp_path: Path, status: int, said: str):
    site.answer = lambda request: send(request, status=status)
    with pytest.raises(ProjectError, match=WHERE + "the server answers " + said):
        fetch(tmp_path, f"{site.uri}/a.csv")
    assert len(site.requests) == 1


def test_a_page_in_place_of_data_is_refused(site: Site, tmp_path: Path):
    site.answer = lambda request: send(request, "\n<!DOCTYPE html><html><head><title>Please\n log in</title>")
    with pytest.raises(ProjectError, match=WHERE + r"gives an HTML page in place of a\.csv \(`Please log in`\)\n"):
        fetch(tmp_path, f"{site.uri}/a.csv")
    assert fetch(tmp_path, f"{site.uri}/a.html").bytes > 0


def test_an_empty_answer_is_refused(site: Site, tmp_path: Path):
    site.answer = lambda request: send(request)
    with pytest.raises(ProjectError, match=WHERE + "gives nothing, 0 bytes"):
        fetch(tmp_path, f"{site.uri}/a.csv")


def test_a_host_that_does_not_exist_is_told(tmp_path: Path, site: Site):
    with pytest.raises(ProjectError, match=WHERE + r"no host has the name no-such-host\.invalid\n  Look for a mistake"):
        fetch(tmp_path, "https://no-such-host.invalid/a.csv")


def test_a_closed_port_is_told(tmp_path: Path, site: Site):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ProjectError, match=WHERE + r"127\.0\.0\.1 takes no connections\n"):
            fetch(tmp_path, f"http://127.0.0.1:{taken.getsockname()[1]}/a.csv")


def test_a_silent_server_is_told(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "TIMEOUT", (1, 0.05))
    end = threading.Event()
    site.answer = lambda request: end.wait(10)
    try:
        with pytest.raises(ProjectError, match=WHERE + r"127\.0\.0\.1 does not answer in time\n"):
            fetch(tmp_path, f"{site.uri}/a.csv")
    finally:
        end.set()


def test_a_server_that_speaks_no_tls_is_told(tmp_path: Path, site: Site):
    site.answer = lambda request: send(request)
    with pytest.raises(ProjectError, match=WHERE + r"127\.0\.0\.1 offers no secure connection\n"):
        fetch(tmp_path, site.uri.replace("http:", "https:") + "/a.csv")


def test_a_certificate_that_nobody_vouches_for_is_told(tmp_path: Path, site: Site):
    files = ["-keyout", f"{tmp_path}/key", "-out", f"{tmp_path}/certificate"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", *files]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    with serving(context) as secure:
        with pytest.raises(
            ProjectError, match=WHERE + r"the certificate of 127\.0\.0\.1 is not trusted\n.*REQUESTS_CA_BUNDLE"
        ):
            fetch(tmp_path, f"{secure.uri}/a.csv")
        assert secure.requests == []


def test_a_redirect_without_end_is_told(tmp_path: Path, site: Site):
    site.answer = lambda request: send(request, status=302, Location="/a.csv")
    with pytest.raises(ProjectError, match=WHERE + "127.0.0.1 sends from one address to the next"):
        fetch(tmp_path, f"{site.uri}/a.csv")


def test_a_header_that_cannot_be_sent_is_told_without_its_value(tmp_path: Path, site: Site, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "s3cr3t\nX: 1")
    with pytest.raises(ProjectError) as told:
        fetch(tmp_path, f"{site.uri}/a.csv", headers={"Authorization": "{MY_TOKEN}"})
    assert "s3cr3t" not in str(told.value)


def test_a_variable_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MY_TOKEN", raising=False)
    with pytest.raises(
        ProjectError, match=r"access\.t\.headers\.Authorization: the environment variable MY_TOKEN is not set"
    ):
        fetch(tmp_path, "https://127.0.0.1/a.csv", headers={"Authorization": "Bearer {MY_TOKEN}"})
