"""The files that a bundle can hold beside its tables, and what each is."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Item:
    """A file of the bundle."""

    name: str
    title: str
    description: str
    mediatype: str
    kind: Literal["data", "model", "page", "metadata", "record", "code"]


YAML, JSON, JSON_LD = "application/yaml", "application/json", "application/ld+json"
MARKDOWN, HTML, TEXT, BINARY = "text/markdown", "text/html", "text/plain", "application/octet-stream"

ITEMS = [
    Item("README.md", "Data card", "What the data are, how they were made, limits, licence", MARKDOWN, "page"),
    Item("model-card.md", "Model card", "What the model is for, how good it is and where not", MARKDOWN, "page"),
    Item("report.html", "Report", "Figures of the data, the cleaning, the model and the bundle", HTML, "page"),
    Item("index.html", "Landing page", "The bundle at a glance, for people and for programs", HTML, "page"),
    Item("model.skops", "Model", "The fitted scikit-learn pipeline, read by skops", "application/zip", "model"),
    Item("model.onnx", "Model (ONNX)", "The same model for ONNX Runtime, in any language", BINARY, "model"),
    Item("model.pkl", "Model (pickle)", "The same model as a pickle: loading it runs code", BINARY, "model"),
    Item("datapackage.json", "Data Package", "Tables and columns: type, unit, meaning, bounds", JSON, "metadata"),
    Item("croissant.json", "Croissant", "The tables for loaders of machine learning", JSON_LD, "metadata"),
    Item("ro-crate-metadata.json", "RO-Crate", "All files, and the stages that made them", JSON_LD, "metadata"),
    Item("CITATION.cff", "Citation", "Who made this, and how to cite it", YAML, "metadata"),
    Item("ledger.json", "Ledger", "Every row in is a row kept or a row rejected, by which rule", JSON, "record"),
    Item("train.json", "Training", "Metrics of the cross-validation", JSON, "record"),
    Item("evaluate.json", "Metrics", "Metrics on the test part, beside the baseline", JSON, "record"),
    Item("evaluation.json", "Evaluation", "Metrics with intervals, by slice; importance, drift, gate", JSON, "record"),
    Item("inputs.json", "Inputs", "The sha256 of every file that this bundle was made of", JSON, "record"),
    Item("params.yaml", "Parameters", "Every number and choice of the pipeline", YAML, "record"),
    Item("contract.yaml", "Contract", "What each raw table and column means", YAML, "record"),
    Item("dvc.yaml", "Stages", "The steps of the pipeline, for DVC", YAML, "record"),
    Item("requirements.txt", "Environment", "The packages that made it, with versions and hashes", TEXT, "record"),
    Item("SHA256SUMS", "Checksums", "The sha256 of every other file", TEXT, "record"),
    Item("LICENSE", "Licence of the code", "The terms of the code that made this", TEXT, "code"),
    Item("verify.py", "Verification", "Checks this bundle: `python3 verify.py FOLDER`", "text/x-python", "code"),
]
