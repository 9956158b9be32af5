"""Versions as a Markdown table: in what they differ, and what came of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.comparison.versions import BESIDE, Version, judged_by, main_metric
from pipeline.scoring import LOWER_IS_BETTER

NOTHING = "-"


def to_markdown(versions: Sequence[Version]) -> str:
    """The versions as a table: the parameters and metrics in which they differ, and whether the gate is passed."""
    first, metric, judge = versions[0], main_metric(versions), judged_by(versions)
    params = _differing([version.params for version in versions])
    numbers = [
        name for name in _differing([version.metrics for version in versions]) if not name.endswith((*BESIDE, "_rows"))
    ]
    rest = [name for name in numbers if name not in (judge, metric) and all(_is_number(v, name) for v in versions)]
    columns: dict[str, Callable[[Version], str]] = {"": lambda version: f"`{version.name}`"}
    columns |= {f"`{name}`": lambda version, name=name: _cell(version.params.get(name)) for name in params}
    columns[judge] = lambda version: _score(version, judge)
    columns["change"] = lambda version: _change(version, first, judge)
    columns |= {name: lambda version, name=name: _score(version, name) for name in (metric, *rest) if name != judge}
    columns["gate"] = lambda version: {True: "passed", False: "failed"}.get(version.metrics.get("passed"), NOTHING)
    lines = [list(columns), ["---", *["---:"] * (len(columns) - 1)]]
    lines += [[cell(version).replace("|", "\\|") for cell in columns.values()] for version in versions]
    better = "less" if metric in LOWER_IS_BETTER else "more"
    chosen = f"Choose by `{judge}` ({better} is better): the other metrics are of the test part, for the last word."
    note = f"Held against `{first.name}`. ±: standard deviation of the folds; in brackets: 95 % interval."
    text = note + f" {chosen}" * (judge != metric)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{text}\n"


def _differing(tables: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names whose values are not the same in all tables, where there are any."""
    filled = [table for table in tables if table]
    names = dict.fromkeys(name for table in filled for name in table)
    return [name for name in names if any(table.get(name) != filled[0].get(name) for table in filled)]


def _is_number(version: Version, name: str) -> bool:
    value = version.metrics.get(name)
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return NOTHING if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _score(version: Version, name: str) -> str:
    """A metric with its spread or its interval, `0.6387 (0.6277-0.6495)`."""
    value, low, high, std = (version.metrics.get(f"{name}{end}") for end in ("", *BESIDE))
    if not isinstance(value, float):
        return _cell(value)
    interval = f" ({_digits(low)}-{_digits(high)})" if low is not None and high is not None else ""
    return _digits(value) + interval + (f" ± {std:.2g}" if std is not None else "")


def _digits(value: float) -> str:
    return f"{value:#.4g}".rstrip(".")


def _change(version: Version, first: Version, name: str) -> str:
    value, before = version.metrics.get(name), first.metrics.get(name)
    return NOTHING if version is first or value is None or before is None else f"{value - before:+.2g}"
