"""The different texts of a column, and which of them mean that there is no value."""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.casting import cast
from pipeline.contract import Field

# No value, wherever they stand.
SURE = {
    *("", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "NAN", "-nan", "NULL", "null", "Null", "#N/A", "#NA", "#DIV/0!"),
    *("#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "1.#QNAN", "-1.#IND", "\\N"),
}
# No value beside numbers or dates and, if they are marks, beside words too.
MARKS = {"-", "--", "---", ".", "..", "...", "?", "??", "*", "\u2013", "\u2014", "/"}
WORDS = {
    *("na", "n.a.", "N.A.", "n. a.", "none", "None", "NONE", "nil", "missing", "Missing", "unknown", "Unknown", "NaT"),
    *("k.A.", "k. A.", "ND", "nd", "N.D.", "n.d.", "not available", "inf", "Inf", "-inf", "-Inf"),
}
YEARS = (1700, 2200)  # of dates that are believed


@dataclass(frozen=True)
class Texts:
    """The different texts of a column as they stand, and how many cells hold each."""

    name: str
    counts: dict[str, int]

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def cells(self) -> int:
        return sum(self.counts.values())

    @property
    def stripped(self) -> list[str]:
        return [text.strip() for text in self.counts]

    def among(self, known: Collection[str]) -> dict[str, int]:
        return {text: count for text, count in self.counts.items() if text.strip() in known}

    def without(self, known: Collection[str]) -> "Texts":
        return Texts(self.name, {text: count for text, count in self.counts.items() if text.strip() not in known})

    def fits(self, field: Field) -> bool:
        """Whether every text can be read as a field's type."""
        texts = list(self.counts)
        return bool(texts) and not any(unreadable(part, field).any() for part in (texts[:30], texts[30:]) if part)


def texts_of(name: str, cells: pa.ChunkedArray) -> Texts:
    counted = pc.value_counts(cells.combine_chunks())
    pairs = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
    return Texts(name, {text: count for text, count in pairs if text is not None})


def unreadable(texts: list[str], field: Field) -> pd.Series:
    """Which texts cannot be read as a field's type, or are dates that nobody means."""
    values, bad = cast(pa.chunked_array([pa.array(texts, pa.string())]), field, [])
    if field.type in ("date", "datetime"):
        bad = bad | ~values.dt.year.between(*YEARS).fillna(False).astype(bool)
    return bad
