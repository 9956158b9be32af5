"""README.md and model-card.md: what people read first, with front matter that Hugging Face reads."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.bundle.facts import Facts, cite
from pipeline.bundle.licences import Licence
from pipeline.scoring import LOWER_IS_BETTER, MAIN_METRIC

TEMPLATES = Path(__file__).parent

# https://huggingface.co/docs/hub/repositories-licenses: SPDX identifiers in lower case, but for these.
HUB_NAMES = {"odbl-1.0": "odbl", "odc-by-1.0": "odc-by", "pddl-1.0": "pddl"}
HUB_LICENCES = {
    "agpl-3.0", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0",
    "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0",
    "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
    "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0", "ecl-2.0", "epl-1.0", "epl-2.0",
    "etalab-2.0", "eupl-1.1", "eupl-1.2", "gpl-2.0", "gpl-3.0", "isc", "lgpl-2.1", "lgpl-3.0", "mit", "mpl-2.0",
    "ncsa", "odbl", "odc-by", "ofl-1.1", "osl-3.0", "pddl", "postgresql", "unlicense", "wtfpl", "zlib",
}  # fmt: skip
SIZES = [
    (1e3, "n<1K"),
    (1e4, "1K<n<10K"),
    (1e5, "10K<n<100K"),
    (1e6, "100K<n<1M"),
    (1e7, "1M<n<10M"),
    (1e8, "10M<n<100M"),
]
SLICES = 30  # that a card shows, the weakest; evaluation.json has all
SPLITS = {
    "time": "time: the test part is the latest rows by `{}`",
    "group": "whole groups of `{}`",
    "key": "a hash of the key",
    "row": "a hash of the row's number",
}


def make_environment(**more: Any) -> Environment:
    """Make what renders the templates; an unknown name in one is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **more,
    )
    environment.filters |= {
        "bounds": bounds,
        "cell": lambda text: " ".join(str(text).replace("|", "\\|").split()),
        "code": lambda text: f"`{text}`",
        "first_lower": lambda text: text[:1].lower() + text[1:] if text[1:2].islower() else text,
        "json": lambda value: json.dumps(value, ensure_ascii=False),
        "number": lambda value: "-" if value is None else f"{value:.4g}",
    }
    return environment


def bounds(constraints: Mapping[str, Any]) -> str:
    """Constraints in words: ` (required; 0 to 23)`."""
    said = ["required"] if constraints.get("required") else []
    low, high = constraints.get("minimum"), constraints.get("maximum")
    if low is not None and high is not None:
        said.append(f"{low} to {high}")
    elif low is not None or high is not None:
        said.append(f"at least {low}" if low is not None else f"at most {high}")
    if "enum" in constraints:
        said.append("one of " + ", ".join(map(str, constraints["enum"])))
    return f" ({'; '.join(said)})" if said else ""


def data_card(facts: Facts) -> str:
    """Render README.md."""
    settings, evaluation = facts.settings, facts.results["evaluation"]
    front = {
        "pretty_name": facts.title,
        **_hub_licence(facts.licences),
        "tags": [*facts.keywords, "croissant"],
        "task_categories": [_task(facts)],
        "size_categories": [_size(facts.tables[0].rows)],
        "configs": [
            {"config_name": table.name, "data_files": f"{table.name}.parquet"}
            | ({"default": True} if not number else {})
            for number, table in enumerate(facts.tables)
        ],
    }
    return (
        make_environment()
        .get_template("data-card.md.j2")
        .render(
            facts=facts,
            settings=settings,
            front=_yaml(front),
            rows=evaluation["rows"],
            rules=list(_rules(facts)),
            split=SPLITS[settings.serve.split.by].format(settings.serve.split.column),
            limits=list(_limits_of_data(facts)),
            cite=cite(facts),
        )
    )


def model_card(facts: Facts) -> str:
    """Render model-card.md."""
    settings, evaluation = facts.settings, facts.results["evaluation"]
    known = {field["name"]: field for field in facts.tables[0].fields}
    target = known.get(settings.serve.target, {"name": settings.serve.target})
    main = MAIN_METRIC[evaluation["task"]]
    metrics = [
        {"type": name, "value": metric["value"]}
        for name, metric in evaluation["metrics"].items()
        if metric["value"] is not None
    ]
    result = {
        "task": {"type": _task(facts), "name": settings.serve.target},
        "dataset": {"type": facts.name, "name": facts.title, "split": "test"},
        "metrics": metrics,
    }
    front = {
        **_hub_licence(facts.model_licences),
        "library_name": "sklearn",
        "model_format": "skops",
        "model_file": "model.skops",
        "pipeline_tag": _task(facts),
        "tags": ["sklearn", "skops", _task(facts)],
        "metrics": [metric["type"] for metric in metrics],
        "model-index": [{"name": facts.name, "results": [result]}],
    }
    return (
        make_environment()
        .get_template("model-card.md.j2")
        .render(
            facts=facts,
            settings=settings,
            front=_yaml(front),
            evaluation=evaluation,
            ready=facts.tables[0],
            rows=evaluation["rows"],
            target=target | {"unit": target.get("unit"), "description": target.get("description")},
            inputs=[known.get(name, {"name": name}) for name in settings.serve.inputs],
            main=main,
            slices=_weakest(evaluation, main),
            cv=_cross_validation(facts.results["train"]),
            limits=list(_limits_of_model(facts)),
            probabilities=any(f["name"].startswith("probability_") for table in facts.tables for f in table.fields),
            other_files={name: note for name, note in facts.notes.items() if name.startswith("model.")},
            names={item.name for item in facts.files},
            cite=cite(facts),
        )
    )


def _yaml(front: Mapping[str, Any]) -> str:
    return yaml.safe_dump({k: v for k, v in front.items() if v}, sort_keys=False, allow_unicode=True, width=1000)


def _task(facts: Facts) -> str:
    return "tabular-regression" if facts.task == "regression" else "tabular-classification"


def _size(rows: int) -> str:
    return next((name for limit, name in SIZES if rows < limit), "100M<n<1B")


def _hub_licence(licences: list[Licence]) -> dict[str, Any]:
    names = [HUB_NAMES.get(licence.name.lower(), licence.name.lower()) for licence in licences]
    if all(name in HUB_LICENCES for name in names):
        return {"license": names[0] if len(names) == 1 else names}
    other = next(licence for licence, name in zip(licences, names, strict=True) if name not in HUB_LICENCES)
    return {"license": "other", "license_name": other.name.lower().replace(" ", "-"), "license_link": other.url}


def _rules(facts: Facts) -> Iterator[dict[str, Any]]:
    for table, entry in facts.results["ledger"].items():
        for name, hit in entry.get("rules", {}).items():
            options = facts.parameters["clean"].get(table, {}).get(name, {})
            words = [f"{key}: {_short(value)}" for key, value in options.items() if key != "rule"]
            yield {
                "table": table,
                "name": name,
                "text": f"`{options.get('rule', '')}` " + ", ".join(words),
                "hits": f"{hit['rows_hit']:,} rows" if "rows_hit" in hit else f"{hit.get('cells_changed', 0):,} cells",
            }


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return ", ".join(f"{k} → {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _limits_of_data(facts: Facts) -> Iterator[str]:
    if facts.withheld:
        yield f"Columns that stay at home: {', '.join(f'`{name}`' for name in sorted(facts.withheld))}."
    for table, count in facts.results["transform"].get("unmatched_rows", {}).items():
        if count:
            yield f"{count:,} rows found no match in `{table}`; its columns are empty there."
    undescribed = [f["name"] for table in facts.tables for f in table.fields if not f.get("description")]
    if undescribed:
        yield f"Not described yet: {', '.join(f'`{name}`' for name in dict.fromkeys(undescribed))}."
    yield from _findings(facts, of_model=False)
    yield "What the rules reject is no random choice; what is left stands for itself, and not for what was rejected."


def _limits_of_model(facts: Facts) -> Iterator[str]:
    evaluation = facts.results["evaluation"]
    for entry in evaluation["drift"][:3]:
        measure = entry["measure"].replace("_", " ").replace("kolmogorov smirnov", "Kolmogorov-Smirnov")
        yield f"`{entry['column']}` differs between training and test part ({measure} {entry['value']:.3g})."
    for metric, reason in evaluation["undefined"].items():
        yield f"{metric} has no value: {reason}."
    yield from _findings(facts)
    yield "It knows only what stood in the training part; what it says of the future holds as long as that stays so."


def _findings(facts: Facts, of_model: bool = True) -> Iterator[str]:
    for finding in facts.results["evaluation"]["findings"]:
        if of_model or finding["check"] != "weak_slice":
            yield finding["message"].rstrip(".") + "."


def _weakest(evaluation: Mapping[str, Any], main: str) -> list[Mapping[str, Any]]:
    slices = [slice for slice in evaluation["slices"] if slice["metrics"].get(main, {}).get("value") is not None]
    sign = -1 if main in LOWER_IS_BETTER else 1
    return sorted(slices, key=lambda slice: sign * slice["metrics"][main]["value"])[:SLICES]


def _cross_validation(train: Mapping[str, Any]) -> str:
    means = {
        name.removeprefix("cv_"): value
        for name, value in train.items()
        if name.startswith("cv_") and not name.endswith("_std") and isinstance(value, int | float)
    }
    said = []
    for name, value in means.items():
        spread = train.get(f"cv_{name}_std")
        said.append(f"{name} {value:.4g}" + (f" (standard deviation {spread:.2g})" if spread is not None else ""))
    return ", ".join(said)
