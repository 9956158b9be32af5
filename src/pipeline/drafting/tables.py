"""A whole table guessed: its columns, missing values, totals, the repairs that it needs and those that it may need."""

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.casting import cast
from pipeline.cleaning import before_phase, parse_rules
from pipeline.contract import Field, Resource
from pipeline.drafting.columns import IDENTIFIER, Guess, guess_column, is_text
from pipeline.drafting.naming import free, in_expression
from pipeline.drafting.numbers import shows_decimal_comma
from pipeline.drafting.sniffing import Sniffed
from pipeline.drafting.texts import MARKS, SURE, WORDS, Texts, texts_of

TOTAL = re.compile(
    r"((grand|sub)[ -]?)?totals?|sum|summe|gesamt(summe)?|insgesamt|total général|totale"
    r"|average|mean|durchschnitt|mittelwert",
    re.I,
)
FEW = 50  # different texts, at most, are categories


@dataclass(frozen=True)
class Rule:
    """An entry of params.yaml: clean, with the comment that says why."""

    name: str
    options: dict[str, Any]
    comment: str


@dataclass(frozen=True)
class Column:
    """What is known of a column, as it is after the repairs and without totals.

    Attributes:
        kind: number, time, boolean, category, text (free), or empty.
        low, high: of numbers and times.
    """

    field: Field
    kind: str
    rows: int
    missing: int
    different: int
    low: Any = None
    high: Any = None

    @property
    def name(self) -> str:
        return self.field.name

    @property
    def unique(self) -> bool:
        return self.missing == 0 and self.different == self.rows

    @property
    def constant(self) -> bool:
        return self.different <= 1

    @property
    def identifies(self) -> bool:
        """Whether the name says that it tells rows, or things, apart."""
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", self.name.strip())
        return bool(IDENTIFIER.search(words)) and self.field.type in ("integer", "string")


@dataclass(frozen=True)
class Table:
    """A table guessed.

    Attributes:
        frame: its rows after the repairs, without totals; shape (rows, columns).
        missing_texts: texts that mean "no value" in the whole table -> cells.
        rules: what cleaning needs.
        notes: on the file; look: guesses to check. Both in words.
    """

    resource: Resource
    columns: list[Column]
    frame: pd.DataFrame
    missing_texts: dict[str, int] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    look: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.resource.name

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def guess_table(sniffed: Sniffed, functions: Mapping[str, Callable], as_text: frozenset[str] = frozenset()) -> Table:
    """Guess a table.

    Args:
        functions: those of src/rules.py, by which the repairs are made.
        as_text: columns to leave as text, because another table's column of that name is.
    """
    label, totals, positions = find_totals(sniffed.cells)
    rows = np.setdiff1d(np.arange(sniffed.cells.num_rows), positions)
    cells = sniffed.cells.take(rows) if positions else sniffed.cells
    texts = {name: texts_of(name, cells[name]) for name in cells.column_names if is_text(cells[name].type)}
    comma = any(shows_decimal_comma(found.without(SURE | MARKS | WORDS)) for found in texts.values())
    guesses = {}
    for name in cells.column_names:
        guess = guess_column(name, cells[name].type, texts.get(name), comma, sniffed.units.get(name))
        if name in as_text:
            guess = Guess(Field(name=name), {text: n for text, n in guess.missing.items() if text.strip() in SURE})
        guesses[name] = _with_totals(guess, [sniffed.cells[name][place].as_py() for place in positions])
    resource, missing = _state_missing(sniffed.resource, guesses, texts)
    repairs = _repairs(guesses)
    parsed = parse_rules(
        {rule.name: rule.options for rule in repairs}, functions, f"params.yaml: clean.{resource.name}"
    )
    frame = before_phase(_typed(resource, cells), "reject", parsed, {})
    columns = [_describe(f, frame[f.name]) for f in resource.table_schema.fields]
    rules, notes = list(repairs), list(sniffed.notes)
    if totals:
        rules.append(_totals_rule(guesses[label], totals))
        shown = ", ".join(f"`{text}`" for text in totals)
        notes.append(f"the last row is no row ({shown} in `{label}`): a rule takes it out")
    look = [word for guess in guesses.values() for word in guess.look]
    return Table(resource, columns, frame, missing, rules, notes, look, sniffed.left_out)


def find_totals(cells: pa.Table) -> tuple[str, list[str], list[int]]:
    """The rows at the end that sum up the others: the column that says so, its words there, and the rows' positions."""
    last = range(max(0, cells.num_rows - 3), cells.num_rows)
    for name in cells.column_names:
        if not is_text(cells[name].type):
            continue
        words = [str(cells[name][place].as_py() or "") for place in last]
        is_total = [bool(TOTAL.fullmatch(text.strip().rstrip(":"))) for text in words]
        count = len(list(itertools.takewhile(bool, reversed(is_total))))
        found, places = words[len(words) - count :], list(last)[len(words) - count :]
        counts = texts_of(name, cells[name]).counts if found else {}
        if found and sum(counts[text] for text in set(found)) == count < cells.num_rows:
            return name, list(dict.fromkeys(found)), places
    return "", [], []


def _with_totals(guess: Guess, cells: list[Any]) -> Guess:
    """Let a column's type stand though a row of totals does not keep to it: what stands there means "no value"."""
    if guess.field.type == "string":
        return guess
    texts = [text for text in cells if isinstance(text, str) and text not in guess.missing]
    odd = [text for text in texts if not Texts("", {text: 1}).fits(guess.field)]
    return replace(guess, missing=guess.missing | dict.fromkeys(odd, 1))


def _state_missing(
    resource: Resource, guesses: Mapping[str, Guess], texts: Mapping[str, Texts]
) -> tuple[Resource, dict[str, int]]:
    """Put fields, and the texts that mean "no value", into the contract: by column where another one means them."""
    meant = dict.fromkeys(text for guess in guesses.values() for text in guess.missing)
    values = {t for name, found in texts.items() for t in found.counts if t in meant and t not in guesses[name].missing}
    common = [text for text in meant if text not in values]
    whole = [""] + [text for text in common if text]
    fields = []
    for guess in guesses.values():
        own = [text for text in guess.missing if text in values]
        fields.append(guess.field.model_copy(update={"missingValues": [*whole, *own]} if own else {}))
    cells = {text: sum(guess.missing.get(text, 0) for guess in guesses.values()) for text in common}
    schema = resource.table_schema.model_copy(update={"fields": fields, "missingValues": whole})
    return resource.model_copy(update={"table_schema": schema}), cells


def _repairs(guesses: Mapping[str, Guess]) -> list[Rule]:
    """The rules without which columns would not be what they are taken for."""
    rules, taken = [], set[str]()
    for guess in guesses.values():
        if guess.rule:
            kind, options = guess.rule
            rules.append(Rule(free(f"read_{kind}s", taken), options, guess.look[0].split(": ", 1)[1]))
    untidy = [name for name, guess in guesses.items() if guess.untidy and guess.rule is None]
    if untidy:
        options = {"rule": "normalise_text", "column": untidy if len(untidy) > 1 else untidy[0]}
        rules.append(Rule("trimmed", options, "blanks around words, or several between them"))
    return rules


def _totals_rule(label: Guess, totals: list[str]) -> Rule:
    name, said = label.field.name, "the last row sums up the others"
    if label.field.type != "string" or label.rule or "`" in name or any("'" in text for text in totals):
        return Rule("totals", {"rule": "drop_missing", "column": name}, f"{said} ({', '.join(totals)})")
    texts = [" ".join(text.split()) if label.untidy else text for text in totals]
    listed, column = ", ".join(f"'{text}'" for text in texts), in_expression(name)
    return Rule("totals", {"rule": "keep_where", "where": f"missing({column}) or {column} not in [{listed}]"}, said)


def _typed(resource: Resource, cells: pa.Table) -> pd.DataFrame:
    """The cells in the types of the contract, as `raw` reads them."""
    schema, columns = resource.table_schema, {}
    for f in schema.fields:
        missing = schema.missingValues if f.missingValues is None else f.missingValues
        columns[f.name], _ = cast(cells[f.name], f, missing)
    return pd.DataFrame(columns)


def _describe(f: Field, values: pd.Series) -> Column:
    rows, missing, different = len(values), int(values.isna().sum()), int(values.nunique())
    if missing == rows:
        kind = "empty"
    elif values.dtype.kind == "M":
        kind = "time"
    elif pd.api.types.is_bool_dtype(values.dtype):
        kind = "boolean"
    elif isinstance(values.dtype, pd.StringDtype):
        kind = "category" if different <= min(FEW, max(5, rows // 4)) else "text"
    else:
        kind = "number"
    low, high = (values.min(), values.max()) if kind in ("number", "time") else (None, None)
    return Column(f, kind, rows, missing, different, low, high)
