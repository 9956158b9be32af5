"""The real bundle: verified from an empty folder by a stranger, every tampering refused by name, rebuilt from a clone."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import verify
from project import commit, must_run, replace, run

pytestmark = pytest.mark.long

NAME = "nyc-flights-2013"
CSV, PARQUET = f"{NAME}.csv", f"{NAME}.parquet"
PICKLE = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."


@pytest.fixture(scope="module")
def bundle(reproduced_small: Path) -> Path:
    """The bundle of the small project; only read."""
    return reproduced_small / "data" / "published"


def judge(folder: Path, *options: str) -> tuple[int, str, str]:
    """Run the project's verify.py, from another folder and without site-packages."""
    command = [sys.executable, "-I", "-S", verify.__file__, str(folder), *options]
    ended = subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, timeout=120, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def forge(folder: Path) -> None:
    """Make every hash and size right that a bundle states, in its metadata and in SHA256SUMS."""
    for name, key, address in (
        ("croissant.json", "distribution", "contentUrl"),
        ("ro-crate-metadata.json", "@graph", "@id"),
    ):
        content = json.loads((folder / name).read_text())
        for entry in content[key]:
            path = folder / str(entry.get(address))
            if "sha256" in entry and path.is_file():
                unit = " B" if key == "distribution" else ""
                entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
                entry["contentSize"] = f"{path.stat().st_size}{unit}"
        (folder / name).write_text(json.dumps(content))
    paths = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths]
    (folder / "SHA256SUMS").write_text("".join(lines))


def edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        content = (folder / name).read_bytes()
        changed = change(content)
        assert changed != content
        (folder / name).write_bytes(changed)

    return act


def flip(position: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:position] + bytes([content[position] ^ 1]) + content[position:][1:]


def swap(one: str, other: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        (folder / one).rename(folder / "aside")
        (folder / other).rename(folder / one)
        (folder / "aside").rename(folder / other)

    return act


def edit_json(name: str, change: Callable[[Any], object]) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        change(content)
        (folder / name).write_text(json.dumps(content))

    return act


def cells(line: bytes, column: int, value: bytes) -> bytes:
    found = line.rstrip(b"\n").split(b",")
    return b",".join([*found[:column], value, *found[column + 1 :]]) + b"\n"


def edit_row(number: int, column: int, value: bytes) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        lines[number] = cells(lines[number], column, value)
        return b"".join(lines)

    return change


def link(name: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        (folder / name).rename(folder.parent / "moved")
        (folder / name).symlink_to(folder.parent / "moved")

    return act


def spoil_model(folder: Path) -> None:
    """Put a function of the system into the model's description of itself."""
    with zipfile.ZipFile(folder / "model.skops") as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members["schema.json"] = members["schema.json"].replace(b'"sklearn.pipeline"', b'"os"', 1)
    with zipfile.ZipFile(folder / "model.skops", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def add_to_model(folder: Path) -> None:
    with zipfile.ZipFile(folder / "model.skops", "a") as archive:
        archive.writestr("payload.pkl", PICKLE)


def first_field(content: Any) -> dict[str, Any]:
    return content["resources"][0]["schema"]["fields"][0]


PLAIN: dict[str, tuple[str, Callable[[Path], None]]] = {  # the file that is named, what is done
    "first byte": (CSV, edit(CSV, flip(0))),
    "middle byte": (CSV, edit(CSV, lambda content: flip(len(content) // 2)(content))),
    "last byte": (CSV, edit(CSV, lambda content: content[:-1])),
    "bytes behind the end": (PARQUET, edit(PARQUET, lambda content: content + b"\0")),
    "emptied": (PARQUET, edit(PARQUET, lambda content: b"")),
    "model's byte": ("model.skops", edit("model.skops", flip(5000))),
    "model is a pickle": ("model.skops", edit("model.skops", lambda content: PICKLE)),
    "parameters edited": (
        "params.yaml",
        edit("params.yaml", lambda content: content.replace(b"min: 0.5", b"min: 0.1")),
    ),
    "contract edited": ("contract.yaml", edit("contract.yaml", lambda content: content.replace(b"CC0", b"MIT"))),
    "citation edited": ("CITATION.cff", edit("CITATION.cff", lambda content: content.replace(b"0.1.0", b"0.2.0"))),
    "licence edited": ("LICENSE", edit("LICENSE", lambda content: content.replace(b"MIT", b"BSD"))),
    "metadata edited": (
        "datapackage.json",
        edit("datapackage.json", lambda content: content.replace(b"2013", b"2014")),
    ),
    "metrics edited": ("evaluate.json", edit_json("evaluate.json", lambda content: content.update(roc_auc=0.99))),
    "ledger edited": ("ledger.json", edit("ledger.json", lambda content: content.replace(b"0", b"1"))),
    "a file added": ("extra.csv", lambda folder: (folder / "extra.csv").write_text("a\n")),
    "a hidden file added": (".hidden", lambda folder: (folder / ".hidden").write_text("")),
    "a pickle added": ("model.pkl", lambda folder: (folder / "model.pkl").write_bytes(PICKLE)),
    "a folder added": ("more", lambda folder: (folder / "more").mkdir()),
    "a file removed": (PARQUET, lambda folder: (folder / PARQUET).unlink()),
    "the licence removed": ("LICENSE", lambda folder: (folder / "LICENSE").unlink()),
    "renamed": (CSV, lambda folder: (folder / CSV).rename(folder / "flights.csv")),
    "renamed in case": ("LICENSE", lambda folder: (folder / "LICENSE").rename(folder / "license")),
    "card edited": ("README.md", edit("README.md", lambda content: content.replace(b"rows", b"cows"))),
    "page edited": ("index.html", edit("index.html", lambda content: content + b"<script src=x></script>")),
    "predictions edited": (
        "predictions.csv",
        edit("predictions.csv", lambda content: content.replace(b"true", b"false")),
    ),
    "the verifier edited": ("verify.py", edit("verify.py", lambda content: content + b"\n")),
    "Croissant edited": ("croissant.json", edit("croissant.json", lambda content: content.replace(b"Float", b"Text"))),
    "the crate edited": (
        "ro-crate-metadata.json",
        edit("ro-crate-metadata.json", lambda content: content.replace(b"CreateAction", b"Thing")),
    ),
    "two swapped": ("train.json", swap("train.json", "evaluate.json")),
    "data and model swapped": (PARQUET, swap(PARQUET, "model.skops")),
    "a link in place of a file": (CSV, link(CSV)),
    "the list removed": ("SHA256SUMS", lambda folder: (folder / "SHA256SUMS").unlink()),
    "the list emptied": ("SHA256SUMS", edit("SHA256SUMS", lambda content: b"")),
    "a line less in the list": ("CITATION.cff", edit("SHA256SUMS", lambda content: content.partition(b"\n")[2])),
    "a line twice in the list": ("SHA256SUMS", edit("SHA256SUMS", lambda content: content + content)),
    "a hash in the list": ("CITATION.cff", edit("SHA256SUMS", lambda content: b"0" * 64 + content[64:])),
    "the list leads out": ("SHA256SUMS", edit("SHA256SUMS", lambda content: content + b"0" * 64 + b"  ../x\n")),
}

FORGED: dict[str, tuple[str, Callable[[Path], None]]] = {  # with hashes and sizes that fit, wherever they stand
    "a column renamed": (CSV, edit(CSV, lambda content: content.replace(b"distance", b"range", 1))),
    "a column renamed in the metadata": (
        CSV,
        edit_json("datapackage.json", lambda content: first_field(content).update(name="other")),
    ),
    "a type changed in the metadata": (
        CSV,
        edit_json("datapackage.json", lambda content: first_field(content).update(type="integer")),
    ),
    "a wrong value": (CSV, edit(CSV, edit_row(3, 6, b"far"))),
    "a value out of range": (CSV, edit(CSV, edit_row(3, 6, b"99999"))),
    "a value missing": (CSV, edit(CSV, edit_row(3, 6, b""))),
    "a row removed": (CSV, edit(CSV, lambda content: b"".join(content.splitlines(keepends=True)[:-1]))),
    "a row added": (CSV, edit(CSV, lambda content: content + content.splitlines(keepends=True)[-1])),
    "a row moved to the test part": (CSV, edit(CSV, lambda content: content.replace(b'"train"', b'"test"', 1))),
    "Parquet replaced by CSV": (PARQUET, lambda folder: shutil.copy(folder / CSV, folder / PARQUET)),
    "the model replaced by a pickle": ("model.skops", edit("model.skops", lambda content: PICKLE)),
    "a pickle beside the model": ("model.pkl", lambda folder: (folder / "model.pkl").write_bytes(PICKLE)),
    "a pickle in the model": ("model.skops", add_to_model),
    "a function of the system in the model": ("model.skops", spoil_model),
    "rows lost in the ledger": (
        "ledger.json",
        edit_json("ledger.json", lambda content: content["flights"].update(rows_rejected=0)),
    ),
    "other counts": ("train.json", edit_json("train.json", lambda content: content.update(train_rows=7))),
    "a better metric": ("evaluate.json", edit_json("evaluate.json", lambda content: content.update(roc_auc=0.99))),
    "a better metric in all its places": (
        "predictions.csv",
        lambda folder: [
            edit_json("evaluate.json", lambda content: content.update(brier=0.01))(folder),
            edit_json("evaluation.json", lambda content: content["metrics"]["brier"].update(value=0.01))(folder),
        ],
    ),
    "another threshold": (
        "predictions.csv",
        edit_json("evaluation.json", lambda content: content.update(threshold=0.9)),
    ),
    "a prediction turned": (
        "predictions.csv",
        edit("predictions.csv", lambda content: re.sub(rb",false,0\.", b",true,0.", content, count=1)),
    ),
    "a probability changed": (
        "predictions.csv",
        edit("predictions.csv", lambda content: re.sub(rb"0\.\d+\n", b"0.987\n", content, count=1)),
    ),
    "predictions in another order": (
        "predictions.csv",
        edit("predictions.csv", lambda content: b"\n".join(sorted(content.splitlines(), reverse=True))),
    ),
    "a prediction less": (
        "predictions.csv",
        edit("predictions.csv", lambda content: content.rstrip().rpartition(b"\n")[0]),
    ),
    "a column that only Croissant lacks": (
        "croissant.json",
        edit_json("croissant.json", lambda content: content["recordSet"][1]["field"].pop()),
    ),
    "a type that only Croissant has": (
        "croissant.json",
        edit_json("croissant.json", lambda content: content["recordSet"][1]["field"][0].update(dataType="sc:Text")),
    ),
    "a file that only the crate has": (
        "ro-crate-metadata.json",
        edit_json(
            "ro-crate-metadata.json", lambda content: content["@graph"].append({"@id": "a.csv", "@type": "File"})
        ),
    ),
    "a file that nobody names": ("notes.txt", lambda folder: (folder / "notes.txt").write_text("trust me")),
    "versions that differ": (
        "croissant.json",
        edit_json("croissant.json", lambda content: content.update(version="9")),
    ),
    "metadata torn": ("datapackage.json", edit("datapackage.json", lambda content: content[:-9])),
    "metadata removed": ("datapackage.json", lambda folder: (folder / "datapackage.json").unlink()),
    "a table that nobody describes": ("extra.csv", lambda folder: (folder / "extra.csv").write_text("a\n1\n")),
    "data removed": ("datapackage.json", lambda folder: (folder / CSV).unlink()),
}


def copy(bundle: Path, folder: Path) -> Path:
    return Path(shutil.copytree(bundle, folder / "bundle"))


def names(said: str) -> list[str]:
    """The files that a line speaks of first: `FILE: …`, `FILE, row 3: …`."""
    return [re.split(r"[:,]", line)[0] for line in said.splitlines()]


def test_a_stranger_verifies_the_bundle_in_an_empty_folder(bundle: Path, tmp_path: Path):
    folder = copy(bundle, tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    expected = hashlib.sha256((bundle / "SHA256SUMS").read_bytes()).hexdigest()
    command = [sys.executable, "-I", "-S", "verify.py", "--expect", expected]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith(f"The bundle's hash: {expected}\n")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", PLAIN)
def test_a_tampered_bundle_is_refused_by_the_file_s_name(bundle: Path, tmp_path: Path, name: str):
    file, tamper = PLAIN[name]
    folder = copy(bundle, tmp_path)
    tamper(folder)
    status, said, err = judge(folder)
    assert (status, said) == (1, "")
    assert file in names(err), err
    assert "Traceback" not in err


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_list_of_hashes_does_not_help(bundle: Path, tmp_path: Path, name: str):
    file, tamper = FORGED[name]
    folder = copy(bundle, tmp_path)
    expected = verify.bundle_hash(folder)
    tamper(folder)
    forge(folder)
    status, said, err = judge(folder)
    assert (status, said) == (1, "")
    assert file in err
    assert "Traceback" not in err
    status, said, err = judge(folder, "--expect", expected)  # and whoever knows the hash sees it at once
    assert (status, said, names(err)) == (1, "", ["SHA256SUMS"])


def test_what_only_the_hash_of_the_whole_tells_is_refused_by_it(bundle: Path, tmp_path: Path):
    folder = copy(bundle, tmp_path)
    expected = verify.bundle_hash(folder)
    edit("LICENSE", lambda content: content.replace(b"MIT", b"BSD"))(folder)
    forge(folder)
    assert judge(folder)[0] == 0
    status, said, err = judge(folder, "--expect", expected)
    assert (status, said) == (1, "")
    assert err == f"SHA256SUMS: the bundle's hash is {verify.bundle_hash(folder)}, expected {expected}\n"


# Rebuild


def rebuild(folder: Path, clone: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """With the packages that are here, which are those of the lock."""
    temporary = folder.parent / "temporary"
    temporary.mkdir()
    command = [sys.executable, verify.__file__, folder, "--rebuild", clone, "--python", sys.executable, *options]
    return run(folder.parent, *command, TMPDIR=str(temporary))


def test_a_bundle_is_rebuilt_from_a_clone_byte_for_byte(project: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    folder = copy(project / "data" / "published", tmp_path / "empty")
    revision = must_run(project, "git", "rev-parse", "HEAD").strip()
    release = {"revision": revision, "repository": str(project), "bundle": verify.bundle_hash(folder)}
    (folder.parent / "release.json").write_text(json.dumps(release))
    replace(project, "params.yaml", "max_iter: 20", "max_iter: 10")  # a later commit, which is not asked for
    commit(project)
    ended = rebuild(folder, project)
    assert (ended.returncode, ended.stderr) == (0, "")
    count = len(list(folder.iterdir())) - 1
    stages = ["check", "access", "clean", "transform", "serve", "train", "evaluate", "publish"]
    assert ended.stdout.splitlines()[2:] == [
        "Clone the project ...",
        f"Check out {revision} ...",
        "Run the pipeline ...",
        *(f"  Running stage '{stage}':" for stage in stages),
        f"Rebuilt: all {count} files have the same bytes.",
    ]
    assert list((folder.parent / "temporary").iterdir()) == []


def test_what_differs_in_a_rebuilt_bundle_is_named_with_how_much(project: Path, tmp_path: Path):
    folder = copy(project / "data" / "published", tmp_path)
    replace(project, "params.yaml", "max_iter: 20", "max_iter: 2")
    commit(project)
    ended = rebuild(folder, project.relative_to(tmp_path), "--revision", "main")
    assert ended.returncode == 1
    assert "models: differs from what dvc.lock of main says" in ended.stdout
    assert "model.skops: other bytes, no text; judged by the texts beside it" in ended.stdout
    found = [line for line in ended.stderr.splitlines() if line.startswith("evaluate.json: a number differs by 0.")]
    assert len(found) == 1
    assert found[0].endswith("the tolerance is 0.001")
    assert "params.yaml: a number differs" in ended.stderr


def test_a_rebuild_says_in_a_line_what_it_lacks(bundle: Path, tmp_path: Path):
    folder = copy(bundle, tmp_path)
    for options, expected in [
        (
            ("--rebuild",),
            "--rebuild: say where the project's Git repository is; no release.json beside the bundle names it",
        ),
        (("--rebuild", str(tmp_path / "none")), "--rebuild: cannot clone the project: "),
        (("--rebuild", "--upload-pack=x"), "verify.py: error: "),
    ]:
        ended = run(tmp_path, sys.executable, verify.__file__, folder, *options)
        assert ended.returncode != 0
        assert expected in ended.stderr
        assert "Traceback" not in ended.stderr
    (folder.parent / "release.json").write_text(json.dumps({"bundle": "0" * 64, "repository": "x"}))
    ended = run(tmp_path, sys.executable, verify.__file__, folder, "--rebuild")
    assert ended.stderr == f"release.json: is of another bundle, {'0' * 64}\n"


def test_the_lock_is_installed_by_its_hashes_or_not_at_all(tmp_path: Path):
    clone = tmp_path / "clone"
    clone.mkdir()
    wheel = tmp_path / "tiny_lock-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_lock.py", "x = 1\n")
        archive.writestr("tiny_lock-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-lock\nVersion: 1.0\n")
        archive.writestr(
            "tiny_lock-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_lock-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    requirements = clone / "requirements.txt"
    requirements.write_text(f"tiny-lock @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(verify.Refused, match=r"^--rebuild: cannot install the lock: "):
        verify.install(clone)
    requirements.write_text(f"tiny-lock @ {wheel.as_uri()} --hash=sha256:{digest}\n")
    programs = verify.install(clone)
    assert must_run(tmp_path, programs / "python", "-c", "import tiny_lock; print(tiny_lock.x)") == "1\n"
