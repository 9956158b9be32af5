"""The report: one page that tells a stranger what was asked, done and found, and what to distrust."""

import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from pipeline.citation import author_name
from pipeline.params import Params
from pipeline.report import columns, model, summary, words
from pipeline.report.cleaning import TableStory, table_story
from pipeline.report.columns import Distribution
from pipeline.report.facts import Facts

HERE = Path(__file__).parent
LINK = re.compile(r"https?://[^\s<>\"']+")


def render_report(facts: Facts) -> str:
    """Render the page.

    Returns:
        HTML that stands alone: style and pictures are inside, nothing is loaded, no script runs. The same facts give
        the same bytes.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": words.count,
        "counted": words.counted,
        "number": words.number,
        "percent": words.percent,
        "score": words.score,
        "some": words.some,
        "shortened": words.shortened,
        "author": author_name,
        "breakable": breakable,
        "coded": coded,
        "link": link,
    }
    css = Markup((HERE / "page.css").read_text(encoding="utf-8"))
    return environment.get_template("page.html").render(css=css, **context(facts))


def context(facts: Facts) -> dict[str, Any]:
    """What the template speaks of."""
    package, settings, evaluation = facts.package, facts.settings, facts.evaluation
    raw, personal = package.raw(), set(facts.personal)
    entries = {name: dict(rules) for name, rules in settings.clean.items()}
    name = model.main_metric(evaluation)
    tables = [
        table_story(
            table,
            facts.ledger[table.name],
            entries.get(table.name, {}),
            facts.rejected[table.name],
            divided(facts, table.name),
        )
        for table in raw.values()
        if table.name in facts.ledger
    ]
    shown = [entry for entry in evaluation.get("drift") or [] if entry["column"] not in personal]
    important = [entry for entry in evaluation.get("importance") or [] if entry["column"] not in personal]
    return {
        "facts": facts,
        "package": package,
        "citation": facts.citation,
        "settings": settings,
        "evaluation": evaluation,
        "train": facts.train,
        "title": facts.citation.get("title") or package.title or package.name,
        "target": target_story(facts),
        "tables": tables,
        "main": next((table for table in tables if table.name == settings.transform.table), None),
        "columns": column_stories(facts),
        "histogram": histogram,
        "metric": words.metric(name) if name else None,
        "metrics": model.metric_stories(evaluation),
        "slices": model.slice_columns(evaluation, name, personal),
        "pictures": model.pictures(evaluation, facts.points),
        "confusion": model.confusion(facts.points.get("confusion")),
        "importance": model.ranked(important, "mean"),
        "drift": model.ranked(shown, "value", full=1.0),
        "positive": summary.positive_class(evaluation),
        "verdict": summary.verdict(facts),
        "gate": summary.gate_in_words(evaluation),
        "split": summary.split_in_words(settings.serve.split),
        "doubts": summary.doubts(facts),
        "experiment": experiment(settings, tables),
        "most": {"slices": model.MOST_SLICES, "columns": model.MOST_COLUMNS},
    }


def target_story(facts: Facts) -> dict[str, Any]:
    """What is predicted: its name, the contract's words for it, and how it is derived."""
    name = facts.settings.serve.target
    field = next((field for field in facts.fields if field["name"] == name), {})
    derived = facts.settings.transform.features.get(name)
    if isinstance(derived, dict):
        derived = ", ".join(f"{key}: {value}" for key, value in derived.items())
    return {"name": name, "derived": derived, **{key: field.get(key, "") for key in ("description", "unit")}}


def divided(facts: Facts, table: str) -> int | None:
    """Rows of the test part, where the rows kept of the main table are divided in two; balancing takes other rows."""
    rows = facts.evaluation.get("rows") or {}
    is_whole = sum(rows.values()) == facts.ledger[table]["rows_kept"]
    return rows.get("test") if table == facts.settings.transform.table and is_whole else None


def column_stories(facts: Facts) -> list[dict[str, Any]]:
    """The published columns: target and inputs first."""
    serve = facts.settings.serve
    roles = {serve.target: "target", **dict.fromkeys(serve.inputs, "input")}
    order = [serve.target, *serve.inputs, *(field["name"] for field in facts.fields)]
    stories = [
        {
            **{"title": "", "description": "", "unit": ""},
            **field,
            "role": roles.get(field["name"], "other"),
            "holds": facts.distributions[field["name"]],
        }
        for field in facts.fields
    ]
    return sorted(stories, key=lambda story: order.index(story["name"]))


def histogram(holds: Distribution) -> dict[str, str]:
    """The paths of a distribution's picture: training part filled, test part as a line."""
    top = max((share for side in holds.bins for share in side), default=0.0)
    train, test = holds.bins
    return {"train": columns.steps(train, top), "test": columns.steps(test, top, closed=False) if any(test) else ""}


def experiment(settings: Params, tables: list[TableStory]) -> str:
    """A `dvc exp run` that changes a threshold of this very project."""
    for table in tables:
        for name, entry in settings.clean.get(table.name, {}).items():
            for option, value in entry.items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    half = value // 2 if isinstance(value, int) else value / 2
                    return f"dvc exp run -S clean.{table.name}.{name}.{option}={half}"
    return "dvc exp run -S seed=1"


def breakable(text: Any) -> Markup:
    """A long name that may be broken at its underscores, dots and slashes."""
    return Markup(re.sub(r"([_./:])", r"\1<wbr>", str(Markup.escape(text))))


def coded(text: Any) -> Markup:
    """A message with its `names` as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(Markup.escape(text))))


def link(title: Any, address: str | None) -> Markup:
    """A link, where the address is one of the web; else the text alone."""
    if address and LINK.fullmatch(address):
        return Markup('<a href="{}" rel="noreferrer">{}</a>').format(address, title)
    return Markup.escape(title)
