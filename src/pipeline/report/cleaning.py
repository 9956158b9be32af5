"""What cleaning did to each table: the rows' way through the phases, the rules, rejected rows to look at."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from markupsafe import Markup

from pipeline.cleaning import ADDED, PHASES
from pipeline.contract import Resource
from pipeline.report import charts
from pipeline.report.words import count, counted, number, percent, shortened, some
from pipeline.tables import part_paths, read_part

EXAMPLES = 3  # rejected rows shown of each reason
MOST_REASONS = 6  # that are shown one by one
MOST_COLUMNS = 8  # of a rejected row
LONGEST = 60  # characters of a cell
MASKED = "•••"


@dataclass(frozen=True)
class Rejected:
    """The rejected rows of a table.

    Attributes:
        reasons: rules broken, as in `broken_rules` -> rows; the most frequent first.
        examples: the first rows of each of the most frequent reasons, without personal columns.
    """

    reasons: dict[str, int]
    examples: pd.DataFrame


def read_rejected(folder: Path, personal: set[str]) -> Rejected:
    """Read from a table of data/rejected what the report shows; no more than a part is in memory."""
    counts: Counter[str] = Counter()
    paths = part_paths(folder)
    for path in paths:
        counts.update(read_part(path, ["broken_rules"])["broken_rules"])
    reasons = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    wanted = dict.fromkeys(list(reasons)[:MOST_REASONS], EXAMPLES)
    found = []
    for path in paths:
        if any(wanted.values()):
            columns = [name for name in pq.read_schema(path).names if name not in personal]
            rows = read_part(path, columns)
            for reason, left in wanted.items():
                mine = rows[rows["broken_rules"] == reason].head(left)
                wanted[reason] -= len(mine)
                found.append(mine)
    examples = pd.concat([rows for rows in found if len(rows)]) if any(map(len, found)) else pd.DataFrame()
    if len(examples):
        examples = examples.sort_values("broken_rules", kind="stable", key=lambda names: names.map(list(reasons).index))
    return Rejected(reasons, examples)


@dataclass(frozen=True)
class RuleStory:
    """One rule of params.yaml and what it did."""

    name: str
    phase: str
    does: str
    options: list[tuple[str, str]]
    effect: str
    statistics: str


@dataclass(frozen=True)
class TableStory:
    """One raw table and what became of its rows."""

    name: str
    resource: Resource
    rows_in: int
    rows_kept: int
    rows_rejected: int
    columns_not_in_contract: list[str]
    rules: list[RuleStory]
    picture: Markup
    example_columns: list[str]
    examples: list[list[tuple[str, bool]]]  # cells, and whether a rule that the row broke looks at them

    @property
    def rejected_share(self) -> str:
        return percent(self.rows_rejected, self.rows_in)


def table_story(
    resource: Resource,
    ledger: Mapping[str, Any],
    entries: Mapping[str, Mapping[str, Any]],
    rejected: Rejected,
    test: int | None = None,
) -> TableStory:
    """Tell the story of one table.

    Args:
        ledger: the table's part of metrics/ledger.json.
        entries: its part of `clean` in params.yaml: rule name -> {rule, option: value, …}.
        test: rows of the test part, where the rows kept are divided in training and test part.
    """
    columns = _example_columns(resource, entries, rejected)
    return TableStory(
        resource.name,
        resource,
        ledger["rows_in"],
        ledger["rows_kept"],
        ledger["rows_rejected"],
        ledger.get("columns_not_in_contract", []),
        _rules(resource, ledger, entries),
        _picture(resource.name, ledger, rejected, test),
        columns,
        _examples(resource, entries, rejected, columns),
    )


def _rules(resource: Resource, ledger: Mapping[str, Any], entries: Mapping[str, Any]) -> list[RuleStory]:
    stories = []
    for name, done in sorted(
        ledger.get("rules", {}).items(), key=lambda item: (PHASES.index(item[1]["phase"]), item[0])
    ):
        entry = entries.get(name, {})
        is_personal = not resource.marked("personal").isdisjoint(_columns_in(entry, resource))
        options = [
            (option, MASKED if is_personal and _is_text(option, value) else _option(value))
            for option, value in entry.items()
            if option != "rule"
        ]
        statistics = "; ".join(
            some([f"{column} {_statistic(value)}" for column, value in done.get("statistics", {}).items()], 12).split(
                "\n"
            )
        )
        does = str(entry.get("rule", "")).replace("_", " ")
        stories.append(RuleStory(name, done["phase"], does, options, _effect(done), statistics))
    return stories


def _is_text(option: str, value: Any) -> bool:
    """Whether an option can hold what stands in a cell: a threshold and the names of columns do not."""
    return "column" not in option and not isinstance(value, int | float)


def _option(value: Any) -> str:
    if isinstance(value, Mapping):
        return shortened("; ".join(f"{key} → {_option(each)}" for key, each in value.items()), 300)
    if isinstance(value, list):
        return shortened(", ".join(map(_option, value)), 300)
    if isinstance(value, bool):
        return str(value).lower()
    return number(value) if isinstance(value, float) else str(value)


def _statistic(value: Any) -> str:
    if isinstance(value, Mapping):
        return some([f"{key}: {_statistic(each)}" for key, each in value.items()], 4)
    return number(value)


def _effect(done: Mapping[str, Any]) -> str:
    if "rows_hit" in done:
        return counted(done["rows_hit"], "row")
    effects = [counted(done["cells_changed"], "cell")] if done.get("cells_changed") else []
    if dropped := done.get("columns_dropped"):
        effects.append(f"{'column' if len(dropped) == 1 else 'columns'} {some(dropped, 4)} dropped")
    return ", ".join(effects) or "nothing"


def _picture(name: str, ledger: Mapping[str, Any], rejected: Rejected, test: int | None) -> Markup:
    rules = ledger.get("rules", {}).values()
    rows, kept = ledger["rows_in"], ledger["rows_kept"]
    stations = [("came in", counted(rows, "row"))]
    for phase in PHASES:
        mine = [rule for rule in rules if rule["phase"] == phase]
        cells = sum(rule.get("cells_changed", 0) for rule in mine)
        dropped = len({column for rule in mine for column in rule.get("columns_dropped", [])})
        if phase == "reject" and mine:
            stations.append((phase, f"{counted(rows - kept, 'row')} leave"))
        elif mine:
            words = f"{counted(dropped, 'column')} dropped" if dropped else f"{counted(cells, 'cell')} changed"
            stations.append((phase, words))
    stations.append(("kept", f"{counted(kept, 'row')}, {percent(kept, rows)}"))
    shown = list(rejected.reasons.items())[:MOST_REASONS]
    if others := sum(list(rejected.reasons.values())[MOST_REASONS:]):
        shown.append(("other reasons", others))
    return charts.stream(stations, shown, rows, f"The rows of {name} on their way through cleaning", test)


def _columns_in(entry: Any, resource: Resource) -> set[str]:
    """The columns that an entry of params.yaml speaks of, as an option or in an expression."""
    if isinstance(entry, Mapping):
        return set().union(*(_columns_in(value, resource) for value in entry.values()))
    if isinstance(entry, list):
        return set().union(*(_columns_in(value, resource) for value in entry))
    names = set(resource.columns())
    return {entry} & names or set(re.findall(r"\w+", entry)) & names if isinstance(entry, str) else set()


def _example_columns(resource: Resource, entries: Mapping[str, Any], rejected: Rejected) -> list[str]:
    """Of a rejected row what tells which it is and why it went, then what else there is room for."""
    available = [name for name in rejected.examples.columns if name not in ADDED]
    broken = {rule for reasons in rejected.examples.get("broken_rules", []) for rule in reasons.split(", ")}
    why = [column for rule in sorted(broken) for column in sorted(_columns_in(entries.get(rule, {}), resource))]
    ranked = dict.fromkeys([*resource.table_schema.primaryKey, *why, *available])
    return [name for name in ranked if name in available][:MOST_COLUMNS]


def _examples(
    resource: Resource, entries: Mapping[str, Any], rejected: Rejected, columns: list[str]
) -> list[list[tuple[str, bool]]]:
    rows = []
    for row in rejected.examples.to_dict("records"):
        reasons = row["broken_rules"].split(", ")
        looked_at = set().union(*(_columns_in(entries.get(rule, {}), resource) for rule in reasons))
        rows.append([
            (row["broken_rules"], False),
            (count(row["source_row"]), False),
            *((_cell(row[name]), name in looked_at) for name in columns),
        ])  # fmt: skip
    return rows


def _cell(value: Any) -> str:
    if pd.isna(value):
        return "missing"
    return shortened(
        value if isinstance(value, str) else number(value) if isinstance(value, float) else str(value), LONGEST
    )
