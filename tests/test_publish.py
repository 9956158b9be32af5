"""The bundle of the publish stage, as a stranger gets it."""

import hashlib
import json
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from frictionless import Package

import publish
from pipeline import fair
from pipeline.errors import ProjectError, ProjectErrors
from small_project import EVALUATION, change, make_project


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_project(tmp_path)


def published(project: Path) -> Path:
    publish.main()
    return project / "data/published"


@pytest.fixture
def bundle(project):
    return published(project)


def read(path: Path):
    return json.loads(path.read_text())


def fields(bundle, resource=0):
    package = read(bundle / "datapackage.json")
    return {field["name"]: field for field in package["resources"][resource]["schema"]["fields"]}


def front_matter(path: Path) -> dict:
    return yaml.safe_load(path.read_text().split("---\n")[1])


def test_csv_and_parquet_hold_both_parts_marked(bundle):
    csv, parquet = pd.read_csv(bundle / "visits-2013.csv"), pd.read_parquet(bundle / "visits-2013.parquet")
    assert csv["part"].tolist() == parquet["part"].tolist() == ["train", "train", "test"]
    assert csv["id"].tolist() == parquet["id"].tolist() == [1, 2, 3]
    assert csv["stay"].fillna(-1).tolist() == parquet["stay"].fillna(-1).tolist() == [61.5, -1, 3.0]


def test_predictions_come_with_their_key(bundle):
    csv, parquet = pd.read_csv(bundle / "predictions.csv"), pd.read_parquet(bundle / "predictions.parquet")
    row = {"id": 3, "actual": False, "predicted": False, "probability_false": 0.75, "probability_true": 0.25}
    assert csv.to_dict("records") == parquet.to_dict("records") == [row]
    assert fields(bundle, 2)["probability_true"]["constraints"] == {"minimum": 0, "maximum": 1}
    assert read(bundle / "datapackage.json")["resources"][2]["schema"]["primaryKey"] == ["id"]


def test_personal_columns_and_what_derives_from_them_stay_at_home(project):
    change(project, "params.yaml", "publish: {", "publish: {rejected: true, ")
    bundle = published(project)
    assert set(fields(bundle)) == {"id", "room", "rooms_floor", "stay", "long", "part"}
    assert set(fields(bundle, 4)) == {"id", "room", "stay", "broken_rules", "source_file", "source_row"}
    edited = {"params.yaml"}  # it goes out as the user wrote it
    for path in bundle.iterdir():
        assert path.name in edited or b"Ann" not in path.read_bytes(), path


def test_a_slice_by_a_personal_column_is_not_told(bundle):
    assert [entry["column"] for entry in EVALUATION["slices"]] == ["guest", "room"]
    assert [entry["column"] for entry in read(bundle / "evaluation.json")["slices"]] == ["room"]


def test_without_being_asked_for_no_rejected_row_is_published(bundle):
    assert not list(bundle.glob("rejected*"))


def test_rejected_rows_are_published_with_their_reasons(project):
    change(project, "params.yaml", "publish: {", "publish: {rejected: true, ")
    rejected = pd.read_csv(published(project) / "rejected-visits.csv")
    assert rejected[["id", "broken_rules", "source_row"]].values.tolist() == [[1, "short", 9]]


def test_predictions_of_a_personal_target_stay_at_home(project):
    change(project, "contract.yaml", "{name: long, type: boolean,", "{name: long, type: boolean, personal: true,")
    bundle = published(project)
    assert not list(bundle.glob("predictions*"))
    assert "long" not in fields(bundle)


def test_a_model_that_keeps_personal_texts_is_refused(project):
    change(project, "params.yaml", "inputs: [rooms_floor]", "inputs: [guest]")
    with pytest.raises(ProjectError, match=r"`guest` stays out of the bundle .*but the model keeps all its values"):
        publish.main()
    assert not (project / "data/published").exists()


def test_columns_of_a_table_that_is_left_out_stay_at_home(project):
    change(project, "params.yaml", "publish: {", "publish: {leave_out: [rooms], ")
    assert "rooms_floor" not in fields(published(project))


def test_a_column_is_described_by_its_raw_column_and_bounded_by_ready(bundle):
    assert fields(bundle)["stay"] == {
        "name": "stay",
        "type": "number",
        "description": "Length of the stay",
        "unit": "min",
        "constraints": {"maximum": 600},
    }


def test_bounds_of_the_raw_data_are_not_promised_of_the_published_ones(bundle):
    assert "constraints" not in fields(bundle)["id"]


def test_sources_of_tables_are_named_in_the_package(bundle):
    package = read(bundle / "datapackage.json")
    assert [source["title"] for source in package["sources"]] == ["The front desk", "The door"]


def test_frictionless_accepts_the_bundle(project):
    change(project, "params.yaml", "publish: {", "publish: {rejected: true, ")
    report = Package(published(project) / "datapackage.json").validate()
    assert report.flatten(["title", "message"]) == []


@pytest.mark.parametrize("edit", [("61.5", "6150"), ("61.5", "long"), ("train", "trial"), (",true,", ",2,")])
def test_frictionless_refuses_a_bundle_whose_data_were_changed(bundle, edit):
    path = bundle / "visits-2013.csv"
    path.write_text(path.read_text().replace(*edit, 1))
    assert not Package(bundle / "datapackage.json").validate().valid


def test_checksums_name_every_file(bundle):
    sums = dict(reversed(line.split("  ")) for line in (bundle / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {path.name for path in bundle.iterdir()} - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == digest


def test_the_report_tells_of_the_bundle(bundle):
    page = (bundle / "report.html").read_text()
    assert "<h1>Visits, and how long they last</h1>" in page
    assert "Length of the stay" in page


def test_publishing_again_gives_the_same_bytes(bundle):
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    publish.main()
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before


def test_inputs_are_named_with_their_hashes(project, bundle):
    inputs = read(bundle / "inputs.json")
    assert set(inputs) == {
        "params.yaml", "models/model.skops", "requirements.txt", "data/ready/schema.json",
        "data/ready/train/part-00000.parquet", "data/ready/test/part-00000.parquet",
    }  # fmt: skip
    assert inputs["models/model.skops"] == hashlib.sha256(b"a model").hexdigest()


def test_every_page_names_only_files_that_are_there(bundle):
    crate = read(bundle / "ro-crate-metadata.json")["@graph"]
    named = {entity["@id"] for entity in crate if entity["@type"] == "File"}
    named |= {entry["contentUrl"] for entry in read(bundle / "croissant.json")["distribution"]}
    assert named <= {path.name for path in bundle.iterdir()}
    assert named >= {path.name for path in bundle.iterdir()} - {"ro-crate-metadata.json", "SHA256SUMS"}


def test_a_stage_is_an_action_with_what_it_used_made_and_was_told(bundle):
    graph = {entity["@id"]: entity for entity in read(bundle / "ro-crate-metadata.json")["@graph"]}
    clean = graph["#clean"]
    assert clean["@type"] == "CreateAction"
    assert [entry["@id"] for entry in clean["object"]] == ["#data/raw", "requirements.txt", "#params.clean"]
    assert [entry["@id"] for entry in clean["result"]] == ["#data/clean", "ledger.json"]
    assert graph[clean["instrument"]["@id"]]["name"] == "src/clean.py"
    assert graph[clean["environment"]["@id"]]["value"] == hashlib.sha256(b"pandas==3.1.1\n").hexdigest()
    assert {"@id": "#access.rooms"} in graph["#access"]["object"]
    assert graph["#params.serve.target"]["value"] == "long"
    assert graph["#train"]["result"] == [{"@id": "#models"}, {"@id": "model.skops"}]


def test_a_parameter_of_a_rule_on_a_personal_column_is_not_repeated_in_metadata(bundle):
    assert "Annie" not in (bundle / "ro-crate-metadata.json").read_text()
    assert "Annie" not in (bundle / "README.md").read_text()


def test_the_cards_tell_metrics_slices_and_limits(bundle):
    card = (bundle / "model-card.md").read_text()
    assert "| roc_auc | 0.75 | 0.5 to 1 | 0.5 | - |" in card
    assert "| room | 7\\|a | 1 | 0.6 | 0.1 to 0.9 |" in card
    assert "- `rooms_floor` is 2 in all rows.\n" in card
    assert "- Gate `roc_auc is at least 0.6`: 0.75, passed.\n" in card
    data = (bundle / "README.md").read_text()
    assert "| visits | 4 | 3 | 1 |" in data
    assert "- Columns that stay at home: `guest`, `letter`.\n" in data
    assert "- 1 rows found no match in `rooms`; its columns are empty there.\n" in data
    assert "Lovelace, Ada (2013). Visits, and how long they last. Version 1.2.3." in data


def test_front_matter_says_what_the_hub_wants_to_know(bundle):
    data, model = front_matter(bundle / "README.md"), front_matter(bundle / "model-card.md")
    assert (data["license"], data["size_categories"], data["task_categories"]) == (
        "cc0-1.0", ["n<1K"], ["tabular-classification"],
    )  # fmt: skip
    assert [entry["data_files"] for entry in data["configs"]] == ["visits-2013.parquet", "predictions.parquet"]
    assert (model["library_name"], model["pipeline_tag"]) == ("sklearn", "tabular-classification")
    assert model["model-index"][0]["results"][0]["metrics"] == [{"type": "roc_auc", "value": 0.75}]


def test_a_licence_that_the_hub_does_not_know_is_named_with_its_address(project):
    change(project, "params.yaml", "publish: {", "publish: {model_licence: https://example.org/terms, ")
    front = front_matter(published(project) / "model-card.md")
    assert (front["license"], front["license_link"]) == ("other", "https://example.org/terms")


def test_the_landing_page_is_safe_whatever_a_title_holds(project):
    change(project, "contract.yaml", "title: Visits\n", "title: \"</script><script>alert(1)</script> & 'more'\"\n")
    page = (published(project) / "index.html").read_text()
    assert "<script>alert" not in page
    assert page.count("</script>") == 1


def test_the_landing_page_asks_for_nothing_outside(bundle):
    page = (bundle / "index.html").read_text()
    assert 'rel="stylesheet"' not in page
    assert " src=" not in page
    assert '"@context": {' in page


def test_without_an_identifier_nothing_claims_one(bundle):
    assert "cite-as" not in (bundle / "index.html").read_text()
    assert "doi.org" not in (bundle / "README.md").read_text()
    failed = {entry["metric"] for entry in fair.assess(bundle) if not entry["passed"]}
    assert failed == {"FsF-F1-01D", "FsF-F1-02D"}


def test_with_an_identifier_every_metric_is_fulfilled(project):
    change(project, "CITATION.cff", "version: 1.2.3\n", "version: 1.2.3\ndoi: 10.5281/zenodo.1234\n")
    bundle = published(project)
    assert '<link rel="cite-as" href="https://doi.org/10.5281/zenodo.1234">' in (bundle / "index.html").read_text()
    assert [entry["metric"] for entry in fair.assess(bundle) if not entry["passed"]] == []
    root = next(e for e in read(bundle / "ro-crate-metadata.json")["@graph"] if e["@id"] == "./")
    assert root["identifier"] == {"@id": "https://doi.org/10.5281/zenodo.1234"}
    assert "https://doi.org/10.5281/zenodo.1234" in (bundle / "README.md").read_text()


def test_the_self_check_sees_what_is_missing(project):
    change(project, "CITATION.cff", 'date-released: "2013-05-06"\n', "")
    change(project, "contract.yaml", 'sources: [{title: The front desk, path: "https://example.org/desk"}]\n', "")
    change(project, "contract.yaml", "    sources: [{title: The door}]\n", "")
    bundle = published(project)
    (bundle / "visits-2013.csv").unlink()
    found = {entry["metric"]: entry for entry in fair.assess(bundle) if not entry["passed"]}
    assert set(found) == {"FsF-F1-01D", "FsF-F1-02D", "FsF-F2-01M", "FsF-F3-01M", "FsF-I3-01M"}
    assert found["FsF-F2-01M"]["evidence"] == "Lacks datePublished"
    assert found["FsF-F3-01M"]["evidence"] == "4 of 5 files that they name are there"


def test_a_draft_without_any_description_is_published(project):
    for old in ("title: Visits\n", "description: Who came, and for how long.\n", "    title: Visits to learn from\n"):
        change(project, "contract.yaml", old, "")
    contract = (project / "contract.yaml").read_text()
    for text in (
        "Number of the visit",
        "Name of the guest",
        "Length of the stay",
        "An hour or more",
        '"Floor | storey"',
    ):
        contract = contract.replace(f"description: {text}", 'description: ""')
    (project / "contract.yaml").write_text(contract.replace("sources: [", "sources: [] # ["))
    bundle = published(project)
    assert read(bundle / "datapackage.json")["name"] == "visits-2013"
    assert "Not described yet: `id`" in (bundle / "README.md").read_text()
    assert Package(bundle / "datapackage.json").validate().valid


NO_LICENCE = [
    ("contract.yaml", 'licenses: [{name: CC0-1.0, path: "https://creativecommons.org/publicdomain/zero/1.0/", title: CC0 1.0 Universal}]', "licenses: []"),
    ("CITATION.cff", "license: CC0-1.0\n", ""),
]  # fmt: skip


def test_a_source_without_a_licence_stops_the_bundle(project):
    for edit in NO_LICENCE:
        change(project, *edit)
    with pytest.raises(ProjectErrors) as caught:
        publish.main()
    assert str(caught.value).splitlines() == [
        "contract.yaml: visits.licenses: no licence is stated, here or for the whole, so nobody may pass the data on",
        "  State the licence that you have, or leave its columns out: `publish: {leave_out: [visits]}`.",
        "contract.yaml: rooms.licenses: no licence is stated, here or for the whole, so nobody may pass the data on",
        "  State the licence that you have, or leave its columns out: `publish: {leave_out: [rooms]}`.",
    ]
    assert not (project / "data/published").exists()


def test_a_licence_that_citation_cff_states_is_one(project):
    change(project, *NO_LICENCE[0])
    assert read(published(project) / "datapackage.json")["licenses"][0]["name"] == "CC0-1.0"


@pytest.mark.parametrize("name", ["CC-BY-ND-4.0", "CC-BY-NC-ND-4.0", "proprietary", "other-closed", "notspecified"])
def test_a_source_that_must_not_be_passed_on_stops_the_bundle(project, name):
    change(
        project,
        "contract.yaml",
        "    path: data/raw/rooms/",
        f"    licenses: [{{name: {name}}}]\n    path: data/raw/rooms/",
    )
    with pytest.raises(ProjectErrors, match=f"rooms.licenses: `{name}` does not allow"):
        publish.main()
    change(project, "params.yaml", "publish: {", "publish: {leave_out: [rooms], ")
    assert "rooms_floor" not in fields(published(project))


def test_a_source_that_asks_for_more_than_the_whole_gives_stops_the_bundle(project):
    change(
        project,
        "contract.yaml",
        "    path: data/raw/rooms/",
        "    licenses: [{name: CC-BY-NC-SA-4.0}]\n    path: data/raw/rooms/",
    )
    with pytest.raises(ProjectErrors) as caught:
        publish.main()
    assert str(caught.value).splitlines()[0] == (
        "contract.yaml: licenses: `rooms` under CC-BY-NC-SA-4.0 asks for attribution, no commercial use, "
        "the same licence for what derives from it; the whole is given under CC0-1.0"
    )


def test_licences_of_data_model_code_and_sources_stand_apart(project):
    change(project, "params.yaml", "publish: {", "publish: {model_licence: Apache-2.0, ")
    bundle = published(project)
    graph = {entity["@id"]: entity for entity in read(bundle / "ro-crate-metadata.json")["@graph"]}
    assert graph["./"]["license"] == {"@id": "https://creativecommons.org/publicdomain/zero/1.0/"}
    assert graph["model.skops"]["license"] == {"@id": "https://spdx.org/licenses/Apache-2.0"}
    assert graph["verify.py"]["license"]["@id"].startswith("https://spdx.org/licenses/")
    assert graph["#access.visits"]["license"] == {"@id": "https://creativecommons.org/publicdomain/zero/1.0/"}
    assert front_matter(bundle / "model-card.md")["license"] == "apache-2.0"


def test_an_error_leaves_nothing_behind(project):
    (project / "metrics/evaluation.json").unlink()
    with pytest.raises(FileNotFoundError):
        publish.main()
    assert not (project / "data/published").exists()


def test_who_asks_for_skops_alone_does_not_load_scikit_learn(project):
    import subprocess

    code = "import sys, publish; publish.main(); print([m for m in sys.modules if m in ('sklearn', 'skops', 'onnxruntime')])"
    source = Path(publish.__file__).parent
    ended = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(source)}, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[]\n"
