"""Push, pull and access when server, network, disk or keys fail: all or a clear error, and a rerun completes."""

import functools
import hashlib
import os
import random
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from fault_proxy import FAULTS, Proxy, proxying
from needs import missing
from project import (
    ROOT,
    SECONDS,
    copy_again,
    environment,
    locked,
    must_run,
    outputs,
    replace,
    results,
    run_warm,
    stages,
    start_warm,
)
from s3_server import S3Server

pytestmark = pytest.mark.usefixtures("clean_aws")

SEED = int(os.environ.get("FAULT_SEED", random.randrange(10**6)))  # a failure names it; set it to see the same again
RUNS = 20  # of each batch
LANES = 4  # of them at a time: most of their time is waiting
FILES = {
    f"data/{name}": (f"{name}\n" * (20_000 if name == "large" else 10)).encode() for name in ("a", "b", "c", "large")
}
CONFIG = """
[core]
    analytics = false
    remote = storage
['remote "storage"']
    url = s3://{}
    verify = true
    read_timeout = 3 # shorter than a stall
"""


@pytest.fixture(scope="module")
def proxies(s3_server: S3Server) -> Iterator[list[Proxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(proxying(s3_server.endpoint)) for _ in range(LANES)]


@pytest.fixture
def proxy(proxies: list[Proxy]) -> Proxy:
    proxies[0].reset(lambda *_: None)
    return proxies[0]


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a folder of data, tracked by DVC, to copy."""
    folder = tmp_path_factory.mktemp("tracked") / "project"
    (folder / "data").mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    must_run(folder, "git", "init", "--quiet")
    must_run(folder, "dvc", "init", "--quiet")
    assert run_warm(folder, "dvc", "add", "--quiet", "data").returncode == 0
    return folder


@pytest.fixture
def folder(tracked: Path, tmp_path: Path) -> Path:
    """A project with a folder of data, tracked by DVC; its remote is empty."""
    folder = Path(shutil.copytree(tracked, tmp_path / "0" / "project"))
    new_remote(folder, "dvc")
    return folder


def random_plan(chance: random.Random) -> Callable[[int, str, str], str | None]:
    """One to three faults at some of the first requests; or one that stays."""
    if chance.random() < 0.05:
        first, fault = chance.randrange(8), chance.choice(["slow_down", "reset"])
        return lambda number, *_: fault if number >= first else None
    weights = [1 if fault == "stall" else 4 for fault in FAULTS]
    faults = {chance.randrange(12): chance.choices(FAULTS, weights)[0] for _ in range(chance.randrange(1, 4))}
    return lambda number, *_: faults.get(number)


def keys(server: S3Server, endpoint: str) -> dict[str, str]:
    return server.environment() | {"AWS_ENDPOINT_URL": endpoint, "AWS_MAX_ATTEMPTS": "2"}


def is_clear(ended: subprocess.CompletedProcess[str]) -> bool:
    """Say whether a command failed with an error that a user can read."""
    said = ended.stderr + ended.stdout
    return ended.returncode not in (0, None) and ended.returncode > 0 and "Traceback" not in said and len(said) > 10


@functools.cache
def client(server: S3Server) -> S3FileSystem:
    return server.files()


def in_remote(server: S3Server, place: str) -> dict[str, bytes]:
    files = client(server)
    if not files.exists(f"{place}/files/md5"):
        return {}
    return {"".join(name.split("/")[-2:]): files.cat_file(name) for name in files.find(f"{place}/files/md5")}


def in_cache(folder: Path) -> dict[str, bytes]:
    cache = folder / ".dvc" / "cache" / "files" / "md5"
    return {f"{path.parent.name}{path.name}": path.read_bytes() for path in cache.glob("??/*") if path.is_file()}


def has_all(folder: Path) -> bool:
    return all((folder / name).exists() and (folder / name).read_bytes() == content for name, content in FILES.items())


def no_trace(folder: Path) -> None:
    """Make the project as a fresh clone has it."""
    for path in (folder / "data", folder / ".dvc/cache", folder / ".dvc/tmp", folder.with_name("project.dvc")):
        shutil.rmtree(path, ignore_errors=True)


def new_remote(folder: Path, name: str) -> str:
    """Give the project an empty place in the bucket, and forget what DVC knows of the last one."""
    place = f"private/{folder.parent.parent.name}/{folder.parent.name}/{name}"
    (folder / ".dvc" / "config").write_text(CONFIG.format(place))
    for path in (folder / ".dvc/tmp", folder.with_name("project.dvc")):
        shutil.rmtree(path, ignore_errors=True)
    return place


Lane = tuple[Path, Proxy]


def lanes_of(folder: Path, proxies: list[Proxy]) -> list[Lane]:
    """Copy a project, so that some can run at a time, each through a proxy of its own."""
    folders = [folder, *(folder.parents[1] / str(number) / "project" for number in range(1, LANES))]
    for copy in folders[1:]:
        shutil.copytree(folder, copy, symlinks=True)
    return list(zip(folders, proxies, strict=True))


Ended = subprocess.CompletedProcess[str]


def under_faults(
    lanes: list[Lane], what: str, prepare: Callable[[Path, int], object], start: Callable[..., Callable[[], Ended]]
) -> Iterator[tuple[Path, Ended, str, Callable[[], Ended]]]:
    """Run something again and again, each time under other faults.

    Args:
        what: names the runs; with the seed and a run's number it decides its faults.
        prepare: gets project and number before a run.
        start: gets project and endpoint, begins, and returns what waits for the end.

    Yields:
        Project, how it ended, what to say of it, and a function that runs it again without faults.
    """
    for first in range(0, RUNS, LANES):
        started = []
        for number, (folder, proxy) in enumerate(lanes, first):
            prepare(folder, number)
            proxy.reset(random_plan(random.Random(f"{SEED} {what} {number}")))
            started.append((number, folder, proxy, start(folder, proxy.uri)))
        for number, folder, proxy, finish in started:
            ended = finish()
            case = (
                f"FAULT_SEED={SEED}, {what}, run {number}: {proxy.met} {proxy.requests}\n{ended.stdout}{ended.stderr}"
            )
            proxy.reset(lambda *_: None)
            yield folder, ended, case, lambda folder=folder, proxy=proxy: start(folder, proxy.uri)()


@pytest.mark.long
@pytest.mark.parametrize("batch", range(4))
def test_a_push_ends_complete_or_with_a_clear_error(
    folder: Path, s3_server: S3Server, proxies: list[Proxy], batch: int
):
    wanted, lanes, places = in_cache(folder), lanes_of(folder, proxies), {}

    def start(folder: Path, endpoint: str):
        return start_warm(folder, "dvc", "push", **keys(s3_server, endpoint))

    def prepare(folder: Path, number: int) -> None:
        places[folder] = new_remote(folder, str(number))

    for folder, ended, case, again in under_faults(lanes, f"push {batch}", prepare, start):
        there = in_remote(s3_server, places[folder])
        assert there.items() <= wanted.items(), case  # nothing half or damaged
        assert there == wanted if ended.returncode == 0 else is_clear(ended), case
        if ended.returncode:
            assert again().returncode == 0, case
            assert in_remote(s3_server, places[folder]) == wanted, case


@pytest.mark.long
@pytest.mark.parametrize("batch", range(4))
def test_a_pull_ends_complete_or_with_a_clear_error(
    folder: Path, s3_server: S3Server, proxies: list[Proxy], batch: int
):
    def start(folder: Path, endpoint: str):
        return start_warm(folder, "dvc", "pull", **keys(s3_server, endpoint))

    assert run_warm(folder, "dvc", "push", **keys(s3_server, s3_server.endpoint)).returncode == 0
    wanted, lanes = in_cache(folder), lanes_of(folder, proxies)
    for folder, ended, case, again in under_faults(lanes, f"pull {batch}", lambda folder, _: no_trace(folder), start):
        assert objects_are_whole(folder), case
        assert has_all(folder) if ended.returncode == 0 else is_clear(ended), case
        if ended.returncode:
            assert again().returncode == 0, case
            assert has_all(folder), case
        assert in_cache(folder).items() >= wanted.items(), case


def objects_are_whole(folder: Path) -> bool:
    return all(
        hashlib.md5(content).hexdigest() == name.removesuffix(".dir")
        for name, content in in_cache(folder).items()
        if len(name.removesuffix(".dir")) == 32
    )


@pytest.fixture
def accessing(tmp_path: Path, s3_server: S3Server, proxy: Proxy) -> Path:
    """A project that brings the files from a public bucket, unsigned."""
    folder = tmp_path / "0" / "project"
    folder.mkdir(parents=True)
    (folder / "src").symlink_to(ROOT / "src")
    (folder / "data" / "schema").mkdir(parents=True)
    (folder / "data" / "schema" / "licences.json").write_text("{}")
    s3_server.files().pipe({f"public/{tmp_path.name}/{name[5:]}": content for name, content in FILES.items()})
    listing = "".join(f"{hashlib.sha256(content).hexdigest()}  {name[5:]}\n" for name, content in sorted(FILES.items()))
    sha256 = hashlib.sha256(listing.encode()).hexdigest()
    (folder / "params.yaml").write_text(
        f"access:\n  t:\n    uri: s3://public/{tmp_path.name}/\n    anon: true\n    sha256: {sha256}\n"
    )
    return folder


@pytest.mark.long
@pytest.mark.parametrize("batch", range(2))
def test_access_ends_complete_or_with_a_clear_error(accessing: Path, proxies: list[Proxy], batch: int):
    def prepare(folder: Path, _: int) -> None:
        shutil.rmtree(folder / "data" / "raw", ignore_errors=True)

    def start(folder: Path, endpoint: str):
        return start_warm(folder, "src/access.py", AWS_ENDPOINT_URL=endpoint)

    wanted = {name[5:]: content for name, content in FILES.items()}
    for folder, ended, case, again in under_faults(lanes_of(accessing, proxies), f"access {batch}", prepare, start):
        brought = {path.name: path.read_bytes() for path in (folder / "data/raw/t").glob("*")}
        assert brought == (wanted if ended.returncode == 0 else {}), case
        if ended.returncode:
            assert ended.stderr.startswith("params.yaml: access.t") and is_clear(ended), case
            ended = again()
            assert ended.returncode == 0, case + ended.stderr


@pytest.mark.parametrize(
    ("command", "fault", "number"),
    [("push", "slow_down", 3), ("push", "corrupt", 5), ("pull", "truncate", 2), ("pull", "reset", 3)],
)
def test_one_fault_is_overcome_or_told(
    folder: Path, s3_server: S3Server, proxy: Proxy, command: str, fault: str, number: int
):
    if command == "pull":
        assert run_warm(folder, "dvc", "push", **keys(s3_server, s3_server.endpoint)).returncode == 0
        no_trace(folder)
    proxy.reset(lambda asked, *_: fault if asked == number else None)
    ended = run_warm(folder, "dvc", command, **keys(s3_server, proxy.uri))
    assert proxy.met == [fault]
    assert ended.returncode == 0 or is_clear(ended)
    assert run_warm(folder, "dvc", command, **keys(s3_server, proxy.uri)).returncode == 0
    assert has_all(folder)


def kill_at(project: Path, proxy: Proxy, number: int, *command: str, **more: str) -> None:
    """Run a command until its nth request has got half an answer, and kill it then, by kill -9."""
    halves = threading.Event()

    def plan(asked: int, *_: str) -> str | None:
        if asked >= number:
            halves.set()
            return "stall"
        return None

    proxy.reset(plan)
    proxy.stall = 1
    process = subprocess.Popen(
        command, cwd=project, env=environment(project, **more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert halves.wait(300), f"it made only {len(proxy.requests)} requests"
    process.kill()
    process.wait()
    proxy.reset(lambda *_: None)
    proxy.stall = Proxy.stall


@pytest.mark.long
@pytest.mark.parametrize("number", range(0, 10, 3))
def test_a_push_that_was_killed_goes_on(folder: Path, s3_server: S3Server, proxy: Proxy, number: int):
    place, there = new_remote(folder, "killed"), keys(s3_server, proxy.uri)
    kill_at(folder, proxy, number, "dvc", "push", **there)
    assert in_remote(s3_server, place).items() <= in_cache(folder).items()
    assert run_warm(folder, "dvc", "push", **there).returncode == 0
    assert in_remote(s3_server, place) == in_cache(folder)


@pytest.mark.long
@pytest.mark.parametrize("number", range(5))
def test_a_pull_that_was_killed_goes_on(folder: Path, s3_server: S3Server, proxy: Proxy, number: int):
    there = keys(s3_server, proxy.uri)
    assert run_warm(folder, "dvc", "push", **there).returncode == 0
    no_trace(folder)
    kill_at(folder, proxy, number, "dvc", "pull", **there)
    assert objects_are_whole(folder)
    ended = run_warm(folder, "dvc", "pull", **there)
    assert ended.returncode == 0, ended.stderr
    assert has_all(folder)


@pytest.mark.long
@pytest.mark.parametrize("number", range(0, 6, 2))
def test_an_access_that_was_killed_goes_on(accessing: Path, proxy: Proxy, number: int):
    there = {"AWS_ENDPOINT_URL": proxy.uri}
    kill_at(accessing, proxy, number, "python", "src/access.py", **there)
    assert not list(accessing.glob("data/raw/t/*"))
    assert run_warm(accessing, "src/access.py", **there).returncode == 0
    assert {path.name for path in (accessing / "data/raw/t").glob("*")} == {name[5:] for name in FILES}


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a disk of some size over a folder."""
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]).returncode:
        missing("a small disk cannot be mounted (that takes root)")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def grow(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)


@pytest.mark.long
@pytest.mark.parametrize("size", ["1200k", "2200k"])  # enough for neither, or for the cache but not for the workspace
def test_a_disk_that_fills_up_in_a_pull_is_told(folder: Path, s3_server: S3Server, tmp_path: Path, size: str):
    content = random.Random(1).randbytes(1 << 20)
    (folder / "data" / "large").write_bytes(content)
    there = keys(s3_server, s3_server.endpoint)
    assert run_warm(folder, "dvc", "add", "--quiet", "data").returncode == 0
    assert run_warm(folder, "dvc", "push", **there).returncode == 0
    with small_disk(tmp_path / "disk", size):
        clone = tmp_path / "disk" / "clone"
        shutil.copytree(folder, clone, ignore=shutil.ignore_patterns("data", "cache", "tmp"))
        ended = run_warm(clone, "dvc", "pull", **there)
        assert is_clear(ended), ended.stderr
        if size == "1200k":  # of the workspace DVC says only that something is amiss; docs/s3.md says more
            assert "No space left on device" in ended.stderr
        assert objects_are_whole(clone)
        grow(tmp_path / "disk", "8m")
        ended = run_warm(clone, "dvc", "pull", **there)
        if ended.returncode:  # it left files in data/ that hinder it now; docs/s3.md says so
            assert re.search(r"data/\.\S+\.tmp\n", ended.stderr), ended.stderr
            must_run(clone, "find", ".", "-name", ".*.tmp", "-delete")
            assert run_warm(clone, "dvc", "pull", **there).returncode == 0
        assert (clone / "data" / "large").read_bytes() == content


def copy_whole(project: Path, target: Path) -> Path:
    """Copy a project to another disk, where its cache cannot be linked."""
    return Path(shutil.copytree(project, target, symlinks=True))


@pytest.mark.long
def test_a_disk_that_fills_up_in_a_stage_is_told(reproduced_small: Path, tmp_path: Path):
    with small_disk(tmp_path / "disk", "200m"):
        project, filler = copy_whole(reproduced_small, tmp_path / "disk" / "project"), tmp_path / "disk" / "filler"
        for name, stage in stages(project).items():
            for path in outputs(stage):  # as DVC does
                must_run(project, "rm", "-r", path)
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(project).free - 4096)
            ended = run_warm(project, f"src/{name}.py")
            filler.unlink()
            if name != "check":  # what it writes has room
                assert (ended.returncode, ended.stdout) == (1, ""), name
                assert re.fullmatch(r"(.*: no space is left.*\n  Make room, then run it again\.\n)+", ended.stderr), (
                    ended.stderr
                )
            assert run_warm(project, f"src/{name}.py").returncode == 0
        assert results(project) == results(reproduced_small)


@pytest.mark.long
def test_two_repros_at_once_spoil_nothing(project: Path, tmp_path: Path):
    alone = copy_again(project, tmp_path / "alone")
    for one in (project, alone):
        replace(one, "params.yaml", "max: 600", "max: 300")
    both = [
        subprocess.Popen(
            ["dvc", "repro"],
            cwd=project,
            env=environment(project),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=SECONDS)[0] for process in both]
    for process, text in zip(both, said, strict=True):
        assert "Traceback" not in text, text
        assert process.returncode == 0 or "ERROR: " in text, text
    must_run(project, "dvc", "repro")
    must_run(alone, "dvc", "repro")
    assert locked(project) == locked(alone)
    assert results(project) == results(alone)


@pytest.mark.parametrize("command", ["push", "pull"])
@pytest.mark.parametrize("wrong", ["no keys", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"])
def test_keys_and_endpoints_that_are_missing_or_wrong_are_told(
    folder: Path, s3_server: S3Server, command: str, wrong: str
):
    there = keys(s3_server, s3_server.endpoint)
    if wrong == "no keys":
        del there["AWS_ACCESS_KEY_ID"], there["AWS_SECRET_ACCESS_KEY"]
    else:
        there[wrong] = "http://127.0.0.1:1" if wrong == "AWS_ENDPOINT_URL" else "5" * 32
    ended = run_warm(folder, "dvc", command, **there)
    assert is_clear(ended)
    assert {
        "no keys": "Unable to locate credentials",
        "AWS_ENDPOINT_URL": 'Could not connect to the endpoint URL: "http://127.0.0.1:1/',
    }.get(wrong, "Forbidden: An error occurred (403)") in ended.stderr
    assert s3_server.secret not in ended.stdout + ended.stderr


@pytest.mark.long
def test_keys_that_can_only_read_pull_but_do_not_push(folder: Path, s3_server: S3Server):
    there = keys(s3_server, s3_server.endpoint)
    reader = there | {"AWS_ACCESS_KEY_ID": s3_server.readonly_key, "AWS_SECRET_ACCESS_KEY": s3_server.readonly_secret}
    ended = run_warm(folder, "dvc", "push", **reader)
    assert is_clear(ended) and "Access Denied" in ended.stderr
    assert run_warm(folder, "dvc", "push", **there).returncode == 0
    no_trace(folder)
    assert run_warm(folder, "dvc", "pull", **reader).returncode == 0
    assert has_all(folder)
