"""The page at /: a form made of the contract, filled with a row of the test part."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.service.bundle import Bundle
from pipeline.service.inputs import LISTED, Input, as_json, label_of
from pipeline.service.reading import MAX_BYTES, MAX_ROWS

# All comes from here, and nothing stands in the page itself that could be run.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
POLICY += "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def render(bundle: Bundle, closed: bool) -> str:
    """Make the page.

    Args:
        closed: a token is needed, so that a browser may want to forget it.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    names = set(bundle.files)
    return environment.get_template("page.html").render(
        title=bundle.title,
        description=bundle.package.description or "",
        name=bundle.name,
        version=bundle.version,
        fields=[field_of(each, bundle) for each in bundle.inputs],
        target=label_of(bundle.target),
        question=bundle.target.description or bundle.target.name,
        report="report" if "report.html" in names else None,
        card=next((f"bundle/{name}" for name in ("index.html", "README.md") if name in names), None),
        model_card="bundle/model-card.md" if "model-card.md" in names else None,
        limits=f"at most {MAX_ROWS:,} rows and {MAX_BYTES >> 20} MB",
        columns=[each.name for each in bundle.inputs],
        closed=closed,
        facts=facts_of(bundle),
    )


def facts_of(bundle: Bundle) -> dict[str, Any]:
    """What the script needs to know, besides what stands in the form."""
    return {
        "target": label_of(bundle.target),
        "unit": bundle.target.unit,
        "classes": bundle.classes,
        "threshold": bundle.threshold,
        "labels": {each.name: each.label for each in bundle.inputs},
        "units": {each.name: each.field.unit or "" for each in bundle.inputs},
    }


def field_of(each: Input, bundle: Bundle) -> dict[str, Any]:
    """One field of the form."""
    rule, kind = each.field.constraints, each.field.type
    choices = [str(value) for value in rule.enum] if rule.enum is not None else None
    if kind == "boolean":
        choices = ["true", "false"]
    value = bundle.example[each.name]
    value = "" if value is None else json.dumps(value) if isinstance(value, bool) else typed(value)
    seen = ""
    if each.low is not None:
        unit = f" {each.field.unit}" if each.field.unit else ""
        seen = f"{show(each.low)} to {show(each.high)}{unit}"
    return {
        "name": each.name,
        "label": each.label,
        "unit": each.field.unit or "",
        "help": each.field.description or "",
        "allowed": each.allowed,
        "seen": seen,
        "kind": kind,
        "required": each.required,
        "choices": choices,
        "listed": sorted(list(each.categories)[:LISTED]) if choices is None else [],
        "value": value,
        "step": "1" if kind == "integer" else "any",
        "minimum": rule.minimum,
        "maximum": rule.maximum,
        "feeds": [name for name in each.feeds if name != each.name],
    }


def typed(value: Any) -> str:
    """A value as a person would type it: 10, not 10.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def show(value: Any) -> str:
    """A bound as a person reads it."""
    value = as_json(value)
    return f"{value:,.6g}" if isinstance(value, float) else str(value).removesuffix("T00:00:00")
