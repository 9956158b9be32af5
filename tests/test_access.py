"""The stage access: what stands in data/raw/, when, and what happens to it when something goes wrong."""

import hashlib
import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

import access
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.params import Source
from pipeline.sources import store
from s3_server import S3Server
from web_server import Site, send, send_range, serving

ROOT = Path(__file__).parents[1]
A, B = (hashlib.sha256(text).hexdigest() for text in (b"a\n", b"b\n"))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's root with two files that can be sources."""
    (tmp_path / "data/source").mkdir(parents=True)
    (tmp_path / "data/schema").mkdir()
    (tmp_path / "data/schema/licences.json").write_text("{}")
    for name in ("a", "b"):
        (tmp_path / f"data/source/{name}.csv").write_text(f"{name}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bring(**wanted: Source) -> None:
    access.bring(wanted, store.RAW, {"one": [{"name": "CC0-1.0"}]})


def file(name: str, sha256: str | None = None) -> Source:
    return Source(uri=f"data/source/{name}.csv", sha256={"a": A, "b": B}[name] if sha256 is None else sha256)


def tree() -> dict[str, str]:
    """Every file in data/raw/ with its text, but provenance.json only by its name."""
    found = {path.relative_to(store.RAW).as_posix(): path for path in store.RAW.rglob("*") if path.is_file()}
    return {name: "" if name == store.PROVENANCE else path.read_text() for name, path in sorted(found.items())}


def provenance() -> dict:
    return json.loads((store.RAW / store.PROVENANCE).read_text())


def test_raw_holds_the_files_and_where_they_came_from():
    bring(one=file("a"), two=file("b"))
    assert tree() == {"one/a.csv": "a\n", "provenance.json": "", "two/b.csv": "b\n"}
    assert provenance() == {
        "one": {
            "uri": "data/source/a.csv",
            "sha256": A,
            "files": {"a.csv": {"bytes": 2, "sha256": A}},
            "licenses": [{"name": "CC0-1.0"}],
        },
        "two": {
            "uri": "data/source/b.csv",
            "sha256": B,
            "files": {"b.csv": {"bytes": 2, "sha256": B}},
            "licenses": [],
        },
    }


def test_another_licence_is_written_down_and_nothing_fetched_again(capsys: pytest.CaptureFixture):
    bring(one=file("a"))
    access.bring({"one": file("a")}, store.RAW, {"one": [{"name": "MIT"}]})
    assert provenance()["one"]["licenses"] == [{"name": "MIT"}]
    assert capsys.readouterr().out.endswith("one: kept\n")


def test_what_is_there_is_not_fetched_again(capsys: pytest.CaptureFixture):
    bring(one=file("a"))
    (store.RAW / "one/a.csv").chmod(0o444)
    before = (store.RAW / "one/a.csv").stat()
    first = (store.RAW / store.PROVENANCE).read_bytes()
    Path("data/source/a.csv").unlink()
    bring(one=file("a"))
    assert (store.RAW / "one/a.csv").stat() == before
    assert (store.RAW / store.PROVENANCE).read_bytes() == first
    assert capsys.readouterr().out == "one: 2 bytes from data/source/a.csv\none: kept\n"


def test_a_damaged_file_is_fetched_again():
    bring(one=file("a"))
    (store.RAW / "one/a.csv").write_text("x\n")
    bring(one=file("a"))
    assert tree()["one/a.csv"] == "a\n"


def test_a_file_that_is_a_link_into_a_cache_is_replaced_and_not_written_through(project: Path):
    bring(one=file("a"))
    cached = project / "cached"
    (store.RAW / "one/a.csv").replace(cached)
    (store.RAW / "one/a.csv").symlink_to(cached)
    (store.RAW / "one/a.csv").unlink()
    os.link(cached, store.RAW / "one/a.csv")
    Path("data/source/a.csv").write_text("b\n")
    bring(one=file("a", B))
    assert (cached.read_text(), tree()["one/a.csv"]) == ("a\n", "b\n")


def test_the_same_bytes_from_another_place_are_fetched_so_that_the_provenance_is_true():
    bring(one=file("a"))
    shutil.copy("data/source/a.csv", "data/source/c.csv")
    bring(one=Source(uri="data/source/c.csv", sha256=A))
    assert tree() == {"one/c.csv": "a\n", "provenance.json": ""}
    assert provenance()["one"]["uri"] == "data/source/c.csv"


def test_what_no_source_asks_for_goes():
    bring(one=file("a"), two=Source(uri="data/source/", sha256=_hash_of_both()))
    Path(store.RAW / ".DS_Store").touch()
    bring(two=file("b"))
    assert tree() == {"provenance.json": "", "two/b.csv": "b\n"}
    assert [path.name for path in store.RAW.iterdir() if path.is_dir()] == ["two"]


def _hash_of_both() -> str:
    return hashlib.sha256(f"{A}  a.csv\n{B}  b.csv\n".encode()).hexdigest()


def test_a_file_of_somebody_else_is_not_deleted():
    bring(one=file("a"))
    (store.RAW / "mine.csv").write_text("my only copy")
    with pytest.raises(
        ProjectError, match=r"data/raw/mine\.csv: was not written by access.*\n  Move it to data/source/"
    ):
        bring(two=file("b"))
    assert tree()["mine.csv"] == "my only copy"


def test_a_broken_provenance_is_told():
    bring(one=file("a"))
    (store.RAW / store.PROVENANCE).write_text("{")
    with pytest.raises(
        ProjectError, match=r"data/raw/provenance\.json: not readable as JSON\n  Get it back: dvc checkout"
    ):
        bring(one=file("a"))


def test_other_bytes_do_not_get_in():
    bring(one=file("a"))
    Path("data/source/a.csv").write_text("changed\n")
    other = hashlib.sha256(b"changed\n").hexdigest()
    with pytest.raises(
        ProjectErrors, match=f"data/source/a.csv gives 8 bytes with another sha256, {other}\n.*src/pin.py one"
    ):
        bring(one=file("a", "0" * 64))
    assert tree()["one/a.csv"] == "a\n"


def test_a_missing_hash_gives_the_line_to_write():
    source = Source(uri="data/source/a.csv")
    with pytest.raises(ProjectErrors) as told:
        bring(one=source)
    assert str(told.value) == (
        "params.yaml: access.one.sha256: missing\n"
        f"  Put this line there, or run `python src/pin.py one`:\n    sha256: {A}"
    )
    assert "one/a.csv" not in tree()


def test_all_mistakes_are_told_and_what_is_right_arrives():
    with pytest.raises(ProjectErrors) as told:
        bring(one=Source(uri="data/source/z.csv", sha256=A), two=file("b"), three=file("a", B))
    assert [error.where for error in told.value.errors] == [
        "params.yaml: access.one.uri",
        "params.yaml: access.three.sha256",
    ]
    assert tree()["two/b.csv"] == "b\n"


def test_mistakes_that_show_without_a_connection_are_told_before_any_is_made(site: Site):
    with pytest.raises(ProjectErrors, match="no such scheme"):
        bring(one=Source(uri=f"{site.uri}/a.csv", sha256=A), two=Source(uri="htp://a", sha256=A))
    assert site.requests == []
    assert not store.RAW.exists()


def test_a_table_with_other_files_loses_the_old_ones_and_only_when_the_new_are_there():
    bring(one=file("a"))
    with pytest.raises(ProjectErrors):
        bring(one=Source(uri="data/source/z.csv", sha256=B))
    assert tree()["one/a.csv"] == "a\n"
    bring(one=file("b"))
    assert tree() == {"one/b.csv": "b\n", "provenance.json": ""}


def test_etags_stay_in_the_provenance_without_asking_again(site: Site):
    site.answer = lambda request: send(request, b"a\n", ETag='"abc"')
    source = Source(uri=f"{site.uri}/a.csv", sha256=A)
    for _ in range(2):
        bring(one=source)
    assert provenance()["one"]["files"]["a.csv"]["etag"] == "abc"
    assert len(site.requests) == 1


def test_no_credential_reaches_any_file_or_message(site: Site, project: Path, monkeypatch, capfd):
    monkeypatch.setenv("MY_TOKEN", "s3cr3t")
    source = Source(uri=site.uri + "/a.csv?key={MY_TOKEN}", headers={"Authorization": "Bearer {MY_TOKEN}"})
    site.answer = lambda request: send_range(request, b"a\n" * 9, '"abc"', 2)
    with pytest.raises(ProjectErrors) as broken:
        bring(one=source)
    site.answer = lambda request: send(request, request.path.encode(), 401)
    with pytest.raises(ProjectErrors) as refused:
        bring(one=source)
    site.answer = lambda request: send(request, b"a\n")
    bring(one=source.model_copy(update={"sha256": A}))
    files = "".join(path.read_text() for path in project.rglob("*") if path.is_file())
    assert "s3cr3t" not in files + str(broken.value) + str(refused.value) + "".join(capfd.readouterr())


def test_two_at_once_do_not_mix(site: Site):
    inside, go_on = threading.Event(), threading.Event()

    def answer(request):
        inside.set()
        go_on.wait(10)
        send(request, b"a\n")

    site.answer = answer
    first = threading.Thread(target=bring, kwargs={"one": Source(uri=f"{site.uri}/a.csv", sha256=A)})
    first.start()
    try:
        assert inside.wait(10)
        with pytest.raises(ProjectError, match="data/raw: another access or pin is at work here"):
            bring(two=file("b"))
    finally:
        go_on.set()
        first.join()
    assert tree() == {"one/a.csv": "a\n", "provenance.json": ""}


def run(project: Path, *arguments: str, **sources: dict) -> subprocess.Popen:
    """Start access as DVC does, with the sources in params.yaml."""
    (project / "params.yaml").write_text(json.dumps({"access": sources}))
    command = [sys.executable, str(ROOT / "src/access.py"), *arguments]
    return subprocess.Popen(
        command,
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"uri": "data/source/z.csv"}, r"params\.yaml: access\.t\.uri: no such file as data/source/z\.csv\n  "),
        (
            {"uri": "sqlite:///x.db", "query": "SELECT 1 ORDER BY 1"},
            r"params\.yaml: access\.t\.uri: no such file as x\.db\n  ",
        ),
        ({"uri": "htps://x"}, r"params\.yaml: access\.t\.uri: no such scheme as `htps`\n  Did you mean `https`"),
        ({"url": "x"}, r"params\.yaml: access\.t\.uri: this key is missing\n"),
    ],
)
def test_a_mistake_is_two_lines_and_exit_status_1(project: Path, source: dict, said: str):
    out, err = (process := run(project, t=source)).communicate()
    assert (process.returncode, out) == (1, "")
    assert re.match(said, err)
    assert "Traceback" not in err


def test_a_full_disk_is_told_and_leaves_nothing_half_written(project: Path):
    """A limit of the size of a file stands in for a full disk: the same call fails, with another number of error."""
    (project / "data/source/big.csv").write_bytes(b"x" * 5_000_000)
    (project / "params.yaml").write_text(json.dumps({"access": {"t": {"uri": "data/source/big.csv"}}}))
    limited = f"ulimit -f 1000; trap '' XFSZ; exec {sys.executable} {ROOT}/src/access.py"
    ran = subprocess.run(["bash", "-c", limited], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (1, "data/raw: no space is left for t\n  Make room, then run it again.\n")
    assert not (store.RAW / "t").exists()


def kill_when(process: subprocess.Popen, size: int) -> None:
    """Kill -9 a running access as soon as it has fetched some bytes."""

    def fetched(path: Path) -> int:
        try:
            return path.stat().st_size
        except FileNotFoundError:  # renamed in this moment
            return 0

    until = time.monotonic() + 60
    while sum(map(fetched, (store.RAW / store.PARTIAL).glob("*/*"))) < size:
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_killed_download_is_completed_by_the_next_run(project: Path, site: Site):
    body = os.urandom(1 << 20) * 8
    sha256 = hashlib.sha256(body).hexdigest()
    hold = threading.Event()

    def answer(request):
        if len(site.requests) > 1:
            return send_range(request, body, '"abc"')
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.send_header("ETag", '"abc"')
        request.end_headers()
        request.wfile.write(body[: 5 << 20])
        request.wfile.flush()
        hold.wait(60)
        request.close_connection = True

    site.answer = answer
    source = {"uri": f"{site.uri}/big.bin", "sha256": sha256}
    bring(old=file("a"))
    kill_when(run(project, t=source), 4 << 20)
    hold.set()
    assert {name for name in tree_names() if not name.startswith(".")} == {"old/a.csv", "provenance.json"}
    process = run(project, t=source)
    assert (process.communicate()[1], process.returncode) == ("", 0)
    assert tree_names() == {"t/big.bin", "provenance.json"}
    assert int(site.requests[-1][2]["Range"].removeprefix("bytes=").rstrip("-")) >= 4 << 20


def tree_names() -> set[str]:
    return {path.relative_to(store.RAW).as_posix() for path in store.RAW.rglob("*") if path.is_file()}


def test_ctrl_c_ends_it_at_once(project: Path, site: Site):
    asked, end = threading.Event(), threading.Event()

    def answer(request):
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"x" * 1000)
        request.wfile.flush()
        asked.set()
        end.wait(60)
        request.close_connection = True

    site.answer = answer
    process = run(project, t={"uri": f"{site.uri}/big.bin"})
    try:
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == ("", "")
    finally:
        end.set()
    assert process.returncode == 130


def test_progress_is_shown_on_a_terminal(project: Path):
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    (project / "params.yaml").write_text(json.dumps({"access": {"t": {"uri": "data/source/a.csv", "sha256": A}}}))
    subprocess.run([sys.executable, ROOT / "src/access.py"], stdout=subprocess.DEVNULL, stderr=slave, check=True)
    shown = os.read(master, 10_000).decode()
    os.close(slave)
    os.close(master)
    assert shown.startswith("\rt: ")
    assert "/2.00" in shown


@pytest.mark.long
def test_access_killed_at_any_moment_is_completed_by_the_next_run(
    project: Path, s3_server: S3Server, clean_aws, monkeypatch
):
    """Kill at 12 moments spread over a run of all kinds of sources, over an older state; the end is always the same."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    files = s3_server.files()
    files.pipe({f"private/killed/{i:03}.csv": os.urandom(20_000) for i in range(100)})
    files.pipe_file("private/big.bin", os.urandom(1 << 20) * 40)
    with sqlite3.connect("data/source/t.db") as connection:
        connection.execute(
            "CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT i FROM n"
        )
    connection.close()
    body = os.urandom(1 << 20) * 40
    with serving() as site:
        site.answer = lambda request: send_range(request, body, '"abc"')
        wanted = {
            "many": {"uri": "s3://private/killed/"},
            "big": {"uri": "s3://private/big.bin"},
            "rows": {"uri": "sqlite:///data/source/t.db", "query": "SELECT i FROM t ORDER BY i"},
            "web": {"uri": f"{site.uri}/web.bin"},
        }
        err = run(project, **wanted).communicate()[1]
        for table, sha256 in re.findall(r"access\.(\w+)\.sha256: missing\n.*\n    sha256: (\w+)", err):
            wanted[table]["sha256"] = sha256
        shutil.rmtree(store.RAW)
        began = time.monotonic()
        assert run(project, **wanted).wait() == 0
        took = time.monotonic() - began
        expected = {name: (store.RAW / name).read_bytes() for name in tree_names()}
        for moment in range(12):
            shutil.rmtree(store.RAW)
            bring(old=file("a"), many=file("b"))
            process = run(project, **wanted)
            time.sleep(took * moment / 12)
            process.kill()
            process.communicate()
            if moment % 2:
                process = run(project, **wanted)
                time.sleep(took * moment / 24)
                process.kill()
                process.communicate()
            process = run(project, **wanted)
            assert (process.communicate()[1], process.returncode) == ("", 0)
            assert {name: (store.RAW / name).read_bytes() for name in tree_names()} == expected


@pytest.mark.long
@pytest.mark.parametrize("kind", ["http", "s3"])
def test_memory_stays_small_for_a_large_file(project: Path, request, kind: str, monkeypatch):
    megabytes = 300
    block = os.urandom(1 << 20)
    digest = hashlib.sha256()
    for _ in range(megabytes):
        digest.update(block)
    with serving() as site:

        def answer(request):
            request.send_response(200)
            request.send_header("Content-Length", str(megabytes << 20))
            request.end_headers()
            for _ in range(megabytes):
                request.wfile.write(block)

        site.answer = answer
        uri = f"{site.uri}/big.bin"
        if kind == "s3":
            request.getfixturevalue("clean_aws")
            server = request.getfixturevalue("s3_server")
            for name, value in server.environment().items():
                monkeypatch.setenv(name, value)
            uri = "s3://private/large/big.bin"
            with server.files().open(uri, "wb") as out:
                for _ in range(megabytes):
                    out.write(block)
        process = run(project, t={"uri": uri, "sha256": digest.hexdigest()})
        peak = 0
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max(peak, int((re.search(r"VmHWM:\s+(\d+)", status) or [0, 0])[1]))
            time.sleep(0.01)
        assert (process.communicate()[1], process.returncode) == ("", 0)
    assert peak < 250_000  # kB


@pytest.mark.long
def test_dvc_keeps_what_is_there_and_runs_nothing_when_nothing_changed(project: Path):
    """The stage as dvc.yaml has it, in a real DVC project."""
    (project / "src").symlink_to(ROOT / "src")
    (project / "dvc.yaml").write_text(
        "stages: {access: {cmd: python src/access.py, params: [access], deps: [data/source], outs: [data/raw: {persist: true}]}}\n"
    )
    (project / ".dvcignore").write_text("/data/raw/.partial/\n")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}

    def dvc(*arguments: str) -> str:
        ran = subprocess.run(["dvc", *arguments], capture_output=True, text=True, env=environment, cwd=project)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def params(**sources: dict) -> None:
        (project / "params.yaml").write_text(json.dumps({"access": sources}))

    dvc("init", "--no-scm", "-q")
    one, two = ({"uri": f"data/source/{name}.csv", "sha256": sha256} for name, sha256 in (("a", A), ("b", B)))
    params(one=one)
    dvc("repro")
    assert "Running stage" not in dvc("repro")
    (store.RAW / store.PARTIAL / "one").mkdir(parents=True)
    (store.RAW / store.PARTIAL / "one/left").touch()
    assert "Running stage" not in dvc("repro")
    params(one=one, two=two)
    assert "one: kept\ntwo: 2 bytes" in dvc("repro")
    assert tree() == {"one/a.csv": "a\n", "provenance.json": "", "two/b.csv": "b\n"}
    shutil.rmtree("data/raw")
    dvc("checkout")
    assert "Running stage" not in dvc("repro")
    assert tree_names() == {"one/a.csv", "provenance.json", "two/b.csv"}
