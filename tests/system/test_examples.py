"""The projects under examples/: put over a clone as their README says, they run and give results that make sense."""

import hashlib
import json
import math
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

import first_street
from project import ROOT, commit, copy_project, made_once, must_run, run, stages_run
from s3_server import S3Server

EXAMPLES = ROOT / "examples"
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())


def put_over(project: Path, name: str) -> Path:
    """Do with a clone what examples/README.md says, up to `dvc repro`."""
    recipe = re.search(r"```sh\n(.*?)^dvc repro\n```", (EXAMPLES / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    must_run(copy_project(project), "bash", "-euc", recipe[1].replace("examples/colony", f"examples/{name}"))
    commit(project)
    return project


def reproduce_colony(folder: Path) -> None:
    must_run(put_over(folder, "colony"), "dvc", "repro")


@pytest.fixture(scope="module")
def colony(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with this example over it, after `dvc repro`; for tests that only read it."""
    return made_once(tmp_path_factory, "colony", reproduce_colony)


def read(project: Path, name: str) -> dict:
    return json.loads((project / name).read_text())


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_only_what_a_user_edits(name: str):
    listed = must_run(EXAMPLES / name, "git", "ls-files", "--cached", "--others", "--exclude-standard").split()
    elsewhere = {path for path in listed if not path.startswith("data/source/")}
    assert elsewhere == {"params.yaml", "contract.yaml", "CITATION.cff"}
    assert "data/source/README.md" in listed


@pytest.mark.parametrize("name", NAMES)
def test_check_finds_no_mistake_in_an_example(name: str, tmp_path: Path):
    must_run(EXAMPLES / name, "cp", "params.yaml", "contract.yaml", "CITATION.cff", tmp_path)
    must_run(tmp_path, sys.executable, ROOT / "src/check.py")


def test_the_colony_data_are_what_their_program_makes(tmp_path: Path):
    source = EXAMPLES / "colony/data/source"
    must_run(tmp_path, "cp", source / "generate.py", tmp_path)
    must_run(tmp_path, sys.executable, "generate.py")
    pinned = yaml.safe_load((EXAMPLES / "colony/params.yaml").read_text())["access"]
    for name in ("experiments.csv", "strains.json"):
        assert (tmp_path / name).read_bytes() == (source / name).read_bytes()
        assert pinned[name.split(".")[0]]["sha256"] == hashlib.sha256((source / name).read_bytes()).hexdigest()


@pytest.mark.long
def test_growth_per_day_is_the_logarithm_of_the_increase_by_days(colony: Path):
    rows = pd.read_csv(colony / "data/published/colony-growth-2026.csv", index_col="experiment")
    source = (colony / "data/source/experiments.csv").read_text()
    assert "X0007,Basel,A. Keller,BS-04,rich,30,2026-03-01,2026-03-05,7851," in source
    end = int(re.search("^X0007,.*,([0-9]+)$", source, re.MULTILINE)[1])
    assert rows.loc["X0007", "growth_rate"] == pytest.approx(math.log(end / 7851) / 4)
    assert len(rows) == 1131


@pytest.mark.long
def test_the_dirt_of_the_colonies_is_what_their_readme_says(colony: Path):
    ledger = read(colony, "metrics/ledger.json")
    experiments = {
        name: rule.get("rows_hit", rule.get("cells_changed")) for name, rule in ledger["experiments"]["rules"].items()
    }
    assert experiments == {
        "alive": 13, "counted": 31, "counts": 10, "dates": 0, "ended_after_it_began": 12, "incubator": 13,
        "one_medium_one_name": 47, "one_row_an_experiment": 8, "one_strain_one_name": 75,
    }  # fmt: skip
    assert (ledger["experiments"]["rows_in"], ledger["experiments"]["rows_kept"]) == (1208, 1131)
    assert ledger["strains"]["rules"]["one_species_one_name"]["cells_changed"] == 3
    assert read(colony, "metrics/transform.json")["unmatched_rows"] == {"strains": 4}


@pytest.mark.long
def test_growth_is_predicted_for_strains_never_seen(colony: Path):
    sides = [set(pd.read_csv(part)["strain"]) for part in sorted(colony.glob("data/ready/t*/part-00000.csv"))]
    assert [len(side) for side in sides] == [11, 50]  # test, train
    assert sides[0].isdisjoint(sides[1])
    metrics = read(colony, "metrics/evaluate.json")
    assert metrics["passed"]
    assert metrics["r2"] == pytest.approx(0.82, abs=0.02)
    assert metrics["rmse_high"] < metrics["baseline_rmse"] / 2


@pytest.mark.long
def test_who_counted_is_not_published(colony: Path):
    for path in (colony / "data/published").iterdir():
        if path.suffix in (".csv", ".parquet", ".json"):
            assert b"Keller" not in path.read_bytes(), path
    assert read(colony, "data/published/datapackage.json")["licenses"][0]["name"] == "CC0-1.0"


@pytest.mark.long
def test_a_second_run_of_an_example_does_nothing(colony: Path):
    assert stages_run(must_run(colony, "dvc", "repro")) == []


@pytest.mark.long
def test_the_tests_stay_green_with_an_example_in_place(colony: Path):
    ended = run(colony, sys.executable, "-m", "pytest", "-n", "2", "-m", "not long", "-p", "no:cacheprovider")
    assert ended.returncode == 0, ended.stdout[-3000:]


def test_no_data_of_first_street_are_in_the_repository():
    assert [path.name for path in (EXAMPLES / "flood/data/source").iterdir()] == ["README.md"]


@pytest.mark.long
def test_the_flood_example_reads_a_public_bucket_unsigned(s3_server: S3Server, clean_aws: None, tmp_path: Path):
    rows, content = first_street.make_districts(), first_street.serve(s3_server)
    project = put_over(tmp_path / "flood", "flood")
    there = {"AWS_ENDPOINT_URL": s3_server.endpoint}

    stopped = run(project, "dvc", "repro", **there)
    line = f"    sha256: {hashlib.sha256(content).hexdigest()}"
    assert line in stopped.stderr.splitlines()
    assert not (project / "data/raw/districts").exists()

    must_run(project, sys.executable, "src/pin.py", **there)
    assert line.strip() in (project / "params.yaml").read_text()
    must_run(project, "dvc", "repro", **there)
    assert (project / "data/raw/districts/CongDist_level_risk_FEMA_FSF.csv").read_bytes() == content
    rules = read(project, "metrics/ledger.json")["districts"]["rules"]
    assert {name: rule["rows_hit"] for name, rule in rules.items()} == {
        "compared": 1, "inhabited": 1, "a_part_of_the_whole": 3, "one_row_a_district": 0,
    }  # fmt: skip

    published = pd.read_parquet(project / "data/published/hidden-flood-risk.parquet").set_index("fips").sort_index()
    expected = {
        row["fips"]: (row["count_fs_risk_2020_100"] - row["count_fema_sfha"]) / row["count_property"] >= 0.05
        for row in rows[3:]
    }
    assert published["hidden_risk"].to_dict() == expected
    states = published.groupby("part").state.unique()
    assert set(states["train"]).isdisjoint(states["test"])
    metrics = read(project, "metrics/evaluate.json")
    assert metrics["passed"]
    assert metrics["roc_auc_low"] > 0.8  # made up so that FEMA's share tells
    package = read(project, "data/published/datapackage.json")
    assert package["licenses"][0]["name"] == "CC-BY-NC-SA-4.0"


@pytest.mark.parametrize("name", NAMES)
def test_the_same_licence_stands_in_contract_and_citation(name: str):
    contract, citation = (
        yaml.safe_load((EXAMPLES / name / file).read_text()) for file in ("contract.yaml", "CITATION.cff")
    )
    assert [licence["name"] for licence in contract["licenses"]] == [citation["license"]]
