"""Those who check bundles for a living accept ours, offline: the real validators, on the bundle of a whole run."""

import importlib.util
import io
import json
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import needs
from browser import PHONE
from project import must_run, replace

pytestmark = pytest.mark.long

CRATE = "https://w3id.org/ro/crate/1.3/context"
# Recommended, and not for a template to know: the first needs a clock, the others what CITATION.cff may say.
UNKNOWN = {
    "Action endTime",
    "SoftwareApplication id",  # repository-code
    "Organization: RECOMMENDED url property",  # the authors' website
    "Organization: SHOULD have ROR identifier",
    "Organization: RECOMMENDED contactPoint references ContactPoint entity",  # the authors' email
    "Root Data Entity: at least one author/publisher SHOULD have contactPoint",
}


@pytest.fixture(scope="module")
def bundle(reproduced_small: Path) -> Path:
    return reproduced_small / "data/published"


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_mlcroissant_reads_every_record(bundle):
    needs.module("mlcroissant")
    import mlcroissant

    dataset = mlcroissant.Dataset(str(bundle / "croissant.json"))
    assert (dataset.metadata.issues.errors, dataset.metadata.issues.warnings) == (set(), set())
    counts = {records.uuid: sum(1 for _ in dataset.records(records.uuid)) for records in dataset.metadata.record_sets}
    tables = [path.stem for path in bundle.glob("*.csv")]
    assert counts == {"parts": 2} | {f"{name}-rows": len(pd.read_csv(bundle / f"{name}.csv")) for name in tables}
    assert len(tables) >= 2


def test_frictionless_validates_every_table(bundle):
    said = must_run(bundle, "frictionless", "validate", "--json", "datapackage.json")
    report = json.loads(said)
    assert report["valid"]
    assert {task["place"] for task in report["tasks"]} == {path.name for path in bundle.glob("*.csv")} | {
        path.name for path in bundle.glob("*.parquet")
    }


def test_the_citation_fits_its_schema(bundle):
    must_run(bundle, "check-jsonschema", "--builtin-schema", "vendor.citation-file-format", "CITATION.cff")


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cache of the web for roc-validator, which holds the context of RO-Crate as the package rocrate ships it."""
    needs.module("rocrate_validator")
    needs.module("rocrate")
    import requests_cache
    import urllib3
    from requests.adapters import HTTPAdapter

    shipped = (
        Path(importlib.util.find_spec("rocrate").origin).with_name("data").joinpath("ro-crate.jsonld").read_bytes()
    )
    assert json.loads(shipped)["@id"] == CRATE

    class Shipped(HTTPAdapter):
        def send(self, request, **_):
            headers = {"Content-Type": "application/ld+json"}
            raw = urllib3.HTTPResponse(io.BytesIO(shipped), headers, 200, preload_content=False)
            return self.build_response(request, raw)

    cache = str(tmp_path_factory.mktemp("contexts") / "http")
    session = requests_cache.CachedSession(cache, expire_after=-1)
    session.mount("https://", Shipped())
    assert session.get(CRATE, headers={"Accept": "application/ld+json, application/json"}).ok
    return cache


def issues(crate: Path, profile: str, cache: str) -> list[tuple[str, str, str]]:
    """What roc-validator finds: severity, name of the check, message; the required and the recommended."""
    from rocrate_validator import models, services

    settings = services.ValidationSettings(
        rocrate_uri=str(crate),
        profile_identifier=profile,
        requirement_severity=models.Severity.RECOMMENDED,
        # Process Run Crate 0.5 is written for RO-Crate 1.1, whose checks refuse the context of 1.3.
        enable_profile_inheritance=profile == "ro-crate-1.3",
        cache_path=cache,
        offline=True,
    )
    found = services.validate(settings).get_issues()
    return sorted({(issue.severity.name, issue.check.name, str(issue.message)) for issue in found})


PROFILES = ["ro-crate-1.3", "process-run-crate-0.5"]


@pytest.mark.parametrize("profile", PROFILES)
def test_roc_validator_finds_only_what_a_template_cannot_know(bundle, contexts, profile):
    assert [issue for issue in issues(bundle, profile, contexts) if issue[1] not in UNKNOWN] == []
    assert [issue for issue in issues(bundle, profile, contexts) if issue[0] == "REQUIRED"] == []


def test_roc_validator_finds_no_more_than_the_missing_time_where_authors_say_who_they_are(project, contexts):
    author = (
        "family-names: Lovelace\n    given-names: Ada\n    orcid: https://orcid.org/0000-0002-1825-0097\n"
        "    email: ada@example.org"
    )
    replace(project, "CITATION.cff", "name: The authors of this project", author)
    replace(
        project, "CITATION.cff", "version: 0.1.0\n", "version: 0.1.0\nrepository-code: https://example.org/flights\n"
    )
    must_run(project, sys.executable, "src/publish.py")
    named = {issue[1] for profile in PROFILES for issue in issues(project / "data/published", profile, contexts)}
    assert named == {
        "Action endTime",
        "CreativeWork Author: RECOMMENDED affiliation property",
        "CreativeWork Author: RECOMMENDED Contextual Entity linked for the organizational `affiliation` property",
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_roc_validator_refuses_a_crate_without_what_it_must_have(bundle, contexts, tmp_path, profile):
    must_run(tmp_path, "cp", "-r", bundle, tmp_path / "crate")
    crate = read(bundle / "ro-crate-metadata.json")
    for entity in crate["@graph"]:
        for key in ("license", "instrument"):
            entity.pop(key, None)
    (tmp_path / "crate/ro-crate-metadata.json").write_text(json.dumps(crate))
    assert "REQUIRED" in {severity for severity, _, _ in issues(tmp_path / "crate", profile, contexts)}


def code_of(card: Path) -> str:
    return re.findall(r"```python\n(.*?)```", card.read_text(encoding="utf-8"), re.DOTALL)[-1]


def test_the_code_of_the_model_card_gives_the_predictions_that_the_bundle_states(bundle, tmp_path, monkeypatch):
    (tmp_path / "card.py").write_text(code_of(bundle / "model-card.md"))
    monkeypatch.chdir(bundle)
    predicted = runpy.run_path(str(tmp_path / "card.py"))["predicted"]
    stated = pd.read_csv("predictions.csv").filter(regex="^probability_")
    assert predicted.tolist() == stated.to_numpy().tolist()


def test_the_code_of_the_data_card_finds_both_parts(bundle, tmp_path, monkeypatch):
    (tmp_path / "card.py").write_text(code_of(bundle / "README.md"))
    monkeypatch.chdir(bundle)
    found = runpy.run_path(str(tmp_path / "card.py"))
    rows = read(bundle / "evaluation.json")["rows"]
    assert (len(found["train"]), len(found["test"])) == (rows["train"], rows["test"])


def test_onnx_runtime_and_pickle_give_the_predictions_that_the_bundle_states(project):
    needs.module("skl2onnx")
    needs.module("onnxruntime")
    import pickle

    import onnxruntime

    from pipeline.bundle.models import TOLERANCE, onnx_inputs
    from pipeline.matrix import to_matrix

    replace(
        project,
        "params.yaml",
        "sklearn.ensemble.HistGradientBoostingClassifier",
        "sklearn.linear_model.LogisticRegression",
    )
    text = (project / "params.yaml").read_text()
    text = re.sub(r"(?ms)^  options: .*?(?=^  encode)", "  options: {C: 0.1}\n", text)
    text = text.replace("  impute: none", "  impute: mean").replace("  scale: false", "  scale: true")
    (project / "params.yaml").write_text(text + "  model_formats: [skops, onnx, pickle]\n")
    must_run(project, "dvc", "repro")
    bundle = project / "data/published"
    inputs = [entry["column"] for entry in read(bundle / "evaluation.json")["importance"]]
    rows = pd.read_parquet(bundle / "nyc-flights-2013.parquet").query("part == 'test'")
    stated = pd.read_csv(bundle / "predictions.csv").filter(regex="^probability_").to_numpy()
    session = onnxruntime.InferenceSession((bundle / "model.onnx").read_bytes())
    names = [entry.name for entry in session.get_inputs()]
    assert sorted(names) == sorted(inputs)
    matrix = to_matrix(rows[names])
    assert np.abs(session.run(None, onnx_inputs(session, matrix))[1] - stated).max() <= TOLERANCE
    again = pickle.loads((bundle / "model.pkl").read_bytes())
    assert again.predict_proba(matrix).tolist() == stated.tolist()
    card = (bundle / "model-card.md").read_text()
    assert "[model.onnx](model.onnx): Its predictions on the" in card
    assert "[model.pkl](model.pkl): Loading a pickle runs whatever code is in it" in card
    must_run(bundle, sys.executable, "verify.py")


def test_a_model_that_onnx_cannot_say_is_published_without_it_and_the_card_says_why(project):
    needs.module("skl2onnx")
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text + "  model_formats: [onnx]\n")
    must_run(project, sys.executable, "src/publish.py")
    assert not (project / "data/published/model.onnx").exists()
    assert "\n- model.onnx: Not written as ONNX: " in (project / "data/published/model-card.md").read_text()


@pytest.mark.parametrize("dark", [False, True])
def test_the_landing_page_opens_on_a_phone_without_a_request_or_an_error(bundle, visit, dark):
    page = visit(bundle / "index.html", width=PHONE, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    names = page.eval_on_selector_all(".files a", "links => links.map(link => link.getAttribute('href'))")
    assert sorted(names) == sorted(path.name for path in bundle.iterdir() if path.name != "index.html")


def test_the_report_shows_the_self_check_letter_by_letter(bundle):
    sys.path.insert(0, str(Path(__file__).parents[2] / "src"))
    from pipeline import fair

    found = fair.assess(bundle)
    assert {entry["metric"] for entry in found if not entry["passed"]} == {"FsF-F1-01D", "FsF-F1-02D"}
    assert {entry["principle"][0] for entry in found} == set("FAIR")
    page = (bundle / "report.html").read_text(encoding="utf-8")
    assert [entry["metric"] for entry in found if entry["metric"] not in page] == []
