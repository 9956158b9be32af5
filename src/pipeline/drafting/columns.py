"""What a column holds, guessed from its cells; a type is taken only where `casting.cast` can read every cell by it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from pipeline.casting import is_typed
from pipeline.contract import Field
from pipeline.drafting.numbers import nearly_numbers, number_fields, units_in_cells
from pipeline.drafting.texts import MARKS, SURE, WORDS, Texts
from pipeline.drafting.times import compact_dates, several_formats, time_fields
from pipeline.drafting.units import unit_of_name

BOOLEANS = [
    *(("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"), ("ja", "nein"), ("oui", "non")),
    *(("si", "no"), ("sí", "no"), ("sì", "no"), ("vrai", "faux"), ("wahr", "falsch"), ("sim", "não"), ("tak", "nie")),
]
ENOUGH = 10  # cells, from which on a few may be slips
IDENTIFIER = re.compile(
    r"(^|[^a-z])(id|ids|uuid|guid|key|index|idx|row ?names?|nr|no|num|number|code|zip|postcode|plz)$", re.I
)
PERSONAL = re.compile(
    r"e-?mail|phone|telefon|(first|last|sur|fore|given|family|full|middle|maiden)[ _.-]?name|nachname|vorname"
    r"|(^|[ _.-])(ssn|iban|passport|address|adresse|street)$"
    r"|(^|[ _.-])(birth[ _.-]?da(te|y)|date[ _.-]?of[ _.-]?birth|dob|geburtsdatum)$",
    re.I,
)
MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]+", re.I)


@dataclass(frozen=True)
class Guess:
    """What a column holds.

    Attributes:
        field: as the contract will state it.
        missing: texts that mean "no value" here -> cells.
        rule: the repair that it needs, for params.yaml: its name there and its options.
        look: what a person should check, in words.
        untidy: whether its texts have blanks to trim.
    """

    field: Field
    missing: dict[str, int] = field(default_factory=dict)
    rule: tuple[str, dict[str, Any]] | None = None
    look: list[str] = field(default_factory=list)
    untidy: bool = False


def guess_column(
    name: str, kind: pa.DataType, texts: Texts | None, decimal_comma: bool = False, unit: str | None = None
) -> Guess:
    """Guess what a column holds.

    Args:
        kind: the type of its cells; typed ones, from Parquet, need no guess.
        texts: of a column of text.
        decimal_comma: whether other columns of the table show that `1,234` is a little more than one.
        unit: where a row of the file names it.
    """
    unit = unit or unit_of_name(name)
    found = _guess_text(texts, decimal_comma, unit) if texts else Guess(_typed_field(name, kind, unit))
    return replace(found, field=found.field.model_copy(update={"personal": True})) if PERSONAL.search(name) else found


def is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _typed_field(name: str, kind: pa.DataType, unit: str | None) -> Field:
    wanted = ("boolean", "integer", "number", "date", "datetime") if not pa.types.is_null(kind) else ()
    type_ = next((type_ for type_ in wanted if is_typed(kind, Field(name=name, type=type_))), "string")
    return Field(name=name, type=type_, unit=unit if type_ in ("integer", "number") else None)


def _guess_text(texts: Texts, decimal_comma: bool, unit: str | None) -> Guess:
    sure = texts.among(SURE)
    known, doubtful = texts.without(SURE), texts.without(SURE).among(MARKS | WORDS)
    plain = known.without(MARKS | WORDS)
    if not plain:
        return Guess(Field(name=texts.name), sure | known.among(MARKS))
    for candidate, look in _candidates(plain, decimal_comma, unit):
        if plain.fits(candidate):
            return Guess(candidate, sure | doubtful, look=[look] if look else [])
    if plain.cells >= ENOUGH and not (len(plain) == plain.cells and IDENTIFIER.search(texts.name)):
        if slips := nearly_numbers(plain, decimal_comma, unit):
            rule = {"rule": "parse_number", "column": texts.name, **slips[0]}
            return Guess(Field(name=texts.name, unit=unit), sure | doubtful, ("number", rule), [slips[1]])
        if formats := several_formats(plain):
            rule = {"rule": "parse_time", "column": texts.name, "formats": formats}
            look = f"`{texts.name}`: dates in several forms ({', '.join(formats)}); the first that fits is taken"
            return Guess(Field(name=texts.name), sure | doubtful, ("time", rule), [look])
    look = []
    if units := units_in_cells(plain):
        remedy = "the rule parse_number takes a factor for each"
        look.append(f"`{texts.name}`: numbers with different units ({', '.join(units)}): {remedy}")
    mail = sum(bool(MAIL.fullmatch(text)) for text in plain.stripped) > len(plain) / 2
    beside_words = "+" not in plain.stripped and any(re.search(r"\w", text) for text in plain.counts)
    untidy = any(text != " ".join(text.split()) for text in plain.counts)
    missing = sure | (known.among(MARKS) if beside_words else {})
    return Guess(Field(name=texts.name, personal=mail), missing, look=look, untidy=untidy)


def _candidates(texts: Texts, decimal_comma: bool, unit: str | None) -> Iterator[tuple[Field, str]]:
    """Fields that may fit, the likeliest first, each with a word of warning where another would fit as well."""
    yield from _boolean_fields(texts)
    if not any(any(character.isdigit() for character in text) for text in list(texts.counts)[:30]):
        return
    yield from compact_dates(texts)
    yield from number_fields(texts, decimal_comma, unit)
    yield from time_fields(texts)


def _boolean_fields(texts: Texts) -> Iterator[tuple[Field, str]]:
    """A field with the spellings of true and false; one of the two alone is believed only if it is written out."""
    spelled = {text.strip().lower() for text in texts.counts}
    for pair in BOOLEANS:
        if spelled == set(pair) or (pair == BOOLEANS[0] and spelled <= set(pair)):
            trues, falses = (sorted(text for text in texts.counts if text.strip().lower() == word) for word in pair)
            usual = set(trues + falses) <= {"true", "True", "TRUE", "false", "False", "FALSE"}
            values = {} if usual else {"trueValues": trues or [pair[0]], "falseValues": falses or [pair[1]]}
            yield Field(name=texts.name, type="boolean", **values), ""
            return
