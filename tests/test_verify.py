"""verify.py: a bundle is whole, agrees with itself, is the released one; whatever it holds, no traceback."""

import ast
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import verify

SCRIPT = Path(verify.__file__)
CSV = (
    "id,size,seen,late,part\na,1.5,2013-01-01 10:00:00,false,train\nb,,2013-01-01 11:00:00,true,test\nc,2,,false,test\n"
)
PREDICTIONS = "id,actual,predicted,probability_false,probability_true\nb,true,true,0.25,0.75\nc,false,true,0.5,0.5\n"
FIELDS = [
    {"name": "id", "type": "string", "constraints": {"required": True}},
    {"name": "size", "type": "number", "constraints": {"minimum": 0, "maximum": 9}},
    {"name": "seen", "type": "datetime"},
    {"name": "late", "type": "boolean", "constraints": {"required": True}},
    {"name": "part", "type": "string", "constraints": {"enum": ["train", "test"]}},
]
TYPES = {"string": "sc:Text", "number": "cr:Float64", "datetime": "sc:DateTime", "boolean": "sc:Boolean"}

LOCK = """\
schema: '2.0'
stages:
  access:
    cmd: python src/access.py
    deps:
    - path: src/access.py
      hash: md5
      md5: d4
      size: 3
    outs:
    - path: data/raw
      hash: md5
      md5: a1.dir
      size: 3
      nfiles: 1
    - path: metrics/a.json
      hash: md5
      md5: b2
      size: 1
  train:
    cmd: python src/train.py
    params:
      params.yaml:
        seed: 1
    outs:
    - path: models
      hash: md5
      md5: c3.dir
      size: 7
      nfiles: 2
"""


def model(**members: bytes) -> bytes:
    """A skops file."""
    schema = {"__class__": "Ridge", "__module__": "sklearn.linear_model", "__loader__": "ObjectNode"}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
        archive.writestr("0.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }")
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def small(table: str = CSV) -> dict[str, bytes]:
    """A bundle of three rows: name -> content; metadata state the hash and the size that the table has."""
    files = {
        "t.csv": table.encode(),
        "predictions.csv": PREDICTIONS.encode(),
        "model.skops": model(),
        "params.yaml": b"seed: 1\n",
        "ledger.json": dump({"t": {"rows_in": 5, "rows_kept": 3, "rows_rejected": 2}}),
        "train.json": dump({"train_rows": 1}),
        "evaluate.json": dump({"accuracy": 0.5, "f1": 0.666667, "brier": 0.15625, "roc_auc": 1.0, "test_rows": 2}),
        "evaluation.json": dump(
            {
                "target": "late",
                "classes": [False, True],
                "threshold": 0.5,
                "rows": {"train": 1, "test": 2},
                "metrics": {"log_loss": {"value": 0.490415}, "average_precision": {"value": 1.0}},
            }
        ),
    }
    prediction_fields = [{"name": name, "type": "any"} for name in PREDICTIONS.splitlines()[0].split(",")]
    tables = [("t", FIELDS), ("predictions", prediction_fields)]
    files["datapackage.json"] = dump(
        {
            "name": "t",
            "version": "1.0",
            "resources": [
                {"name": name, "path": f"{name}.csv", "format": "csv", "schema": {"fields": fields}}
                for name, fields in tables
            ],
        }
    )
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    source = {"fileObject": {"@id": "t.csv"}}
    files["croissant.json"] = dump(
        {
            "version": "1.0",
            "distribution": [
                {"@id": "t.csv", "contentUrl": "t.csv", "sha256": sha256["t.csv"], "contentSize": f"{len(table)} B"}
            ],
            "recordSet": [
                {
                    "field": [
                        {
                            "name": field["name"],
                            "dataType": TYPES[field["type"]],
                            "source": {**source, "extract": {"column": field["name"]}},
                        }
                        for field in FIELDS
                    ]
                }
            ],
        }
    )
    others = sorted(files.keys() - {"t.csv"})
    files["ro-crate-metadata.json"] = dump(
        {
            "@graph": [
                {"@id": "./", "@type": "Dataset"},
                {"@id": "t.csv", "@type": "File", "sha256": sha256["t.csv"], "contentSize": len(table)},
                {"@id": "https://example.org/a.csv", "@type": "File"},
                *({"@id": f"./{name}", "@type": ["File", "Code"]} for name in others),
            ]
        }
    )
    return files


def without_crate(**more: bytes) -> dict[str, bytes]:
    """A bundle that RO-Crate does not describe, so that more files may be there."""
    return {name: content for name, content in small().items() if name != "ro-crate-metadata.json"} | more


def dump(content: Any) -> bytes:
    return json.dumps(content).encode()


def sums(files: dict[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()


def write(folder: Path, files: dict[str, bytes], listing: bytes | None = None) -> Path:
    """Write a bundle, and SHA256SUMS as it should be if none is given."""
    folder.mkdir(exist_ok=True)
    for name, content in {**files, "SHA256SUMS": sums(files) if listing is None else listing}.items():
        (folder / name).write_bytes(content)
    return folder


def problems(folder: Path, **options: Any) -> list[str]:
    return list(verify.problems_of(folder, **options))


def call(*arguments: str | Path, cwd: Path | None = None) -> tuple[int, str, str]:
    """Run the file as a stranger does: without site-packages, so that nothing but the standard library is there."""
    command = [sys.executable, "-I", "-S", *map(str, arguments)]
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def edited(name: str, change: Callable[[Any], Any]) -> dict[str, bytes]:
    """The bundle with one JSON file changed; SHA256SUMS will be right."""
    files = small()
    content = json.loads(files[name])
    replaced = change(content)
    files[name] = dump(content if replaced is None else replaced)
    return files


def test_a_good_bundle_has_no_problem(tmp_path: Path):
    assert problems(write(tmp_path / "b", small())) == []


def test_a_stranger_needs_nothing_but_python(tmp_path: Path):
    files = without_crate(**{"verify.py": SCRIPT.read_bytes()})
    bundle = write(tmp_path / "b", files)
    expected = hashlib.sha256((bundle / "SHA256SUMS").read_bytes()).hexdigest()
    said = (
        f"{bundle}: 11 files; every hash is right, and metadata, data and model agree.\nThe bundle's hash: {expected}\n"
    )
    assert call("verify.py", cwd=bundle) == (0, said, "")
    assert call("verify.py", bundle, "--expect", expected, cwd=bundle) == (0, said, "")
    (bundle / "t.csv").write_bytes(b"x")
    status, out, err = call(bundle / "verify.py")
    assert (status, out, err[:7]) == (1, "", "t.csv: ")
    assert sorted(os.listdir(bundle)) == sorted([*files, "SHA256SUMS"])  # nothing is left behind


def test_it_is_written_for_python_3_9_and_the_standard_library():
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 9))
    names = {alias.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    names |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= sys.stdlib_module_names


def test_another_bundle_than_the_expected_one_is_refused(tmp_path: Path):
    bundle = write(tmp_path / "b", small())
    actual = verify.bundle_hash(bundle)
    assert problems(bundle, expected=actual.upper()) == []
    assert problems(bundle, expected="0" * 64) == [f"SHA256SUMS: the bundle's hash is {actual}, expected {'0' * 64}"]
    assert problems(bundle, expected="") == [f"SHA256SUMS: the bundle's hash is {actual}, expected "]


def test_changed_added_missing_renamed_and_swapped_files_are_named(tmp_path: Path):
    bundle = write(tmp_path / "b", small())
    (bundle / "ledger.json").write_bytes(b"{}")
    (bundle / "extra").write_bytes(b"")
    (bundle / "params.yaml").unlink()
    (bundle / "model.skops").rename(bundle / "Model.skops")
    train, evaluate = (bundle / name for name in ("train.json", "evaluate.json"))
    first, second = train.read_bytes(), evaluate.read_bytes()
    train.write_bytes(second)
    evaluate.write_bytes(first)
    found = problems(bundle)
    assert [line for line in found if "sha256 is" not in line] == [
        "model.skops: missing; its content is now named Model.skops",
        "params.yaml: missing",
        "Model.skops: SHA256SUMS does not list it",
        "evaluate.json: has the content of train.json",
        "extra: SHA256SUMS does not list it",
        "train.json: has the content of evaluate.json",
    ]
    assert [line.partition(":")[0] for line in found if "sha256 is" in line] == ["ledger.json"]


def test_links_folders_and_pipes_are_refused_unread(tmp_path: Path):
    files = small()
    bundle = write(tmp_path / "b", {name: content for name, content in files.items() if name != "t.csv"}, sums(files))
    (tmp_path / "t.csv").write_bytes(files["t.csv"])
    (bundle / "t.csv").symlink_to(tmp_path / "t.csv")
    (bundle / "sub").mkdir()
    os.mkfifo(bundle / "pipe")
    assert problems(bundle) == [
        "pipe: no regular file; a bundle holds regular files only",
        "sub: a folder; a bundle holds regular files only",
        "t.csv: a link; a bundle holds regular files only",
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f"{'a' * 64}  ../secret", "../secret is no name of a file in this folder"),
        (f"{'a' * 64}  /etc/passwd", "/etc/passwd is no name of a file in this folder"),
        (f"{'a' * 64}  sub/file", "sub/file is no name of a file in this folder"),
        (f"{'a' * 64}  C:file", "C:file is no name of a file in this folder"),
        (f"{'a' * 64}  SHA256SUMS", "SHA256SUMS is no name of a file in this folder"),
        (f"{'a' * 64}  ..", ".. is no name of a file in this folder"),
        (f"{'a' * 64}  a\x1b[31m", "'a\\x1b[31m' is no name of a file in this folder"),
        (f"{'a' * 64}  T.csv", "T.csv stands twice (as t.csv)"),
        (f"{'a' * 64}  t.csv", "t.csv stands twice (as t.csv)"),
        (f"{'A' * 64}  b", "not written as `HASH  NAME`"),
        (f"{'a' * 63}  b", "not written as `HASH  NAME`"),
        ("", "not written as `HASH  NAME`"),
    ],
)
def test_a_list_that_leads_out_or_says_something_twice_is_refused(tmp_path: Path, line: str, why: str):
    files = small()
    bundle = write(tmp_path / "b", files, sums(files) + line.encode() + b"\n")
    assert problems(bundle) == [f"SHA256SUMS, line {len(files) + 1}: {why}"]


def test_a_bundle_needs_a_list(tmp_path: Path):
    bundle = write(tmp_path / "b", {}, b"")
    assert problems(bundle) == ["SHA256SUMS: lists nothing"]
    (bundle / "SHA256SUMS").unlink()
    assert problems(bundle) == ["SHA256SUMS: missing; without it nothing can be checked"]
    assert call(SCRIPT, tmp_path / "none") == (1, "", f"{tmp_path / 'none'}: no such folder\n")


def _resource(content: dict, number: int = 0) -> dict:
    return content["resources"][number]


FORGED = {  # SHA256SUMS is right in all of them
    "no package": (
        {k: v for k, v in small().items() if k != "datapackage.json"},
        "datapackage.json: missing, or says no resources",
    ),
    "not JSON": (small() | {"ledger.json": b"{"}, "ledger.json: not readable as JSON: Expecting property name"),
    "not UTF-8": (small() | {"ledger.json": b"\xff"}, "ledger.json: not readable as JSON: 'utf-8' codec"),
    "a key twice": (
        small() | {"train.json": b'{"a": 1, "a": 2}'},
        "train.json: not readable as JSON: the key 'a' stands",
    ),
    "too deep": (small() | {"train.json": b"[" * 100_000}, "train.json: not readable as JSON: nested too deeply"),
    "ledger's sum": (
        small() | {"ledger.json": dump({"t": {"rows_in": 4, "rows_kept": 3, "rows_rejected": 2}})},
        "ledger.json: t: 4 rows in are not 3 kept and 2 rejected",
    ),
    "ledger without counts": (small() | {"ledger.json": dump({"t": {"rows_in": True}})}, "ledger.json: t does not say"),
    "a column less": (
        small() | {"t.csv": CSV.replace("late,", "").encode()},
        "t.csv: has the column part where datapackage.json says late",
    ),
    "a row too short": (small() | {"t.csv": CSV.encode() + b"d\n"}, "t.csv, row 5: 1 values, expected 5"),
    "a wrong type": (
        small() | {"t.csv": CSV.replace("1.5", "1_5").encode()},
        "t.csv, row 2: size: 1_5 is no number",
    ),
    "no date": (
        small() | {"t.csv": CSV.replace("01-01 11", "02-30 11").encode()},
        "t.csv, row 3: seen: 2013-02-30 11:00:00 is no datetime",
    ),
    "no boolean": (small() | {"t.csv": CSV.replace("true", "yes").encode()}, "t.csv, row 3: late: yes is no boolean"),
    "out of range": (
        small() | {"t.csv": CSV.replace("1.5", "15").encode()},
        "t.csv, row 2: size: 15 is outside of the contract's range",
    ),
    "no such choice": (
        small() | {"t.csv": CSV.replace("train", "tests").encode()},
        "t.csv, row 2: part: tests is none of the values in the contract",
    ),
    "a required value": (
        small() | {"t.csv": CSV.replace("a,", ",").encode()},
        "t.csv, row 2: id: no value, but one is",
    ),
    "not UTF-8 data": (
        small() | {"t.csv": CSV.encode() + b"\xff"},
        "t.csv, line 5: not UTF-8 text",
    ),
    "an open quote": (
        small() | {"t.csv": CSV.encode() + b'"'},
        "t.csv, line 5: not readable as CSV: unexpected end of data",
    ),
    "a row less": (
        small(CSV.replace("c,2,,false,test\n", "")),
        "t.csv: 1 rows of the part test, test_rows in evaluate.json states 2",
    ),
    "other predictions": (
        small() | {"predictions.csv": PREDICTIONS.replace("\nb,", "\nx,").encode()},
        "predictions.csv, row 2: id is x, t.csv has b",
    ),
    "other truth": (
        small() | {"predictions.csv": PREDICTIONS.replace("b,true", "b,false").encode()},
        "predictions.csv, row 2: actual is false, t.csv has true",
    ),
    "a prediction less": (
        small() | {"predictions.csv": PREDICTIONS[: PREDICTIONS.index("c,")].encode()},
        "predictions.csv: fewer rows than t.csv has of the part test",
    ),
    "no probability": (
        small() | {"predictions.csv": PREDICTIONS.replace("0.75", "high").encode()},
        "predictions.csv, row 2: holds what is no prediction",
    ),
    "a better metric": (
        edited("evaluate.json", lambda content: content.update(accuracy=0.9)),
        "predictions.csv: accuracy of its rows is 0.5, evaluate.json states 0.9",
    ),
    "a better metric elsewhere": (
        edited("evaluation.json", lambda content: content["metrics"]["log_loss"].update(value=0.1)),
        "predictions.csv: log_loss of its rows is 0.490415, evaluation.json states 0.1",
    ),
    "another decision": (
        edited("evaluation.json", lambda content: content.update(threshold=0.6)),
        "predictions.csv, row 3: predicts true at a probability of 0.5, the threshold is 0.6",
    ),
    "a metric that no float holds": (
        edited("evaluate.json", lambda content: content.update(accuracy=10**400)),
        "predictions.csv: accuracy of its rows is 0.5, evaluate.json states 1000",
    ),
    "a table that nobody describes": (
        small() | {"u.csv": b"a\n1\n"},
        "u.csv: datapackage.json does not describe it",
    ),
    "a file that nobody names": (
        small() | {"notes.txt": b"trust me"},
        "notes.txt: ro-crate-metadata.json does not name it",
    ),
    "a key twice in a table": (
        edited("datapackage.json", lambda content: _resource(content)["schema"].update(primaryKey=["part"])),
        "t.csv, row 4: its key stands in a row above already",
    ),
    "a key that is no column": (
        edited("datapackage.json", lambda content: _resource(content)["schema"].update(primaryKey=["key"])),
        "datapackage.json: t.csv: has no such column as its primary key: key",
    ),
    "a resource that is not there": (
        edited("datapackage.json", lambda content: _resource(content).update(path="../t.csv")),
        "datapackage.json: t: there is no file ../t.csv in the bundle",
    ),
    "a personal column": (
        edited("datapackage.json", lambda content: _resource(content)["schema"]["fields"][0].update(personal=True)),
        "datapackage.json: t: the column id is personal, and must not be in a bundle",
    ),
    "a stated hash": (
        edited("datapackage.json", lambda content: _resource(content).update(hash=f"sha256:{'0' * 64}")),
        "t.csv: its sha256 is ",
    ),
    "a stated size": (
        edited("datapackage.json", lambda content: _resource(content).update(bytes=7)),
        f"t.csv: has {len(CSV)} bytes, datapackage.json: t states 7",
    ),
    "a senseless contract": (
        edited(
            "datapackage.json",
            lambda content: _resource(content)["schema"]["fields"][1].update(constraints={"minimum": "low"}),
        ),
        "datapackage.json: t.csv: size: minimum: low is no such value",
    ),
    "no Parquet": (
        edited(
            "datapackage.json",
            lambda content: content["resources"].append({"name": "p", "path": "params.yaml", "format": "parquet"}),
        ),
        "params.yaml: not a Parquet file",
    ),
    "Croissant's hash": (
        edited("croissant.json", lambda content: content["distribution"][0].update(sha256="0" * 64)),
        "t.csv: its sha256 is ",
    ),
    "Croissant's file": (
        edited("croissant.json", lambda content: content["distribution"][0].update(contentUrl="u.csv")),
        "croissant.json: there is no file u.csv in the bundle",
    ),
    "Croissant's type": (
        edited("croissant.json", lambda content: content["recordSet"][0]["field"][1].update(dataType="sc:Text")),
        "croissant.json: t.csv: size is Text, datapackage.json says number",
    ),
    "Croissant's columns": (
        edited("croissant.json", lambda content: content["recordSet"][0]["field"].__delitem__(4)),
        "croissant.json: t.csv: only datapackage.json has the column part",
    ),
    "Croissant's version": (
        edited("croissant.json", lambda content: content.update(version="2")),
        "croissant.json: version 2, datapackage.json says 1.0",
    ),
    "the crate's hash": (
        edited("ro-crate-metadata.json", lambda content: content["@graph"][1].update(sha256="0" * 64)),
        "t.csv: its sha256 is ",
    ),
    "the crate's file": (
        edited("ro-crate-metadata.json", lambda content: content["@graph"][1].update({"@id": "./u.csv"})),
        "ro-crate-metadata.json: there is no file u.csv in the bundle",
    ),
    "a pickle": (small() | {"model.pkl": b"\x80\x05K\x01."}, "model.pkl: a pickle, which runs code when it is loaded"),
    "a pickle by another name": (
        small() | {"model.skops": b"\x80\x04K\x01."},
        "model.skops: a pickle, which runs code",
    ),
    "a pickle in the model": (
        small() | {"model.skops": model(**{"1.pkl": b"\x80\x04K\x01."})},
        "model.skops: holds 1.pkl, which is no part of a skops file",
    ),
    "objects in the model": (
        small() | {"model.skops": model(**{"1.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'shape': (1,), }"})},
        "model.skops: 1.npy is no array of numbers, and may hold a pickle",
    ),
    "a foreign type": (
        small() | {"model.skops": model().replace(b"sklearn.linear_model", b"os_path_name.special")},
        "model.skops: not a skops file: Bad CRC-32",
    ),
    "no model": (small() | {"model.skops": b"PK\x03\x04"}, "model.skops: not a skops file: File is not a zip file"),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_disagrees_is_refused_though_the_hashes_are_right(tmp_path: Path, name: str):
    files, expected = FORGED[name]
    found = problems(write(tmp_path / "b", files))
    assert found[0].startswith(expected)
    assert all(len(line.splitlines()) == 1 for line in found)


def test_a_model_that_names_a_function_of_the_system_is_refused(tmp_path: Path):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        inner = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
        archive.writestr("schema.json", json.dumps({"content": [inner]}))
    bundle = write(tmp_path / "b", small() | {"model.skops": target.getvalue()})
    assert problems(bundle) == ["model.skops: names os.system, which is no part of a model"]


def test_a_pickle_may_lie_there_if_the_parameters_ask_for_it(tmp_path: Path):
    for text in ("publish:\n  model_formats: [onnx, pickle]\n", "publish:\n  model_formats:\n    - pickle\n"):
        files = without_crate(**{"model.pkl": b"\x80\x05K\x01.", "params.yaml": text.encode()})
        assert problems(write(tmp_path / "b", files)) == []


def test_what_is_optional_may_be_missing(tmp_path: Path):
    needed = {"t.csv", "datapackage.json"}
    files = {name: content for name, content in small().items() if name in needed}
    package = json.loads(files["datapackage.json"])
    del package["resources"][1]
    assert problems(write(tmp_path / "b", files | {"datapackage.json": dump(package)})) == []


def predictions(classes: list[str] | None, header: list[str], rows: list[list[str]]) -> verify.Predictions:
    found = verify.Predictions(classes, header)
    for row in rows:
        found.add(row)
    return found


def test_metrics_are_those_of_scikit_learn():
    import numpy as np
    from sklearn import metrics as m

    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, 60)
    p = np.round(rng.dirichlet([1, 1, 1], 60), 2)
    p[:, 2] = 1 - p[:, 0] - p[:, 1]
    guess = p.argmax(axis=1)
    header = ["actual", "predicted", "probability_0", "probability_1", "probability_2"]
    rows = [[str(a), str(g), *map(repr, map(float, chances))] for a, g, chances in zip(y, guess, p, strict=True)]
    found = verify.metrics(predictions(["0", "1", "2"], header, rows))
    one_hot = np.eye(3)[y]
    assert found == pytest.approx(
        {
            "accuracy": m.accuracy_score(y, guess),
            "f1": m.f1_score(y, guess, average="macro"),
            "log_loss": m.log_loss(y, p),
            "brier": np.mean(np.sum((p - one_hot) ** 2, axis=1)),
            "roc_auc": m.roc_auc_score(one_hot, p),
            "average_precision": m.average_precision_score(one_hot, p),
        },
        abs=1e-9,
    )
    numbers = [[str(a), repr(float(b))] for a, b in zip(y, p[:, 0], strict=True)]
    assert verify.metrics(predictions(None, header[:2], numbers)) == pytest.approx(
        {
            "rmse": m.root_mean_squared_error(y, p[:, 0]),
            "mae": m.mean_absolute_error(y, p[:, 0]),
            "r2": m.r2_score(y, p[:, 0]),
        }
    )


def test_a_difference_is_one_of_numbers_or_of_more(tmp_path: Path):
    one, other = tmp_path / "one", tmp_path / "other"

    def between(first: str | bytes, second: str | bytes) -> float | None:
        one.write_bytes(first if isinstance(first, bytes) else first.encode())
        other.write_bytes(second if isinstance(second, bytes) else second.encode())
        return verify.difference(one, other)

    assert between('{"auc": 0.5}', '{"auc": 0.5}') == 0
    assert between('{"auc": 0.5}', '{"auc": 0.75}') == 0.25
    assert between("a,200\n", "a,201\n") == 0.005
    assert between(f"x {'a' * 64} 1\n", f"x {'b' * 64} 1\n") == 0
    assert between("a\n", "b\n") == float("inf")
    assert between("a\n", "a\nb\n") == float("inf")
    assert between("null", "1") == float("inf")
    assert between(b"\xff\x01", b"\xff\x02") is None


def test_the_hashes_of_a_lock_are_found(tmp_path: Path):
    (tmp_path / "dvc.lock").write_text(LOCK)
    assert verify.locked(tmp_path / "dvc.lock") == {"data/raw": "a1.dir", "metrics/a.json": "b2", "models": "c3.dir"}
    assert verify.locked(tmp_path / "none") == {}


# Whatever the bundle holds

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = sorted(small())
JSON_NAMES = [name for name in NAMES if name.endswith(".json")]


def is_refused_or_good(folder: Path) -> None:
    for line in verify.problems_of(folder):
        assert len(line.splitlines()) == 1
        assert line.isprintable()
        assert ": " in line


@pytest.mark.long
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(NAMES), content=st.binary(max_size=200), start=st.integers(0, 300), forged=st.booleans())
@example(name="model.skops", content=b"", start=30, forged=True)
def test_any_bytes_in_any_file_end_in_lines(tmp_path: Path, name: str, content: bytes, start: int, forged: bool):
    files = small()
    good = sums(files)
    files[name] = files[name][:start] + content + files[name][start + len(content) :]
    is_refused_or_good(write(tmp_path / "b", files, None if forged else good))


def places(content: Any, path: tuple = ()) -> list[tuple]:
    """Every place in a JSON value."""
    found = [path]
    if isinstance(content, dict | list):
        for key, value in content.items() if isinstance(content, dict) else enumerate(content):
            found += places(value, (*path, key))
    return found


@pytest.mark.long
@settings(max_examples=1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(JSON_NAMES), value=JSON)
def test_any_value_anywhere_in_the_metadata_ends_in_lines(tmp_path: Path, data: st.DataObject, name: str, value: Any):
    files = small()
    content = json.loads(files[name])
    *path, last = data.draw(st.sampled_from(places(content)[1:]))
    place = content
    for step in path:
        place = place[step]
    place[last] = value
    files[name] = dump(content)
    is_refused_or_good(write(tmp_path / "b", files))


@pytest.mark.long
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(listing=st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
def test_any_list_of_hashes_ends_in_lines(tmp_path: Path, listing: bytes):
    is_refused_or_good(write(tmp_path / "b", small(), listing))
