"""Features: columns derived from others, each by an expression or by a function with options; their order is found."""

import functools
import graphlib
import inspect
import typing
from collections.abc import Callable, Collection, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import pandas as pd

from pipeline import params
from pipeline.errors import ProjectError, ProjectErrors, nearest
from pipeline.expressions import columns_of, evaluate

WHERE = "params.yaml: transform.features"
DTYPES = {"b": "boolean", "i": "Int64", "u": "Int64", "f": "float64", "M": "datetime64[us]"}

Entry = str | Mapping[str, Any]  # arr_delay >= 15, or {function: hour_of, column: sched_dep_time}
Functions = Mapping[str, Callable[..., pd.Series]]


class Feature(NamedTuple):
    """An entry understood: the columns that it reads, each with the place that names it, and what computes it."""

    columns: dict[str, str]
    compute: Callable[[pd.DataFrame], pd.Series]


def functions_of(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """The public functions that a module itself defines, by name: those that params.yaml may name."""
    members = inspect.getmembers(module, inspect.isfunction)
    return {name: f for name, f in members if f.__module__ == module.__name__ and not name.startswith("_")}


def derive(table: pd.DataFrame, entries: Mapping[str, Entry], functions: Functions, where: str = WHERE) -> pd.DataFrame:
    """Add the features to a table of any number of rows, sorted by their names.

    A function is given only the columns that its options name, so it can't depend on others in secret. A table without
    rows, but with the right dtypes, shows mistakes of kind (text + number) before any work is done.

    Raises:
        ProjectErrors: mistakes in the entries, or each feature that failed (without those that need a failed one).
    """
    return compute(table, check_features(entries, functions, table.columns, where))


def compute(table: pd.DataFrame, checked: Mapping[str, Feature]) -> pd.DataFrame:
    """Add features that check_features has understood; see derive."""
    columns, errors = dict(table.items()), []
    for name, feature in checked.items():
        if all(column in columns for column in feature.columns):
            given = {column: columns[column] for column in feature.columns}
            try:
                columns[name] = feature.compute(pd.DataFrame(given, index=table.index, copy=False))
            except ProjectError as mistake:
                errors.append(mistake)
    if errors:
        raise ProjectErrors(errors)
    features = {name: columns[name] for name in sorted(checked)}
    return pd.DataFrame({**dict(table.items()), **features}, index=table.index, copy=False)


def check_features(
    entries: Mapping[str, Entry], functions: Functions, columns: Collection[str], where: str = WHERE
) -> dict[str, Feature]:
    """Check entries as far as names tell.

    Args:
        columns: those of the table that the features are added to.

    Returns:
        The features, each after those that it needs, and else by name.

    Raises:
        ProjectErrors: every unusable name, unknown function, wrong option or expression, unknown column, and a circle.
    """
    features, errors = {}, []
    known = sorted({*columns, *entries})
    for name in sorted(entries):
        place = f"{where}.{name}"
        if not name or name != name.strip() or "`" in name or not name.isprintable():
            errors.append(ProjectError(where, f"{name!r} can't be the name of a column", "Use letters, digits and _."))
        if name in columns:
            errors.append(ProjectError(place, f"`{name}` is a column already", "Choose another name for the feature."))
        try:
            features[name] = _read(entries[name], functions, place)
        except (ProjectError, ProjectErrors) as mistake:
            errors += getattr(mistake, "errors", [mistake])
            continue
        for column, named in features[name].columns.items():
            if column not in known:
                errors.append(ProjectError(named, f"no such column `{column}`", nearest(column, known, "columns")))
    try:
        features = {name: features[name] for name in _sorted(features, where)}
    except ProjectError as mistake:
        errors.append(mistake)
    if errors:
        raise ProjectErrors(errors)
    return features


def order(entries: Mapping[str, Entry], functions: Functions, where: str = WHERE) -> list[str]:
    """Sort features so that each comes after those that it needs, and else by name.

    Raises:
        ProjectError: features need one another in a circle.
    """
    return _sorted({name: _read(entries[name], functions, f"{where}.{name}") for name in entries}, where)


def columns_read(entry: Entry, functions: Functions, where: str = WHERE) -> list[str]:
    """Name the columns, other features among them, that a feature is derived from."""
    return list(_read(entry, functions, where).columns)


def inherited(marked: Collection[str], entries: Mapping[str, Entry], functions: Functions) -> dict[str, list[str]]:
    """Find the features that derive from marked columns, directly or through other features.

    Returns:
        feature -> the shortest way from it to a marked column, such as `{"late": ["late", "arr_delay"]}`.
    """
    paths: dict[str, list[str]] = {}
    for name in order(entries, functions):
        columns = columns_read(entries[name], functions, f"{WHERE}.{name}")
        ways = [[name, column] for column in columns if column in marked]
        ways += [[name, *paths[column]] for column in columns if column in paths]
        if ways:
            paths[name] = min(ways, key=lambda way: (len(way), way))
    return paths


def _sorted(features: Mapping[str, Feature], where: str) -> list[str]:
    needs = {name: sorted(set(features[name].columns) & set(features)) for name in sorted(features)}
    sorter, found = graphlib.TopologicalSorter(needs), []
    try:
        sorter.prepare()
    except graphlib.CycleError as exc:
        circle = exc.args[1][::-1]
        remedy = "Derive one of them from columns of the table only."
        raise ProjectError(f"{where}.{circle[0]}", f"{' needs '.join(circle)}, a circle", remedy) from None
    while sorter.is_active():
        free = sorted(sorter.get_ready())
        found += free
        sorter.done(*free)
    return found


def _read(entry: Entry, functions: Functions, where: str) -> Feature:
    """Understand an entry; its function and the options of it are checked here."""
    if isinstance(entry, str):
        columns = dict.fromkeys(columns_of(entry, where), where)
        return Feature(columns, functools.partial(evaluate, entry, where=where))
    options = dict(entry)
    name = options.pop("function", None)
    if name is None:
        raise ProjectError(
            where, "this feature names no function", "Write an expression, or `function:` and its options."
        )
    if name not in functions:
        raise ProjectError(f"{where}.function", f"no such function `{name}`", nearest(name, functions, "functions"))
    function = functions[name]
    options = params.check_options(function, options, where, given=[next(iter(inspect.signature(function).parameters))])
    columns = {}
    hints = typing.get_type_hints(function, include_extras=True)
    for option, value in options.items():
        role, place = _role(hints.get(option)), f"{where}.{option}"
        for text in value if isinstance(value, list | tuple) else [value]:
            if role and isinstance(text, str):
                named = columns_of(text, place) if role == "expression" else [text]
                columns = {**dict.fromkeys(named, place), **columns}
    return Feature(columns, functools.partial(_call, name, function, options, where))


def _role(hint: Any) -> str | None:
    """What an option is by its type hint: a column, columns, an expression, or none of these."""
    marks = [*getattr(hint, "__metadata__", ()), *map(_role, typing.get_args(hint))]
    return next((mark for mark in marks if mark in ("column", "columns", "expression")), None)


def _call(name: str, function: Callable, options: Mapping[str, Any], where: str, table: pd.DataFrame) -> pd.Series:
    remedy = f"It is given the columns that its options name ({', '.join(table.columns)}) and returns one value a row."
    try:
        result = function(table, **options)
    except ProjectError:
        raise
    except Exception as exc:
        # With rows, what the exception says could quote a personal value.
        told = f": {' '.join(str(exc).split())[:200]}" if table.empty or isinstance(exc, KeyError) else ""
        raise ProjectError(where, f"`{name}` failed: {type(exc).__name__}{told}", remedy) from exc
    try:
        return _settled(result, table.index)
    except (TypeError, ValueError) as exc:
        raise ProjectError(where, f"`{name}` failed: {type(exc).__name__}: {exc}", remedy) from exc


def _settled(result: Any, index: pd.Index) -> pd.Series:
    """What a function returned, in a dtype of the project."""
    if not isinstance(result, pd.Series):
        raise TypeError(f"returned {type(result).__name__}, expected a Series")
    if not result.index.equals(index):
        raise ValueError(f"returned {len(result)} rows with other labels than the {len(index)} rows of the table")
    dtype = "str" if isinstance(result.dtype, pd.StringDtype) else DTYPES.get(result.dtype.kind)
    if dtype is None or isinstance(result.dtype, pd.DatetimeTZDtype):
        raise TypeError(
            f"returned values of type {result.dtype}, expected Int64, float64, str, boolean or datetime64[us]"
        )
    return result.astype(dtype).rename(None)
