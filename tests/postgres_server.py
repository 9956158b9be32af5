"""A real PostgreSQL server on loopback, where its programs are installed (Debian: apt install postgresql)."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from needs import missing

SECONDS_TO_START = 60


@dataclass(frozen=True)
class PostgresServer:
    """A running server with the database `test`."""

    port: int
    user: str = "reader"
    password: str = "pass/word:1"

    def uri(self, database: str = "test") -> str:
        return f"postgresql://127.0.0.1:{self.port}/{database}"


def find_programs() -> Path | None:
    """Return the folder of initdb and postgres; Debian keeps it out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    path = found[-1] if found else shutil.which("initdb")
    return Path(path).resolve().parent if path else None


@contextmanager
def running(programs: Path) -> Iterator[PostgresServer]:
    """Run a server with its data in a folder of its own; it refuses to run as root, so root gives it to `nobody`."""
    as_user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = PostgresServer(free.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        (folder / "password").write_text(server.password)
        if as_user:
            shutil.chown(folder, "nobody", "nogroup")
            shutil.chown(folder / "password", "nobody", "nogroup")
        data = folder / "data"
        initdb = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            server.user,
            "-A",
            "scram-sha-256",
            f"--pwfile={folder / 'password'}",
        ]
        subprocess.run(
            [*initdb, "-E", "UTF8", "--locale=C", "-N"], check=True, capture_output=True, cwd=folder, **as_user
        )
        options = ["-h", "127.0.0.1", "-p", str(server.port), "-k", "", "-F"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *options], stdout=log, stderr=log, cwd=folder, **as_user
            )
        try:
            _wait(process, server)
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    finally:
        shutil.rmtree(folder)


def _wait(process: subprocess.Popen, server: PostgresServer) -> None:
    """Wait until the server takes connections, then make the database."""
    import psycopg

    until = time.monotonic() + SECONDS_TO_START
    login = {"host": "127.0.0.1", "port": server.port, "user": server.user, "password": server.password}
    while True:
        try:
            with psycopg.connect(**login, dbname="postgres", autocommit=True) as connection:
                connection.execute("CREATE DATABASE test")
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    programs = find_programs()
    if programs is None:
        missing("PostgreSQL is not installed (Debian: apt install postgresql)")
    with running(programs) as server:
        yield server
