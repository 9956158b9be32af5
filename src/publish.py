"""Publish: put data, model and metadata in one folder that a stranger can find, trust and use again."""

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import features as feature_functions
from pipeline import citation, contract, fair, params, report, stage
from pipeline.bundle import data, licences, models
from pipeline.bundle.cards import data_card, model_card
from pipeline.bundle.croissant import croissant
from pipeline.bundle.data_package import data_package
from pipeline.bundle.facts import Facts, Table, read_stages, stages_file
from pipeline.bundle.files import COPIES, hash_inputs, sha256, write_checksums, write_json
from pipeline.bundle.landing import landing_page
from pipeline.bundle.ro_crate import ro_crate
from pipeline.contract import Contract
from pipeline.derive import functions_of
from pipeline.params import Params
from pipeline.ready import SCHEMA, read_ready
from pipeline.report import render_report
from pipeline.tables import new_folders

BUNDLE = Path("data/published")
RESULTS = ("ledger", "transform", "serve", "train", "evaluate", "evaluation")  # in metrics/


def main() -> None:
    settings, package, cited = params.load_all(), contract.load(), citation.load()
    sources = licences.of_sources(package, cited, settings.publish.leave_out)
    withheld = data.withheld_columns(package, settings, functions_of(feature_functions))
    data.refuse_personal_model(withheld, settings, _read_json(data.READY / SCHEMA))
    stages = read_stages()
    with new_folders(BUNDLE):
        tables = write_tables(package, settings, set(withheld))
        for source, name in COPIES.items():
            shutil.copyfile(source, BUNDLE / name)
        shutil.copyfile(stages_file(), BUNDLE / "dvc.yaml")
        inputs = hash_inputs(stages["publish"]["deps"])
        results = {name: _read_json(Path(f"metrics/{name}.json")) for name in RESULTS}
        write_pages(
            Facts(
                settings=settings,
                package=package,
                citation=cited,
                stages=stages,
                results=results | {"evaluation": without_withheld(results["evaluation"], set(withheld))},
                licences=licences.of_data(package, cited),
                source_licences=sources,
                model_licences=licences.of_model(settings.publish.model_licence, package, cited),
                code_licence=licences.of_code(Path("LICENSE").read_text(encoding="utf-8")),
                tables=tables,
                inputs=inputs,
                withheld=sorted(withheld),
                notes=write_models(settings),
            )
        )
        write_checksums(BUNDLE)


def write_tables(package: Contract, settings: Params, withheld: set[str]) -> list[Table]:
    """Write the ready table, the predictions and, if asked for, the rejected rows."""
    ready = data.write_ready(BUNDLE, package, settings, withheld)
    predictions = data.write_predictions(BUNDLE, ready, settings.serve.target, withheld)
    rejected = data.write_rejected(BUNDLE, package, settings.publish.leave_out) if settings.publish.rejected else []
    return [ready, *([predictions] if predictions else []), *rejected]


def without_withheld(evaluation: dict[str, Any], withheld: set[str]) -> dict[str, Any]:
    """An evaluation without slices and findings that show values of columns that stay at home."""
    kept = {
        name: [entry for entry in evaluation[name] if entry["column"] not in withheld]
        for name in ("slices", "findings")
    }
    return evaluation | kept


def write_models(settings: Params) -> dict[str, str]:
    """Write the model in the formats that params ask for, beside skops; return what there is to say of each."""
    notes = {}
    formats = set(settings.publish.model_formats) - {"skops"}
    if formats:  # so that who asks for none does not pay for scikit-learn
        from pipeline.matrix import to_matrix
        from pipeline.modelfile import load_model
        from pipeline.tables import read_table

        model = load_model(BUNDLE / "model.skops")
        if "onnx" in formats:
            matrix = to_matrix(read_ready(data.READY / "test", settings.serve.inputs))
            notes["model.onnx"] = models.write_onnx(model, matrix, read_table(data.PREDICTIONS), BUNDLE / "model.onnx")
        if "pickle" in formats:
            notes["model.pkl"] = models.write_pickle(model, BUNDLE / "model.pkl")
    return notes


def write_pages(facts: Facts) -> None:
    """Write all that describes the bundle; what is written first is described, with its size, by what follows."""
    write_json(BUNDLE / "evaluation.json", facts.results["evaluation"])
    write_json(BUNDLE / "inputs.json", facts.inputs)
    write_json(BUNDLE / "datapackage.json", data_package(facts))
    size, digest = (partial(_of_file, function) for function in (lambda path: path.stat().st_size, sha256))
    write_json(BUNDLE / "croissant.json", croissant(facts, size, digest))
    (BUNDLE / "README.md").write_text(data_card(facts), encoding="utf-8")
    (BUNDLE / "model-card.md").write_text(model_card(facts), encoding="utf-8")
    (BUNDLE / "index.html").write_text(landing_page(facts, size), encoding="utf-8")
    write_json(BUNDLE / "ro-crate-metadata.json", ro_crate(facts, size, digest))
    (BUNDLE / "report.html").write_text(render_report(report_facts(facts)), encoding="utf-8")
    write_json(BUNDLE / "ro-crate-metadata.json", ro_crate(facts, size, digest))  # with the size of the report


def report_facts(facts: Facts) -> report.facts.Facts:
    """What the report tells: no rejected row that the bundle does not hold, and no value that stays at home."""
    published, withheld = BUNDLE / f"{facts.name}.parquet", set(facts.withheld)
    told = report.facts.read_facts(facts.package, facts.tables[0].fields, published, withheld)
    shown = {table.name.removeprefix("rejected-") for table in facts.tables[1:]}
    rejected = {
        name: rows if name in shown else replace(rows, examples=rows.examples.head(0))
        for name, rows in told.rejected.items()
    }
    evaluation = facts.results["evaluation"]
    return replace(told, rejected=rejected, evaluation=evaluation, fair=fair.assess(BUNDLE))


def _of_file(function: Any, name: str) -> Any:
    path = BUNDLE / name
    return function(path) if path.exists() else None


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    stage.run(main)
