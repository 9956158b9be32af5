"""What to predict, from what, and how to test it: target, inputs, features, split and model of a draft."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipeline import contract
from pipeline.contract import Field
from pipeline.derive import Functions, derive
from pipeline.drafting.keys import ForeignKey, foreign_keys, group_column, is_row_number, primary_keys
from pipeline.drafting.naming import free, in_expression, slug
from pipeline.drafting.suggestions import suggest
from pipeline.drafting.tables import Column, Rule, Table
from pipeline.drafting.trial import Trial, try_splits
from pipeline.errors import ProjectError, nearest
from pipeline.joins import join_part, make_lookup

MOST_CLASSES = 10  # different whole numbers, at most, are taken for classes
NEARLY_EMPTY = 0.95  # the share of missing values from which on a column tells nothing
SMALL = 1000  # rows, under which a forest learns more than boosted trees


@dataclass(frozen=True)
class Target:
    """What is predicted.

    Attributes:
        column: of the main table; name: of the ready table, where it may be a feature made of the column.
        classes: class -> rows; empty for a number.
        why: how the kind was told, in words.
    """

    column: str
    name: str
    classes: dict[Any, int]
    why: str
    expression: str | None = None


@dataclass(frozen=True)
class Plan:
    """A draft of the whole project, before it is written.

    Attributes:
        tables: the main one first.
        rules, suggestions: table -> its rules, and those that are only written as comments.
        keys: table -> primary key, and other columns that could be it.
        references: of the main table; the first to each other table is used.
        features: name -> function with options, or expression.
        inputs: column -> comment; left_out: column -> reason.
    """

    tables: list[Table]
    rules: dict[str, list[Rule]]
    suggestions: dict[str, list[Rule]]
    keys: dict[str, list[list[str]]]
    references: list[ForeignKey]
    target: Target
    features: dict[str, str | dict[str, Any]]
    feature_fields: list[Field]
    inputs: list[str]
    left_out: dict[str, str]
    trial: Trial
    look: list[str] = field(default_factory=list)

    @property
    def main(self) -> Table:
        return self.tables[0]

    @property
    def joins(self) -> list[str]:
        return list(dict.fromkeys(key.table for key in self.references))

    def model(self) -> tuple[str, dict[str, Any]]:
        """The import path of a model that takes text and missing values as they are, and its options."""
        kind = "Classifier" if self.target.classes else "Regressor"
        if self.trial.train_rows < SMALL:
            return f"sklearn.ensemble.RandomForest{kind}", {"n_estimators": 200, "min_samples_leaf": 2}
        options = {"max_iter": 150, "learning_rate": 0.06}
        if min(self.target.classes.values(), default=2) < 5:  # to stop early it would set rows of each class aside
            options["early_stopping"] = False
        return f"sklearn.ensemble.HistGradientBoosting{kind}", options


def make_plan(tables: list[Table], target: str, functions: Functions) -> Plan:
    """Plan a project, and try it on the rows.

    Args:
        tables: the first has the target.
        functions: those of src/features.py.

    Raises:
        ProjectError: no such column, nothing that can be predicted, or nothing to predict it from.
    """
    main, *others = tables
    aim = find_target(main, target)
    keys = {table.name: primary_keys(table, target if table is main else None) for table in tables}
    found = [key for other in others for key in foreign_keys(main, other)]
    references = list({key.table: key for key in reversed(found)}.values())[::-1]
    for key in references:  # what is pointed to is the key
        keys[key.table] = [key.reference, *(other for other in keys[key.table] if other != key.reference)]
    kept = main.frame[main.frame[target].notna()].reset_index(drop=True)
    group = group_column(main)
    features, fields, inputs, left_out = _choose_inputs(main, others, references, keys, group, aim, kept)
    _some(inputs, left_out, main, target)
    look = [*(word for table in tables for word in table.look), *_doubtful_keys(main, others, found)]
    ways = _splits(main, keys[main.name], group, target)
    known = derive(_joined(kept, main, others, references), features, functions)
    trial, words = try_splits(known, ways, aim, keys[main.name][0] if keys[main.name] else [], inputs)
    features = {name: entry for name, entry in features.items() if name not in trial.unseen}
    fields = [f for f in fields if f.name in features]
    left_out |= dict.fromkeys(trial.unseen, "missing in all rows that a fold learns from")
    inputs = _some([name for name in inputs if name not in trial.unseen], left_out, main, target)
    rules = {table.name: list(table.rules) for table in tables}
    if missing := len(main.frame) - len(kept):
        comment = f"{missing} row{'s' if missing > 1 else ''}; nothing is learned from a row without it"
        rules[main.name].append(Rule("known_target", {"rule": "drop_missing", "column": target}, comment))
    suggestions = {
        table.name: suggest(table, *((kept, target) if table is main else (table.frame,))) for table in tables
    }
    return Plan(
        tables, rules, suggestions, keys, references, aim, features, fields, inputs, left_out, trial, [*look, *words]
    )


def _joined(kept: pd.DataFrame, main: Table, others: list[Table], references: list[ForeignKey]) -> pd.DataFrame:
    """The rows with the columns of the other tables, as the stage `transform` joins them."""
    keys = [
        contract.ForeignKey(fields=key.fields, reference=contract.Reference(resource=key.table, fields=key.reference))
        for key in references
    ]
    schema = main.resource.table_schema.model_copy(update={"foreignKeys": keys})
    resource = main.resource.model_copy(update={"table_schema": schema})
    right = {other.name: other for other in others}
    lookups = [make_lookup(resource, right[key.table].resource, right[key.table].frame) for key in references]
    return join_part(kept, lookups)[0]


def find_target(main: Table, name: str) -> Target:
    """Decide whether a column is classes or a number.

    Raises:
        ProjectError: no such column, or neither.
    """
    where = f"--target {name}"
    if name not in main.frame:
        raise ProjectError(where, f"no such column in `{main.name}`", nearest(name, main.frame.columns, "columns"))
    column, values = main.column(name), main.frame[name].dropna()
    if column.kind == "empty" or column.constant:
        found = "empty" if column.kind == "empty" else f"`{values.iloc[0]}`"
        raise ProjectError(where, f"is {found} in all {column.rows} rows: nothing to learn")
    if column.kind == "time":
        remedy = "Predict a number made of it: the days from another time to it, say, as a column of the file."
        raise ProjectError(where, "is a time", remedy)
    counts = {value: int(count) for value, count in values.value_counts().sort_index().items()}
    whole = pd.api.types.is_integer_dtype(values.dtype)
    if column.kind == "text" and column.different > len(values) / 2:
        problem = f"holds {column.different} different texts in {len(values)} rows: neither classes nor a number"
        raise ProjectError(where, problem, "Choose another column, or sum the texts up in the file.")
    if column.kind in ("boolean", "category", "text") or (whole and column.different == 2):
        return Target(name, name, counts, f"{column.different} classes")
    if whole and column.different <= min(MOST_CLASSES, column.rows / 3):
        why = f"{column.different} different whole numbers are taken for classes; where they measure, take a Regressor"
        return Target(name, name, counts, why)
    if column.different == 2 and "`" not in name:
        high = max(counts)
        made = free(f"{slug(name)}_is_{slug(f'{high:g}')}", set(main.frame.columns))
        classes = {value == high: count for value, count in counts.items()}
        why = f"two different numbers: is it {high:g}?"
        return Target(name, made, classes, why, f"{in_expression(name)} == {high:g}")
    return Target(name, name, {}, "a number")


def _doubtful_keys(main: Table, others: list[Table], found: list[ForeignKey]) -> Iterator[str]:
    for other in others:
        candidates = [key for key in found if key.table == other.name]
        if not candidates:
            shared = [name for name in other.frame.columns if name in main.frame]
            repeats = f" (`{shared[0]}`, which both have, repeats there)" if shared else ""
            yield f"no column of `{main.name}` points to one row of `{other.name}`{repeats}: cleaned, but not joined"
        for key in candidates[1:]:
            fields, taken = ", ".join(key.fields), ", ".join(candidates[0].fields)
            yield f"({fields}) may point to `{other.name}` as well; ({taken}) is taken"
        if candidates and candidates[0].found < 1:
            share = f"{100 * candidates[0].found:.0f} %"
            yield f"`{other.name}` has {share} of the values of ({', '.join(candidates[0].fields)})"


def _choose_inputs(
    main: Table,
    others: list[Table],
    references: list[ForeignKey],
    keys: dict[str, list[list[str]]],
    group: str | None,
    aim: Target,
    kept: pd.DataFrame,
) -> tuple[dict[str, Any], list[Field], list[str], dict[str, str]]:
    """The features, their fields, the inputs, and what is left out and why."""
    features: dict[str, Any] = {aim.name: aim.expression} if aim.expression else {}
    fields = [Field(name=aim.name, type="boolean")] if aim.expression else []
    inputs: list[str] = []
    left_out: dict[str, str] = {}
    joined = {key.table: key for key in references}
    columns = [(column.name, column, main) for column in main.columns if column.name != aim.column]
    columns += [
        (f"{other.name}_{column.name}", column, other)
        for other in others
        for column in other.columns
        if other.name in joined and column.name not in joined[other.name].reference
    ]
    taken = {name for name, _, _ in columns} | {aim.name, aim.column}
    for name, _, table in columns:
        if table is not main and name in main.frame:
            remedy = f"Give the table another name than `{table.name}`."
            raise ProjectError("--table", f"two columns would be named `{name}`", remedy)
    pointers = {name: key.table for key in references for name in key.fields if main.column(name).kind == "number"}
    for name, column, table in columns:
        key = keys[table.name][0] if keys[table.name] else []
        if table is main and (name == group or name in pointers):
            left_out[name] = f"points to {pointers[name]}" if name in pointers else "names what rows are about"
        elif reason := _why_not(column, key) or (_tells_target(kept, column, aim) if table is main else ""):
            left_out[name] = reason
        elif column.kind == "time":
            for part in _parts(table.frame[column.name]):
                feature = free(f"{slug(name)}_{part}", taken)
                features[feature] = {"function": "date_part", "column": name, "part": part}
                fields.append(Field(name=feature, type="integer"))
                inputs.append(feature)
        else:
            inputs.append(name)
    return features, fields, inputs, left_out


def _some(inputs: list[str], left_out: dict[str, str], main: Table, target: str) -> list[str]:
    if not inputs:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise ProjectError(f"--target {target}", f"no column of `{main.name}` is left to predict it from", reasons)
    return inputs


def _why_not(column: Column, key: list[str]) -> str:
    """Why a column is no input; empty if it is one."""
    if column.kind == "empty":
        return "empty"
    if column.constant:
        return "the same in all rows"
    if column.field.personal:
        return "personal"
    if column.missing > NEARLY_EMPTY * column.rows:
        return f"{100 * column.missing / column.rows:.0f} % missing"
    if [column.name] == key and column.kind != "time":
        return "the key"
    if is_row_number(column):
        return "counts the rows"
    if column.identifies and (column.kind in ("number", "text")):
        return "names, and does not measure"
    if column.kind == "number" and _is_time_axis(column):
        return "a year that comes is one that no model has seen"
    if column.kind == "text":
        return f"text, {column.different} different"
    return ""


def _tells_target(kept: pd.DataFrame, column: Column, aim: Target) -> str:
    """Whether one column alone says what the target is: then it is often known only afterwards."""
    known = kept[[column.name, aim.column]].dropna()
    if column.kind == "time" or len(known) < 10 or column.different < 2:
        return ""
    said = f"says `{aim.column}` exactly: known only afterwards?"
    if column.different <= len(known) / 5 and known.groupby(column.name)[aim.column].nunique().max() == 1:
        return said
    if not aim.classes and column.kind == "number":
        numbers = known.astype("float64")
        if numbers.nunique().min() > 2 and abs(numbers.corr().iloc[0, 1]) > 0.99999:
            return said
    return ""


def _parts(times: pd.Series) -> list[str]:
    """The parts of a time that differ, from the month down: a year that comes is one that no model has seen."""
    times = times.dropna().dt
    parts = {"month": times.month, "weekday": times.day_of_week, "hour": times.hour}
    if (times.day == 1).all():  # months
        del parts["weekday"]
    return [part for part, values in parts.items() if values.nunique() > 1]


def _splits(main: Table, keys: list[list[str]], group: str | None, target: str) -> list[dict[str, Any]]:
    """The ways to split, the best first: by time as in real use, by what rows are about, by key, by row."""
    times = [column for column in main.columns if _is_time_axis(column) and column.name != target]
    usual = ("date", "time", "datetime", "timestamp", "year")
    times.sort(key=lambda column: (column.kind != "time", slug(column.name) not in usual))
    ways: list[dict[str, Any]] = [{"by": "time", "column": column.name} for column in times]
    ways += [{"by": "group", "column": group}] if group else []
    return [*ways, *([{"by": "key"}] if keys else []), {"by": "row"}]


def _is_time_axis(column: Column) -> bool:
    if column.missing or column.different < 8:
        return False
    name = slug(column.name)
    if column.kind == "time":
        return not any(word in name.split("_") for word in ("birth", "born", "dob", "birthday", "geburtsdatum"))
    years = column.field.type == "integer" and 1500 <= column.low <= column.high <= 2200
    return years and name in ("year", "jahr", "annee", "yr")
