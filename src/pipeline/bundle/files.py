"""Files of the bundle: which are copies, and their checksums."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.bundle.facts import STAGES, declared

# What the bundle takes as it is: file in the project -> in the bundle.
COPIES = {
    Path("CITATION.cff"): "CITATION.cff",
    Path("LICENSE"): "LICENSE",
    Path("params.yaml"): "params.yaml",
    Path("contract.yaml"): "contract.yaml",
    Path("requirements.txt"): "requirements.txt",
    Path("metrics/ledger.json"): "ledger.json",
    Path("metrics/train.json"): "train.json",
    Path("metrics/evaluate.json"): "evaluate.json",
    Path("src/verify.py"): "verify.py",
    Path("models/model.skops"): "model.skops",
}


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_inputs(deps: Sequence[Any]) -> dict[str, str]:
    """The sha256 of every file that a stage depends on, by path; a folder stands for the files in it."""
    found: dict[str, str] = {}
    for name in declared(deps):
        path = Path(name)
        files = sorted(below for below in path.rglob("*") if below.is_file()) if path.is_dir() else [path]
        shown = {STAGES: Path("dvc.yaml")}
        found |= {shown.get(file, file).as_posix(): sha256(file) for file in files if "__pycache__" not in file.parts}
    return dict(sorted(found.items()))


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_checksums(folder: Path) -> None:
    """List the sha256 of every file in a folder, in the form that `sha256sum --check` reads."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
