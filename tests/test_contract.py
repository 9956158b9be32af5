"""contract.yaml is a Frictionless Data Package, and what stages use of it does not change with its prose."""

import json
import re

import pytest
import yaml
from frictionless import Package

from dag import ROOT
from pipeline import contract
from pipeline.contract import load_schema, without_prose
from pipeline.errors import ProjectError, ProjectErrors
from small import resource

PROJECT = yaml.safe_load((ROOT / "contract.yaml").read_text(encoding="utf-8"))
MINIMAL = {
    "name": "p",
    "licenses": [{"name": "CC0-1.0"}],
    "resources": [{"name": "t", "path": "data/raw/t/t.csv", "schema": {"fields": [{"name": "x"}]}}],
}


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "contract.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


def test_the_contract_of_the_project_is_a_data_package():
    assert Package.validate_descriptor(PROJECT).flatten(["type", "note"]) == []


def test_the_contract_of_the_project_is_read():
    package = contract.load(ROOT / "contract.yaml")
    assert list(package.raw()) == [table["name"] for table in PROJECT["resources"] if table["name"] != "ready"]
    assert package.ready().name == "ready"


def test_a_minimal_contract_is_enough_for_us_and_for_frictionless(file):
    package = contract.load(file(MINIMAL))
    assert package.ready() is None
    assert Package.validate_descriptor(MINIMAL).flatten(["note"]) == []


def test_a_table_has_its_own_licence_or_that_of_the_whole(file):
    content = json.loads(json.dumps(MINIMAL))
    content["resources"] += [{**content["resources"][0], "name": "u", "licenses": [{"name": "MIT", "title": "M"}]}]
    assert contract.load(file(content)).licences() == {
        "t": [{"name": "CC0-1.0"}],
        "u": [{"name": "MIT", "title": "M"}],
    }


def test_exclusive_bounds_need_version_2_of_the_standard_which_can_be_said(file):
    content = json.loads(json.dumps(MINIMAL))
    content["resources"][0]["schema"]["fields"] = [
        {"name": "x", "type": "number", "constraints": {"exclusiveMinimum": 0}}
    ]
    assert Package.validate_descriptor(content).flatten(["note"]) == [
        ['constraint "exclusiveMinimum" requires datapackage v2']
    ]
    content["$schema"] = "https://datapackage.org/profiles/2.0/datapackage.json"
    assert Package.validate_descriptor(content).flatten(["note"]) == []
    assert contract.load(file(content)).resources[0].field("x").constraints.exclusiveMinimum == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoding": "utf9"}, "encoding: found 'utf9', expected an encoding such as utf-8, latin-1 or cp1252"),
        ({"encoding": "base64"}, "encoding: found 'base64', expected an encoding such as utf-8, latin-1 or cp1252"),
        ({"dialect": {"csv": {"delimiter": "||"}}}, "dialect.csv.delimiter: found '||', expected one character, of ASCII"),
        ({"dialect": {"csv": {"quoteChar": ""}}}, "dialect.csv.quoteChar: found '', expected one character, of ASCII"),
        ({"path": []}, "path: found [], expected text or at least one item"),
    ],
)  # fmt: skip
def test_what_no_file_can_have_is_refused(file, change, message):
    content = json.loads(json.dumps(MINIMAL))
    content["resources"][0] |= change
    path = file(content)
    with pytest.raises(ProjectErrors, match="^" + re.escape(f"{path}: resources.t.{message}") + "$"):
        contract.load(path)


def test_columns_are_found_by_name_and_by_mark():
    table = resource({"name": "a", "hindsight": True}, {"name": "b", "personal": True}, {"name": "c"})
    assert table.columns() == ["a", "b", "c"]
    assert table.field("b").personal is True
    assert table.field("d") is None
    assert (table.marked("hindsight"), table.marked("personal")) == ({"a"}, {"b"})


# --- what stages read of it -------------------------------------------------------------------------------------------


def test_prose_is_left_out_and_meaning_is_not():
    plain = resource({"name": "a", "type": "integer", "personal": True, "constraints": {"minimum": 0}})
    wordy = resource(
        {
            "name": "a",
            "type": "integer",
            "personal": True,
            "constraints": {"minimum": 0},
            "title": "A",
            "description": "The a",
            "unit": "kg",
            "example": 3,
            "rdfType": "https://schema.org/a",
        },
        title="T",
        description="The table",
        mediatype="text/csv",
        sources=[{"title": "S"}],
        licenses=[{"name": "CC0-1.0"}],
    )
    assert without_prose({"t": plain}) == without_prose({"t": wordy})
    assert json.loads(without_prose({"t": plain}))["t"]["schema"]["fields"] == [
        {"name": "a", "type": "integer", "constraints": {"minimum": 0}, "personal": True}
    ]


def test_columns_whose_names_are_words_of_the_prose_stay():
    table = resource({"name": "title"}, {"name": "description"}, schema={"primaryKey": ["title"]})
    assert json.loads(without_prose({"t": table}))["t"]["schema"] == {
        "fields": [{"name": "title"}, {"name": "description"}],
        "primaryKey": ["title"],
    }


def test_what_is_written_is_read_back(tmp_path):
    tables = contract.load(ROOT / "contract.yaml").raw()
    path = tmp_path / "raw.json"
    path.write_text(without_prose(tables), encoding="utf-8")
    assert without_prose(load_schema(path)) == without_prose(tables)
    assert {name: table.columns() for name, table in load_schema(path).items()} == {
        name: table.columns() for name, table in tables.items()
    }


def test_dates_among_the_constraints_are_read_back_as_dates(tmp_path):
    content = yaml.safe_load("{name: d, type: date, format: '%d.%m.%Y', constraints: {minimum: 2013-01-31}}")
    path = tmp_path / "raw.json"
    path.write_text(without_prose({"t": resource(content)}), encoding="utf-8")
    read = load_schema(path)["t"].field("d")
    assert contract_bound(read) == contract_bound(resource(content).field("d"))


def contract_bound(field):
    from pipeline.violations import bound

    return bound(field.constraints.minimum, field)


def test_a_schema_that_is_not_there_is_written_by_check(tmp_path):
    path = tmp_path / "raw.json"
    message = f"{path}: no such file\n  `check` writes it: run `dvc repro check`."
    with pytest.raises(ProjectError, match=f"^{re.escape(message)}$"):
        load_schema(path)


def test_a_schema_that_is_cut_off_is_told(tmp_path):
    path = tmp_path / "raw.json"
    path.write_text('{"t": ')
    message = f"{path}: not readable as JSON\n  `check` writes it: run `dvc repro -f check`."
    with pytest.raises(ProjectError, match=f"^{re.escape(message)}$"):
        load_schema(path)
