"""S3: a real server, and one that says what only AWS says."""

import hashlib
from pathlib import Path

import pytest

from pipeline import sources
from pipeline.errors import ProjectError
from pipeline.params import Source
from s3_server import S3Server
from web_server import FILE, Site, break_off, send

pytestmark = pytest.mark.usefixtures("clean_aws")

WHERE = r"params\.yaml: access\.t\."
RISK = "v1.0/CongDist_level_risk_FEMA_FSF.csv"


@pytest.fixture(scope="module")
def server(s3_server: S3Server) -> S3Server:
    """The server with some objects."""
    files = s3_server.files()
    objects = {
        RISK: "risk\n",
        "many/a.csv": "a\n",
        "many/2013/b.csv": "b\n",
        "many/2013/c.json": "{}",
        "many/empty/": "",
    }
    files.pipe({f"public/{name}": content.encode() for name, content in objects.items()})
    files.pipe_file("private/p.csv", b"private\n")
    return s3_server


@pytest.fixture
def owner(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server, with its owner's credentials and its endpoint in the environment."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server


def fetch(folder: Path, uri: str, **keys: object) -> sources.Fetched:
    return sources.fetch("t", Source(uri=uri, **keys), folder)


def contents(fetched: sources.Fetched) -> dict[str, str]:
    return {name: path.read_text() for name, path in fetched.parts.items()}


def test_public_data_need_no_credentials(server: S3Server, tmp_path: Path):
    fetched = fetch(tmp_path, f"s3://public/{RISK}", endpoint=server.endpoint)
    name = RISK.rpartition("/")[2]
    assert contents(fetched) == {name: "risk\n"}
    etag = hashlib.md5(b"risk\n").hexdigest()
    sha256 = hashlib.sha256(b"risk\n").hexdigest()
    assert fetched.entry["files"] == {name: {"bytes": 5, "sha256": sha256, "etag": etag}}


def test_public_data_can_be_read_in_spite_of_credentials(
    owner: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of another place")
    with pytest.raises(ProjectError, match=WHERE + "uri: the access key is unknown there"):
        fetch(tmp_path, f"s3://public/{RISK}")
    assert fetch(tmp_path, f"s3://public/{RISK}", anon=True).bytes == 5


def test_credentials_come_from_the_environment(owner: S3Server, tmp_path: Path):
    assert contents(fetch(tmp_path, "s3://private/p.csv")) == {"p.csv": "private\n"}


def test_credentials_and_endpoint_come_from_a_profile(server: S3Server, tmp_path: Path):
    (tmp_path / "aws_credentials").write_text(
        f"[reader]\naws_access_key_id = {server.readonly_key}\naws_secret_access_key = {server.readonly_secret}\n"
    )
    (tmp_path / "aws_config").write_text(f"[profile reader]\nendpoint_url = {server.endpoint}\n")
    fetched = fetch(tmp_path / "part", "s3://private/p.csv", profile="reader")
    assert contents(fetched) == {"p.csv": "private\n"}
    assert "profile" not in fetched.entry


def test_the_endpoint_of_params_goes_before_that_of_the_environment(owner: S3Server, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    fetched = fetch(tmp_path, "s3://private/p.csv", endpoint=owner.endpoint)
    assert fetched.entry["endpoint"] == owner.endpoint


def test_a_version_stays_what_it_was(owner: S3Server, tmp_path: Path):
    files = owner.files(version_aware=True)
    files.call_s3("create_bucket", Bucket="versioned")
    files.call_s3("put_bucket_versioning", Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    for content in (b"old\n", b"new\n"):
        files.pipe_file("versioned/a.csv", content)
    latest, first = (version["VersionId"] for version in files.object_version_info("versioned/a.csv"))
    now = fetch(tmp_path / "now", "s3://versioned/a.csv")
    then = fetch(tmp_path / "then", f"s3://versioned/a.csv?versionId={first}")
    assert (contents(now), contents(then)) == ({"a.csv": "new\n"}, {"a.csv": "old\n"})
    assert now.entry["files"]["a.csv"]["version_id"] == latest
    assert then.entry["files"]["a.csv"]["version_id"] == first
    with pytest.raises(ProjectError, match=WHERE + "uri: no such version of the object"):
        fetch(tmp_path, "s3://versioned/a.csv?versionId=" + "0" * 32)


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("s3://public/many/", ["2013/b.csv", "2013/c.json", "a.csv"]),
        ("s3://public/many/*.csv", ["a.csv"]),
        ("s3://public/many/**/*.csv", ["2013/b.csv", "a.csv"]),
        ("s3://public/m*/2013/*", ["many/2013/b.csv", "many/2013/c.json"]),
    ],
)
def test_a_prefix_or_pattern_gives_the_objects_below_it(server: S3Server, tmp_path: Path, uri: str, names: list[str]):
    fetched = fetch(tmp_path, uri, endpoint=server.endpoint)
    assert list(fetched.parts) == names
    listing = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n" for name, path in fetched.parts.items()
    )
    assert fetched.sha256 == hashlib.sha256(listing.encode()).hexdigest()


def test_a_bucket_gives_all_its_objects(owner: S3Server, tmp_path: Path):
    owner.files().call_s3("create_bucket", Bucket="whole")
    owner.files().pipe({"whole/a.csv": b"a", "whole/2013/b.csv": b"b"})
    assert contents(fetch(tmp_path, "s3://whole")) == {"2013/b.csv": "b", "a.csv": "a"}


def test_a_changed_object_is_fetched_again(owner: S3Server, tmp_path: Path):
    files = owner.files()
    for content in (b"one\n", b"two\n"):
        files.pipe_file("private/changing/a.csv", content)
        assert contents(fetch(tmp_path, "s3://private/changing/")) == {"a.csv": content.decode()}


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://no-such-bucket/a.csv", "uri: no such bucket\n"),
        ("s3://no-such-bucket/many/", "uri: no such bucket\n"),
        ("s3://public/nothing.csv", "uri: no such object\n"),
        ("s3://public/many", "uri: no such object, but there are some below it\n  Write / behind it"),
        ("s3://public/nothing/", "uri: no object in s3://public/nothing/\n"),
        ("s3://public/many/*.parquet", r"uri: no object in s3://public/many/\*\.parquet\n"),
        ("s3://under_score!/a.csv", "uri: no bucket can have this name\n"),
    ],
)
def test_what_is_not_there_is_told(owner: S3Server, tmp_path: Path, uri: str, said: str):
    with pytest.raises(ProjectError, match=WHERE + said):
        fetch(tmp_path, uri)


@pytest.mark.parametrize("uri", ["s3://private/p.csv", "s3://private/", "s3://private/*.csv"])
def test_what_is_private_is_told(server: S3Server, tmp_path: Path, uri: str):
    with pytest.raises(ProjectError, match=WHERE + "uri: access denied\n"):
        fetch(tmp_path, uri, endpoint=server.endpoint)


def test_a_wrong_secret_is_told_and_not_shown(owner: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    with pytest.raises(ProjectError, match=WHERE + "uri: the secret key does not fit the access key\n") as told:
        fetch(tmp_path, "s3://private/p.csv")
    assert "s3cr3t" not in str(told.value)


def test_a_profile_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(ProjectError, match=WHERE + r"profile: The config profile \(nobody\) could not be found\n"):
        fetch(tmp_path, "s3://private/p.csv", profile="nobody")


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
def test_an_endpoint_without_a_server_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str):
    monkeypatch.setattr("s3fs.core.asyncio.sleep", _no_sleep)
    with pytest.raises(ProjectError, match=WHERE + f"uri: no server at {endpoint[7:]}\n"):
        fetch(tmp_path, "s3://private/p.csv", endpoint=endpoint)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (400, "ExpiredToken", "the credentials have expired\n"),
        (403, "RequestExpired", "the credentials have expired\n"),
        (503, "SlowDown", "the server is overloaded or down, also after more tries\n"),
        (500, "InternalError", "the server is overloaded or down, also after more tries\n"),
        (418, "Teapot", "S3 answers Teapot: "),
    ],
)
def test_what_only_other_servers_say_is_told_too(
    site: Site, tmp_path: Path, monkeypatch, status: int, code: str, said: str
):
    monkeypatch.setattr("s3fs.core.asyncio.sleep", _no_sleep)
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>said</Message></Error>"
    site.answer = lambda request: send(request, body, status, Content_Type="application/xml")
    with pytest.raises(ProjectError, match=WHERE + "uri: " + said):
        fetch(tmp_path, "s3://bucket/a.csv", endpoint=site.uri, anon=True)


async def _no_sleep(_: float) -> None:
    pass


def _serve_object(site: Site, broken: int = 2, etag: str = '"abc"'):
    """Answer as S3 does for one object, breaking off the first answers."""

    def answer(request):
        if request.command == "HEAD":
            return send(request, FILE, ETag=etag)
        start, end = map(int, request.headers["Range"].removeprefix("bytes=").split("-"))
        body = FILE[start : end + 1]
        headers = {"ETag": etag, "Content_Range": f"bytes {start}-{end}/{len(FILE)}"}
        if sum(method == "GET" for method, *_ in site.requests) <= broken:
            break_off(request, body, len(body) // 2, 206, **headers)
        else:
            send(request, body, 206, **headers)

    return answer


def test_an_object_that_breaks_off_is_asked_for_again(site: Site, tmp_path: Path):
    site.answer = _serve_object(site)
    fetched = fetch(tmp_path, "s3://bucket/a.csv", endpoint=site.uri, anon=True)
    assert fetched.sha256 == hashlib.sha256(FILE).hexdigest()
    assert all(headers["If-Match"] == '"abc"' for method, _, headers in site.requests if method == "GET")


def test_an_object_that_always_breaks_off_is_told(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("s3fs.core.asyncio.sleep", _no_sleep)
    site.answer = _serve_object(site, broken=1000)
    with pytest.raises(ProjectError, match=WHERE + r"uri: the connection broke: \w+\n  Run it again to go on\."):
        fetch(tmp_path, "s3://bucket/a.csv", endpoint=site.uri, anon=True)


def test_an_object_that_changes_on_the_way_is_told(site: Site, tmp_path: Path):
    def answer(request):
        send(request, *((FILE,) if request.command == "HEAD" else (b"", 412)), ETag='"abc"')

    site.answer = answer
    with pytest.raises(ProjectError, match=WHERE + "uri: the object has changed while it was read"):
        fetch(tmp_path, "s3://bucket/a.csv", endpoint=site.uri, anon=True)


def test_a_later_process_goes_on_with_what_an_earlier_one_got(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipeline.sources.s3.BLOCK", 1 << 18)
    served = _serve_object(site)

    def answer(request):
        if request.headers.get("Range", "").startswith(f"bytes={3 << 18}"):
            send(request, status=403)
        else:
            served(request)

    site.answer = answer
    with pytest.raises(ProjectError, match=WHERE + "uri: access denied"):
        fetch(tmp_path, "s3://bucket/a.csv", endpoint=site.uri, anon=True)
    site.answer, before = served, len(site.requests)
    fetched = fetch(tmp_path, "s3://bucket/a.csv", endpoint=site.uri, anon=True)
    assert fetched.sha256 == hashlib.sha256(FILE).hexdigest()
    assert [headers["Range"] for _, _, headers in site.requests[before:]] == [None, f"bytes={3 << 18}-{(4 << 18) - 1}"]
