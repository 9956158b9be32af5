"""The scripts that the benchmark races against do the same work: their tables hold the same cells as ours."""

import gzip
import runpy
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import check
import clean
import serve
import transform
from pipeline.tables import part_path, read_part, write_part

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "benchmarks" / "flights"
ROWS, YEARS = 10_000, 2


def load(script: str) -> dict:
    return runpy.run_path(str(SCRIPTS / script))


def read_source() -> dict[str, pd.DataFrame]:
    """Flights of January, all weather and all planes, typed as make.py types the whole year."""
    typed, source = load("make.py")["typed"], ROOT / "data" / "source"
    flights = pd.read_csv(source / "flights.csv.gz", nrows=ROWS, dtype_backend="numpy_nullable")
    with gzip.open(source / "weather.jsonl.gz") as file:
        weather = pd.read_json(file, lines=True, dtype_backend="numpy_nullable", dtype=False)
    with sqlite3.connect(source / "planes.db") as database:
        planes = pd.read_sql("SELECT * FROM planes", database, dtype_backend="numpy_nullable")
    return {"flights": typed(flights), "weather": typed(weather), "planes": planes}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The benchmark's tables, small, after our stages."""
    folder = tmp_path_factory.mktemp("ours")
    load("make.py")["write"](read_source(), folder / "data" / "raw", YEARS)
    for file in (SCRIPTS / "params.yaml", SCRIPTS / "contract.yaml", ROOT / "CITATION.cff"):
        shutil.copy(file, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in (check, clean, transform, serve):
            stage.main()
    return folder


def run(script: str, raw: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> Path:
    """Run a rival's script on the same raw tables."""
    (folder / "data").mkdir()
    (folder / "data" / "raw").symlink_to(raw / "data" / "raw")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", [script, *options])
    load(script)["main"]()
    return folder


def test_the_plain_pandas_script_gives_the_same_cells(ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    load("compare.py")["main"](ours, run("with_pandas.py", ours, tmp_path, monkeypatch), pa.ChunkedArray.equals)


def test_the_duckdb_script_gives_the_same_cells(ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("duckdb", reason="only `make bench` installs it")
    load("compare.py")["main"](ours, run("with_duckdb.py", ours, tmp_path, monkeypatch), pa.ChunkedArray.equals)


def test_the_duckdb_script_gives_the_same_sums_without_an_order(
    ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("duckdb", reason="only `make bench` installs it")
    compare = load("compare.py")
    compare["main"](ours, run("with_duckdb.py", ours, tmp_path, monkeypatch, "any-order"), compare["same_sums"])


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("clean/flights", "dest", "SFO"), ("features", "weather_temp", 0.0), ("ready/test", "late", pd.NA)],
)
@pytest.mark.parametrize("same", ["cells", "sums"])
def test_one_other_cell_is_found(ours: Path, tmp_path: Path, table: str, column: str, value: object, same: str):
    compare = load("compare.py")
    other = Path(shutil.copytree(ours, tmp_path / "other"))
    path = part_path(other / "data" / table, 0)
    rows = read_part(path)
    rows.loc[7, column] = value
    write_part(rows, path)
    with pytest.raises(SystemExit, match=f"`{column}`"):
        compare["main"](ours, other, pa.ChunkedArray.equals if same == "cells" else compare["same_sums"])


def test_another_count_in_the_ledger_is_found(ours: Path, tmp_path: Path):
    other = Path(shutil.copytree(ours, tmp_path / "other"))
    ledger = other / "metrics" / "ledger.json"
    ledger.write_text(ledger.read_text().replace(f'"rows_in": {len(read_source()["planes"])}', '"rows_in": 1'))
    with pytest.raises(SystemExit, match="planes: rows_in"):
        load("compare.py")["main"](ours, other, pa.ChunkedArray.equals)
