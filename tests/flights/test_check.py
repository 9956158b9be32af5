"""The check stage on the default project: good as it stands, and every mistake named, all at once."""

import shutil

import pytest

import check
from dag import ROOT
from pipeline.errors import ProjectErrors


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in ("params.yaml", "contract.yaml", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(project, name, old, new):
    path = project / name
    text = path.read_text()
    assert old in text, f"{name} has no {old!r}"
    path.write_text(text.replace(old, new, 1))


def test_the_files_of_the_project_have_no_mistake(project):
    check.main()
    assert (project / "metrics" / "check.json").read_text() == '{\n  "mistakes": 0\n}\n'


def test_all_mistakes_are_told_at_once(project):
    edit(project, "params.yaml", "seed: 2013", "sede: 2013")
    edit(project, "contract.yaml", "primaryKey: [tailnum]", "primaryKey: [tailnumber]")
    edit(project, "CITATION.cff", "title:", "titel:")
    with pytest.raises(ProjectErrors) as caught:
        check.main()
    assert [str(error).splitlines()[0] for error in caught.value.errors] == [
        "params.yaml: seed: this key is missing",
        "params.yaml: sede: no such key",
        "CITATION.cff: no such key: `titel`",
        "CITATION.cff: 'title' is a required property",
        "contract.yaml: planes.primaryKey: no column `tailnumber`",
    ]


def test_after_a_mistake_nothing_is_written(project):
    edit(project, "params.yaml", "seed: 2013", "sede: 2013")
    with pytest.raises(ProjectErrors):
        check.main()
    assert sorted(path.name for path in project.iterdir()) == ["CITATION.cff", "contract.yaml", "params.yaml"]


def test_prose_does_not_reach_the_stages(project):
    check.main()
    before = {path.name: path.read_bytes() for path in (project / "data" / "schema").iterdir()}
    edit(project, "contract.yaml", "description: Delay of the arrival", "description: How late the arrival was")
    edit(
        project,
        "contract.yaml",
        "unit: mph, description: Speed of the wind",
        "unit: kt, description: Speed of the wind",
    )
    check.main()
    assert {path.name: path.read_bytes() for path in (project / "data" / "schema").iterdir()} == before


def test_a_mark_or_a_type_does(project):
    check.main()
    before = (project / "data" / "schema" / "raw.json").read_bytes()
    edit(
        project,
        "contract.yaml",
        "unit: HHMM, description: Scheduled departure",
        "unit: HHMM, personal: true, description: Scheduled",
    )
    check.main()
    assert (project / "data" / "schema" / "raw.json").read_bytes() != before


MISTAKES = {
    "a table of ready that nobody makes": (
        "contract.yaml", "{name: plane_age, type: integer", "{name: plane_ages, type: integer",
        "contract.yaml: ready.plane_ages: no column `plane_ages`\n  Did you mean `plane_age`?",
    ),
    "another type than is made": (
        "contract.yaml", "{name: plane_age, type: integer", "{name: plane_age, type: number",
        "contract.yaml: ready.plane_age.type: found number, but the column is made as integer",
    ),
    "a foreign key to nowhere": (
        "contract.yaml", "resource: weather", "resource: wether",
        "contract.yaml: flights.foreignKeys.reference: no table `wether`\n  Did you mean `weather`?",
    ),
    "a bound of another kind": (
        "contract.yaml", "constraints: {minimum: 0, maximum: 23}", "constraints: {minimum: noon, maximum: 23}",
        "contract.yaml: ready.dep_hour.constraints.minimum: found 'noon', but the type of `dep_hour` is integer",
    ),
    "a source without a table": (
        "params.yaml", "access:\n  flights:", "access:\n  fligths:",
        "params.yaml: access: no table `fligths`\n  Did you mean `flights`?",
    ),
    "a table that joins itself": (
        "params.yaml", "joins: [weather, planes]", "joins: [weather, planes, flights]",
        "params.yaml: transform.joins: the table `flights` stands twice",
    ),
    "a split without its column": (
        "params.yaml", "    column: time_hour\n    test_share", "    test_share",
        "params.yaml: serve.split.column: missing, but the split is by time",
    ),
    "an input that is hindsight": (
        "params.yaml", "    - dep_hour\n", "    - dep_delay\n",
        "params.yaml: serve.inputs: `dep_delay` is known only afterwards: contract.yaml marks it",
    ),
    "a rule on a column of another kind": (
        "params.yaml", "      column: wind_speed\n      min: 0", "      column: origin\n      min: 0",
        "params.yaml: clean.weather.possible_wind: bounds are for numbers and times, but the column `origin` holds text",
    ),
    "the target among the inputs": (
        "params.yaml", "    - dep_hour\n", "    - late\n",
        "params.yaml: serve.inputs: `late` is the target",
    ),
    "a metric of the gate that is none": (
        "params.yaml", "roc_auc: {min: 0.6}", "roc_acu: {min: 0.6}",
        "params.yaml: evaluate.gate.roc_acu: no such metric of this kind of model\n  Did you mean `roc_auc`?",
    ),
    "a slice by a column that is none": (
        "params.yaml", "slices: [origin]", "slices: [orign]",
        "params.yaml: evaluate.slices: no column `orign` in data/features\n  Did you mean `origin`?",
    ),
    "a slice by a personal column": (
        "params.yaml", "slices: [origin]", "slices: [planes_manufacturer]",
        "params.yaml: evaluate.slices: `planes_manufacturer` is personal, and metrics would show its values",
    ),
    "an option of the search that is none": (
        "params.yaml", "search: null", "search: {kind: grid, options: {max_detph: [3]}}",
        "params.yaml: train.search.options.max_detph: no such option of HistGradientBoostingClassifier",
    ),
    "a search of no kind": (
        "params.yaml", "search: null", "search: {kind: bayes, options: {max_depth: [3]}}",
        "params.yaml: train.search.kind: found `bayes`, no such choice",
    ),
    "a threshold that is none": (
        "params.yaml", "threshold: f1", "threshold: f2",
        "params.yaml: train.threshold: found `f2`, no such choice\n  Did you mean `f1`?",
    ),
    "a model that is none": (
        "params.yaml", "HistGradientBoostingClassifier", "HistGradientBoostingClasifier",
        "params.yaml: train.model",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(project, mistake):
    name, old, new, message = MISTAKES[mistake]
    edit(project, name, old, new)
    with pytest.raises(ProjectErrors) as caught:
        check.main()
    assert str(caught.value).startswith(message)
