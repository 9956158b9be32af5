"""Cleaning in four phases; rules are named, and their order in the file does not matter.

*repair* changes cells, *reject* takes rows out, *blank* empties or clips cells, *fill* fills cells and drops columns.
Within a phase all rules look at the same values. What a rule measures over a whole column (a quantile, a median) it
measures before its phase: over the repaired rows for reject, over the rows kept for the rest.
"""

import functools
import itertools
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import pandas as pd

from pipeline.contract import Resource
from pipeline.errors import ProjectError, ProjectErrors, nearest
from pipeline.expressions import columns_of
from pipeline.params import Column, Columns, Expression, check_options
from pipeline.tables import DTYPES

WHERE = "params.yaml: clean"
PHASES = ("repair", "reject", "blank", "fill")
GIVEN = ("table", "measured")  # arguments of a rule function that are no options
ADDED = ("broken_rules", "source_file", "source_row")  # columns of data/rejected that the contract does not have


def repair(function: Callable) -> Callable:
    """Mark a rule that gives a column new values: `(table, *, column, …) -> values`."""
    return _mark(function, "repair")


def reject(function: Callable | None = None, *, measure: Callable | None = None) -> Callable:
    """Mark a rule that takes rows out: `(table, *, column, …) -> mask`, true where a row goes."""
    return _mark(function, "reject", measure)


def blank(function: Callable | None = None, *, measure: Callable | None = None) -> Callable:
    """Mark a rule that empties or clips cells: `(table, *, column, …) -> values`."""
    return _mark(function, "blank", measure)


def fill(function: Callable | None = None, *, measure: Callable | None = None) -> Callable:
    """Mark a rule that fills missing cells: `(table, *, column, …) -> values`, or None to drop the column."""
    return _mark(function, "fill", measure)


def _mark(function: Callable | None, phase: str, measure: Callable | None = None) -> Callable:
    """Note a rule's phase, and the function that measures whole columns for it (as the argument `measured`)."""
    if function is None:
        return lambda marked: _mark(marked, phase, measure)
    function.phase, function.measure = phase, measure
    return function


@dataclass(frozen=True)
class Rule:
    """One rule on one column: an entry of params.yaml that lists several columns makes several of them.

    Attributes:
        where: its place in params.yaml.
        personal: whether it reads a personal column, so that nothing it measures or stumbles over may be shown.
    """

    name: str
    function: Callable
    options: Mapping[str, Any]
    where: str
    personal: bool = False

    @property
    def phase(self) -> str:
        return self.function.phase

    @property
    def column(self) -> str | None:
        return self.options["column"] if "column" in _options_of(self.function, Column) else None

    def columns(self) -> list[str]:
        """The columns that the rule reads."""
        names: list[str] = []
        for option in (*_options_of(self.function, Column), *_options_of(self.function, Columns)):
            value = self.options[option]
            names += [value] if isinstance(value, str) else value or []
        for option in _options_of(self.function, Expression):
            if self.options[option] is not None:
                names += columns_of(self.options[option], f"{self.where}.{option}")
        return list(dict.fromkeys(names))


@functools.cache
def _options_of(function: Callable, kind: Any) -> tuple[str, ...]:
    """The options whose type hint is of a kind, or a union or list with it, as in `Columns | None`."""

    def has_kind(hint: Any) -> bool:
        inner = () if typing.get_origin(hint) in (Annotated, dict) else typing.get_args(hint)
        return hint == kind or any(map(has_kind, inner))

    hints = typing.get_type_hints(function, include_extras=True)
    return tuple(name for name, hint in hints.items() if has_kind(hint))


def parse_rules(entries: Mapping[str, Mapping[str, Any]], functions: Mapping[str, Any], where: str) -> list[Rule]:
    """Make rules of a table's entries in params.yaml.

    Args:
        entries: rule name -> {rule: function name, option: value, …}.
        functions: function name -> function; those without a phase are no rules.

    Raises:
        ProjectErrors: unknown functions or options, values of a wrong type, two rules that change one column in the
            same phase (which of them would win?).
    """
    known = {name: function for name, function in functions.items() if hasattr(function, "phase")}
    rules: list[Rule] = []
    errors: list[ProjectError] = []
    for name, entry in sorted(entries.items()):
        try:
            rules += _parse_rule(name, entry, known, f"{where}.{name}")
        except ProjectErrors as mistakes:
            errors += mistakes.errors
        except ProjectError as mistake:
            errors.append(mistake)
    changed: dict[tuple[str, str | None], Rule] = {}
    for rule in rules:
        if rule.phase != "reject":
            other = changed.setdefault((rule.phase, rule.column), rule)
            if other is not rule:
                problem = f"`{other.name}` changes the column `{rule.column}` in the same phase ({rule.phase})"
                errors.append(ProjectError(rule.where, problem, "Say it in one rule, or write one in src/rules.py."))
    if errors:
        raise ProjectErrors(errors)
    return rules


def _parse_rule(name: str, entry: Mapping[str, Any], known: Mapping[str, Callable], where: str) -> list[Rule]:
    """Make a rule of an entry, or one for each column that it lists."""
    if "rule" not in entry:
        raise ProjectError(where, "no rule is named", f"Write `rule:` and one of: {', '.join(sorted(known))}")
    if not isinstance(entry["rule"], str) or entry["rule"] not in known:
        raise ProjectError(
            f"{where}.rule", f"no rule `{entry['rule']}`", nearest(entry["rule"], sorted(known), "rules")
        )
    function = known[entry["rule"]]
    options = {option: value for option, value in entry.items() if option != "rule"}
    columns = options.get("column")
    if "column" not in _options_of(function, Column):
        if function.phase != "reject":
            problem = f"{function.__name__} changes a column, but has no option `column: Column`"
            raise ProjectError(f"{where}.rule", problem, "Add it in src/rules.py.")
    elif isinstance(columns, list):
        if not columns or any(column in columns[:number] for number, column in enumerate(columns)):
            raise ProjectError(f"{where}.column", "no column is listed" if not columns else "a column is listed twice")
        return _each_column(name, function, options, where)
    return [_checked(name, function, options, where)]


def _each_column(name: str, function: Callable, options: Mapping[str, Any], where: str) -> list[Rule]:
    rules: list[Rule] = []
    errors: dict[str, ProjectError] = {}  # a mistake in another option is found for each column, and told once
    for column in options["column"]:
        try:
            rules.append(_checked(name, function, {**options, "column": column}, where))
        except ProjectErrors as mistakes:
            errors |= {str(error): error for error in mistakes.errors}
    if errors:
        raise ProjectErrors(errors.values())
    return rules


def _checked(name: str, function: Callable, options: Mapping[str, Any], where: str) -> Rule:
    rule = Rule(name, function, check_options(function, options, where, GIVEN), where)
    rule.columns()  # reads the expressions
    return rule


def parse_tables(
    entries: Mapping[str, Mapping[str, Any]], schema: Mapping[str, Resource], functions: Mapping[str, Any]
) -> dict[str, list[Rule]]:
    """Make the rules of each table in the contract.

    Raises:
        ProjectErrors: all mistakes of all tables: see parse_rules, and tables and columns that the contract lacks.
    """
    errors = [
        ProjectError(f"{WHERE}.{name}", "no such table in contract.yaml", nearest(name, schema, "tables"))
        for name in entries
        if name not in schema
    ]
    tables: dict[str, list[Rule]] = {}
    for name, table in schema.items():
        columns, personal = table.columns(), table.marked("personal")
        for column in set(columns) & set(ADDED):
            problem = f"the name `{column}` is taken by a column of data/rejected"
            errors.append(ProjectError(f"contract.yaml: {name}.{column}", problem, "Rename it."))
        try:
            rules = parse_rules(entries.get(name, {}), functions, f"{WHERE}.{name}")
        except ProjectErrors as mistakes:
            errors += mistakes.errors
            continue
        errors += [
            ProjectError(rule.where, f"no column `{column}` in the table `{name}`", nearest(column, columns, "columns"))
            for rule in rules
            for column in rule.columns()
            if column not in columns
        ]
        tables[name] = [replace(rule, personal=not personal.isdisjoint(rule.columns())) for rule in rules]
    if errors:
        raise ProjectErrors(errors)
    return tables


@dataclass(frozen=True)
class Cleaned:
    """What became of some rows.

    Attributes:
        kept: the rows kept, with the columns kept.
        rejected: the rows taken out, as they came, with `broken_rules`.
        hits: rule name -> rows that a reject rule hit, or cells that another changed.
        dropped: rule name -> columns that it dropped.
    """

    kept: pd.DataFrame
    rejected: pd.DataFrame
    hits: dict[str, int]
    dropped: dict[str, list[str]]


Measured = Mapping[tuple[str, str | None], Any]  # (rule name, column) -> what the rule measured


def clean_part(table: pd.DataFrame, rules: list[Rule], measured: Measured) -> Cleaned:
    """Apply rules to some rows of a table.

    Args:
        table: rows, shape (n, columns of the contract); the index is the row's number in the whole table.
        rules: each acts in its phase, so their order does not matter.
        measured: what the rules' measures gave for the whole table.

    Returns:
        The rows kept and rejected: len(kept) + len(rejected) == n.
    """
    hits = {rule.name: 0 for rule in rules}
    dropped: dict[str, list[str]] = {}
    repaired, changed = _change(table, rules, "repair", measured)
    _add(hits, changed)
    broken = broken_rules(repaired, rules, measured)
    _add(hits, {name: int(mask.sum()) for name, mask in broken.items()})
    gone = _any(broken, table)
    rejected = table[gone].copy()
    rejected["broken_rules"] = _names(broken, gone)
    kept = repaired[~gone]
    for phase in ("blank", "fill"):
        before = kept.columns
        kept, changed = _change(kept, rules, phase, measured)
        _add(hits, changed)
        for rule in rules:
            if rule.phase == phase and rule.column in before and rule.column not in kept.columns:
                dropped.setdefault(rule.name, []).append(rule.column)
    return Cleaned(kept, rejected, hits, dropped)


def measure_phases(
    rules: list[Rule], columns_before: Callable[[str, list[str], Measured], pd.DataFrame]
) -> dict[tuple[str, str | None], Any]:
    """Measure what the rules need to know of whole columns, phase by phase.

    Args:
        columns_before: gives columns as they stand before a phase: (phase, columns, what was measured so far) -> rows.
    """
    measured: dict[tuple[str, str | None], Any] = {}
    for phase in PHASES:
        measured |= {
            (rule.name, rule.column): measure(rule, columns_before(phase, rule.columns(), measured))
            for rule in rules
            if rule.phase == phase and rule.function.measure
        }
    return measured


def measure(rule: Rule, table: pd.DataFrame) -> Any:
    """Measure what a rule needs to know of whole columns; `table` has at least the columns that the rule reads."""
    return _guard(rule, rule.function.measure, table, **rule.options)


def rules_before(phase: str, columns: list[str], rules: list[Rule]) -> list[Rule]:
    """The rules that decide what some columns hold before a phase, and which rows there are."""
    needed = set(columns)
    acting: list[Rule] = []
    for earlier in reversed(PHASES[: PHASES.index(phase)]):  # what a rule reads, the rules before it may have changed
        now = [rule for rule in rules if rule.phase == earlier and (earlier == "reject" or rule.column in needed)]
        needed |= {column for rule in now for column in rule.columns()}
        acting += now
    return acting


def before_phase(table: pd.DataFrame, phase: str, rules: list[Rule], measured: Measured) -> pd.DataFrame:
    """Rows as they stand before a phase, for what is measured then."""
    table, _ = _change(table, rules, "repair", measured)
    if phase in ("blank", "fill"):
        table = table[~_any(broken_rules(table, rules, measured), table)]
    if phase == "fill":
        table, _ = _change(table, rules, "blank", measured)
    return table


def broken_rules(table: pd.DataFrame, rules: list[Rule], measured: Measured) -> dict[str, pd.Series]:
    """Which rows each reject rule takes out: rule name -> mask of shape (n,), by the name's order."""
    masks: dict[str, pd.Series] = {}
    for rule in rules:
        if rule.phase == "reject":
            mask = call(rule, table, measured)
            masks[rule.name] = masks[rule.name] | mask if rule.name in masks else mask
    return masks


def _any(broken: Mapping[str, pd.Series], table: pd.DataFrame) -> pd.Series:
    return functools.reduce(lambda a, b: a | b, broken.values(), pd.Series(False, index=table.index))


def _change(
    table: pd.DataFrame, rules: list[Rule], phase: str, measured: Measured
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Apply a phase's rules, each to the values from before the phase; count the cells that changed."""
    after = table.copy(deep=False)
    changed: dict[str, int] = {}
    for rule in rules:
        if rule.phase == phase and rule.column in table.columns:
            new = call(rule, table, measured)
            if new is None:
                after = after.drop(columns=rule.column)
            else:
                after[rule.column] = new
                changed[rule.name] = changed.get(rule.name, 0) + _count_changes(table[rule.column], new)
    return after, changed


def _count_changes(old: pd.Series, new: pd.Series) -> int:
    """Cells with another value; in a new type every cell is the same value as before, but for those that were lost."""
    if old.dtype != new.dtype:
        return int((old.notna() & new.isna()).sum())
    same = (old == new).fillna(False).astype(bool) | (old.isna() & new.isna())
    return int((~same).sum())


def call(rule: Rule, table: pd.DataFrame, measured: Measured) -> Any:
    """Call a rule's function.

    Returns:
        A mask for a reject rule, else values of one of the dtypes that tables have, or None for a column to drop.

    Raises:
        ProjectError: it failed, or returned something else.
    """
    extra = {"measured": measured[rule.name, rule.column]} if rule.function.measure else {}
    result = _guard(rule, rule.function, table, **rule.options, **extra)
    name = rule.function.__name__
    if result is None and rule.phase == "fill":
        return None
    if not isinstance(result, pd.Series) or not result.index.equals(table.index):
        raise ProjectError(rule.where, f"{name} must return a column with a value for each row of the table")
    if rule.phase == "reject":
        if result.dtype.kind != "b":
            raise ProjectError(rule.where, f"{name} must return true or false for each row, found {result.dtype}")
        return result.fillna(False).astype(bool)
    try:
        return _as_known_dtype(result, table[rule.column].dtype)
    except (KeyError, TypeError, ValueError, OverflowError):
        problem = f"{name} must return numbers, text, booleans or times, found {result.dtype}"
        raise ProjectError(rule.where, problem) from None


def _as_known_dtype(values: pd.Series, old: Any) -> pd.Series:
    """Bring what NumPy and pandas make of a column to the dtypes that tables have."""
    if values.dtype == object:
        kind = pd.api.types.infer_dtype(values, skipna=True)
        dtype = {"string": "str", "boolean": "boolean", "integer": "Int64", "floating": "float64", "empty": old}[kind]
    elif isinstance(values.dtype, pd.StringDtype):
        dtype = "str"
    else:
        kinds = {"i": "Int64", "u": "Int64", "f": "float64", "b": "boolean", "M": DTYPES["datetime"]}
        dtype = kinds[values.dtype.kind]
        if getattr(values.dtype, "tz", None):
            values = values.dt.tz_convert(None)
    return values if values.dtype == dtype else values.astype(dtype)


def _guard(rule: Rule, function: Callable, table: pd.DataFrame, **arguments: Any) -> Any:
    """Call a function of src/rules.py, which anybody may have written, and say plainly what went wrong in it."""
    try:
        return function(table.copy(deep=False), **arguments)  # a function may change the table it is given
    except ProjectError as mistake:  # its place is an option's name, or nothing
        place = f"{rule.where}.{mistake.where}" if mistake.where else rule.where
        raise ProjectError(place, mistake.problem, mistake.remedy) from None
    except Exception as exc:
        name, known = rule.function.__name__, table.columns
        key = exc.args[0] if isinstance(exc, KeyError) and exc.args else None
        if isinstance(key, str) and key not in known and not rule.personal:
            problem = f"{name} looks for a column `{key}`, which it is not given"
            raise ProjectError(rule.where, problem, nearest(key, known, "columns")) from None
        of = f" on the column `{rule.column}` ({table[rule.column].dtype})" if rule.column in known else ""
        said = "" if rule.personal else (str(exc).splitlines() or [""])[0]
        raise ProjectError(rule.where, f"{name} failed{of}: {type(exc).__name__}{said and ': '}{said}") from exc


def _names(broken: Mapping[str, pd.Series], gone: pd.Series) -> pd.Series:
    """For each row that goes, the names of the rules that it broke, such as `no_delay, plausible_delay`."""
    rows = gone.index[gone]
    if not len(rows):
        return pd.Series(index=rows, dtype="str")
    patterns, pattern = np.unique(pd.DataFrame(broken)[gone].to_numpy(), axis=0, return_inverse=True)
    names = [", ".join(itertools.compress(broken, breaks)) for breaks in patterns]
    return pd.Series(names, dtype="str").take(pattern).set_axis(rows)


def _add(totals: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        totals[name] += count
