"""A real S3 server on loopback, the one of `make s3`, for tests and benchmarks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import local_s3
from local_s3 import AWS
from local_s3 import Server as S3Server


@contextmanager
def running(folder: Path) -> Iterator[S3Server]:
    """Run a server with its data in a folder and empty buckets `public` and `private`, and stop it at the end."""
    server = local_s3.start(folder, "private")
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The server of a test run (of each worker), with empty buckets `public` and `private`."""
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
