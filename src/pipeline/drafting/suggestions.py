"""Rules that may be worth having: written as comments, with what they would hit, for a person to decide."""

import numpy as np
import pandas as pd

from pipeline.drafting.naming import free, slug
from pipeline.drafting.tables import Column, Rule, Table

FAR = 3.0  # interquartile ranges beyond the quartiles: "far out" (Tukey, Exploratory Data Analysis, 1977)
RARE = 0.05  # the share of rows, at most, for outliers to be outliers
ENOUGH = 10  # different numbers, at least, to speak of outliers
CODES = {"-1", "-9", "-88", "-99", "-888", "-999", "-9999", "88", "99", "888", "999", "9999", "99999"}  # for "no value"


def suggest(table: Table, kept: pd.DataFrame, target: str | None = None) -> list[Rule]:
    """Rules that are worth a thought, with the numbers that the ledger would tell of them.

    Args:
        kept: the rows that cleaning keeps without them, shape (rows, columns).
        target: a column that must not be missing: its outliers go with their rows.
    """
    taken = {rule.name for rule in table.rules}
    rules = []
    for column in table.columns:
        if column.kind == "number" and not column.identifies and column.different >= ENOUGH:
            kind = "drop_outside" if column.name == target else "blank_outside"
            rules += [_named(rule, column, taken) for rule in _outliers(column, kept[column.name].dropna(), kind)]
        if column.kind == "category" and column.name not in _trimmed(table):
            rules += [_named(rule, column, taken) for rule in _spellings(column, table.frame[column.name].dropna())]
    return [*rules, *_duplicates(table.frame)]


def _named(rule: Rule, column: Column, taken: set[str]) -> Rule:
    return Rule(free(f"{rule.name}_{slug(column.name)}", taken), rule.options, rule.comment)


def _trimmed(table: Table) -> list[str]:
    """Columns that a rule trims already; a second rule cannot change them in the same phase."""
    return [name for rule in table.rules if rule.name == "trimmed" for name in np.atleast_1d(rule.options["column"])]


def _outliers(column: Column, values: pd.Series, kind: str) -> list[Rule]:
    """A rule for numbers far out, or for a code such as -999 that may stand for "no value"."""
    values = values.astype("float64")
    for code in sorted({values.min(), values.max()} if len(values) else set()):
        others, count = values[values != code], int((values == code).sum())
        low, high = _fences(others)
        if f"{code:g}" in CODES and count > 1 and not low <= code <= high:
            options = {"min": _whole(others.min())} if code < low else {"max": _whole(others.max())}
            comment = (
                f'{count} cells: {code:g}; if it means "no value", better add it to missingValues in contract.yaml'
            )
            return [Rule("no_value", {"rule": kind, "column": column.name, **options}, comment)]
    low, high = _fences(values)
    under, over = int((values < low).sum()), int((values > high).sum())
    if not 0 < under + over <= max(1, RARE * len(values)):
        return []
    bounds = ({"min": low} if under else {}) | ({"max": high} if over else {})
    said = " and ".join(f"{'under' if side == 'min' else 'over'} {bound:g}" for side, bound in bounds.items())
    comment = f"{under + over} cell{'s' if under + over > 1 else ''}: {said}, {FAR:g} interquartile ranges out"
    return [Rule("outlying", {"rule": kind, "column": column.name, **bounds}, comment)]


def _fences(values: pd.Series) -> tuple[float, float]:
    """Bounds beyond which numbers are far out, with three digits; none where half of them are the same."""
    first, third = values.quantile([0.25, 0.75])
    if not third > first:
        return -np.inf, np.inf
    return _rounded(first - FAR * (third - first), np.floor), _rounded(third + FAR * (third - first), np.ceil)


def _rounded(value: float, side: np.ufunc) -> float | int:
    if value == 0:
        return 0
    step = 10.0 ** (np.floor(np.log10(abs(value))) - 2)
    return _whole(float(f"{side(value / step) * step:.6g}"))


def _whole(value: float) -> float | int:
    return int(value) if float(value).is_integer() and abs(value) < 1e15 else float(value)


def _spellings(column: Column, values: pd.Series) -> list[Rule]:
    """A rule for categories that differ only by case: the most frequent spelling stands for the others."""
    counts = values.value_counts()
    usual: dict[str, str] = {}
    for spelling in counts.index:  # the most frequent first
        usual.setdefault(spelling.casefold(), spelling)
    others = {
        spelling: usual[spelling.casefold()] for spelling in counts.index if usual[spelling.casefold()] != spelling
    }
    if not others:
        return []
    cells = int(counts[list(others)].sum())
    options = {"rule": "replace", "column": column.name, "values": others}
    return [Rule("one_spelling", options, f"{cells} cell{'s' if cells > 1 else ''}: upper and lower case")]


def _duplicates(frame: pd.DataFrame) -> list[Rule]:
    repeats = int(frame.duplicated().sum())
    if not repeats:
        return []
    comment = f"{repeats} row{'s' if repeats > 1 else ''}: the same as another in every column"
    return [Rule("no_repeats", {"rule": "drop_duplicates", "columns": list(frame.columns), "keep": "first"}, comment)]
