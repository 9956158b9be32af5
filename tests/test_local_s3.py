"""The S3 server of `make s3`: DVC is pointed at it and away again, and nothing of the user's is lost."""

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from s3fs import S3FileSystem

import local_s3
from dag import ROOT
from pipeline.errors import ProjectError

BUCKET = "data-project-template"  # of .dvc/config
MINE = "# mine\n[cache]\n    type = copy\n['remote \"storage\"']\n    jobs = 2\n"

pytestmark = pytest.mark.usefixtures("clean_aws")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with no more of the project than DVC's configuration; a server left in it is stopped."""
    (tmp_path / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc" / "config", tmp_path / ".dvc")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    if server := local_s3.find(tmp_path / ".s3", BUCKET):
        server.process.kill()
        server.process.wait()


def call(monkeypatch: pytest.MonkeyPatch, action: str) -> local_s3.Server | None:
    """Start or stop as a user does; return the server that runs then."""
    monkeypatch.setattr(sys, "argv", ["local_s3.py", action])
    local_s3.main()
    return local_s3.find(local_s3.FOLDER, BUCKET)


def files_of(project: Path) -> dict[str, bytes]:
    kept = (path for path in project.rglob("*") if path.is_file() and ".s3/data" not in path.as_posix())
    return {path.name: path.read_bytes() for path in kept if path.name != "weed.log"}


def test_dvc_is_pointed_at_it_and_away_again(project: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    local = project / ".dvc" / "config.local"
    local.write_text(MINE)
    server = call(monkeypatch, "start")
    assert f"runs at {server.endpoint}; " in capsys.readouterr().out
    lines = f"    endpointurl = {server.endpoint}\n    region = us-east-1\n    access_key_id = {server.key}\n"
    assert local.read_text() == f"{MINE}{lines}    secret_access_key = {server.secret}\n"
    for path in (local, project / ".s3" / "env", project / ".s3" / "s3.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert server.key not in capsys.readouterr().out
    assert call(monkeypatch, "stop") is None
    assert local.read_text() == MINE
    assert not (project / ".s3" / "env").exists()
    assert not psutil.pid_exists(server.process.pid) or server.process.status() == psutil.STATUS_ZOMBIE


def test_a_second_start_changes_nothing(project: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    server = call(monkeypatch, "start")
    before = files_of(project)
    assert call(monkeypatch, "start") == server
    assert files_of(project) == before
    assert f"runs already at {server.endpoint}; " in capsys.readouterr().out


def test_the_data_are_there_after_a_stop(project: Path, monkeypatch: pytest.MonkeyPatch):
    call(monkeypatch, "start").files().pipe_file(f"{BUCKET}/a", b"kept")
    call(monkeypatch, "stop")
    assert call(monkeypatch, "start").files().cat_file(f"{BUCKET}/a") == b"kept"


@pytest.mark.long
def test_a_server_that_was_killed_is_started_again(project: Path, monkeypatch: pytest.MonkeyPatch):
    server = call(monkeypatch, "start")
    server.process.kill()
    server.process.wait()
    again = call(monkeypatch, "start")
    assert again.process.pid != server.process.pid
    assert f"endpointurl = {again.endpoint}\n" in (project / ".dvc" / "config.local").read_text()


def test_only_one_bucket_is_for_everybody(s3_server: local_s3.Server):
    s3_server.files().pipe({"public/for/a": b"for all", "private/for/a": b"for some"})
    anybody = S3FileSystem(anon=True, endpoint_url=s3_server.endpoint, skip_instance_cache=True)
    assert anybody.cat_file("public/for/a") == b"for all"
    for refused in (
        lambda: anybody.cat_file("private/for/a"),
        lambda: anybody.ls("private"),
        lambda: anybody.pipe_file("public/b", b"x"),
        lambda: anybody.rm_file("public/for/a"),
    ):
        with pytest.raises(PermissionError):
            refused()


def test_it_listens_on_loopback_only(s3_server: local_s3.Server):
    listening = [at.laddr.ip for at in s3_server.process.net_connections("inet") if at.status == psutil.CONN_LISTEN]
    assert set(listening) == {"127.0.0.1"}


@pytest.mark.long
def test_a_server_of_somebody_else_on_its_port_is_not_trusted(
    project: Path, s3_server: local_s3.Server, monkeypatch: pytest.MonkeyPatch
):
    taken = int(s3_server.endpoint.rpartition(":")[2])
    tries, free_ports = [], local_s3.free_ports

    def ports(*arguments) -> list[int]:
        tries.append(free_ports(*arguments))
        return [taken, *tries[-1][1:]] if len(tries) == 1 else tries[-1]

    monkeypatch.setattr(local_s3, "free_ports", ports)
    monkeypatch.setattr(local_s3, "SECONDS_TO_START", 8)
    assert call(monkeypatch, "start").endpoint == f"http://127.0.0.1:{tries[1][0]}"


def test_a_users_own_endpoint_stays(project: Path, monkeypatch: pytest.MonkeyPatch):
    local = project / ".dvc" / "config.local"
    local.write_text("['remote \"storage\"']\n    endpointurl = https://s3.example.org\n")
    before = local.read_text()
    with pytest.raises(
        ProjectError, match=r"config\.local: says already where the remote `storage` is \(endpointurl\)\n"
    ):
        call(monkeypatch, "start")
    call(monkeypatch, "stop")
    assert local.read_text() == before


@pytest.mark.parametrize("url", ["/somewhere", "https://example.org/dvc", "s3://public/dvc"])
def test_a_remote_without_a_bucket_of_its_own_is_told(project: Path, monkeypatch: pytest.MonkeyPatch, url: str):
    config = project / ".dvc" / "config"
    config.write_text(config.read_text().replace("s3://data-project-template/dvc", url))
    with pytest.raises(ProjectError, match="the default remote, `storage`, is not in a bucket of its own\n"):
        call(monkeypatch, "start")


def test_damaged_keys_are_told(project: Path, monkeypatch: pytest.MonkeyPatch):
    (project / ".s3").mkdir()
    (project / ".s3" / "s3.json").write_text("{")
    with pytest.raises(ProjectError, match=r"s3\.json: damaged\n  Delete it: new keys are made then"):
        call(monkeypatch, "start")


def test_another_folder_than_the_root_is_told_and_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError, match=r"\.dvc: no such folder\n  Run it at the project's root\."):
        call(monkeypatch, "start")
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_not_installed_is_told(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", str(project / "python"))
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(ProjectError, match="weed: the S3 server is not installed\n  `make s3`"):
        call(monkeypatch, "start")


def test_a_server_that_does_not_come_up_is_told(project: Path, monkeypatch: pytest.MonkeyPatch):
    (project / "weed").write_text("#!/bin/sh\nexit 1\n")
    (project / "weed").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(project / "python"))
    with pytest.raises(ProjectError, match=r"weed\.log: the S3 server did not start: it ended\n"):
        call(monkeypatch, "start")
    assert not (project / ".dvc" / "config.local").exists()


def test_a_proxy_that_stands_between_is_told(project: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(ProjectError, match=r"HTTP_PROXY: .*\n  export NO_PROXY="):
        call(monkeypatch, "start")
