"""Numbers as people write them: 1234.5, 1.234,5, 1 234, 45 %, $ 5."""

import re
from collections.abc import Iterator

from pipeline.contract import Field
from pipeline.drafting.texts import Texts
from pipeline.drafting.units import unit_of_text

BLANKS = " \u00a0\u202f\u2009"
APOSTROPHES = "'\u2019"
STYLES = [  # before the decimals, between the thousands
    (".", None),
    (",", None),
    (".", ","),
    (",", "."),
    *((decimal, group) for group in BLANKS + APOSTROPHES for decimal in ".,"),
]
CORE = rf"[+-]?[0-9.,](?:[0-9.,{APOSTROPHES}{BLANKS}]*[0-9.,])?(?:[eE][+-]?[0-9]+)?"
AROUND = re.compile(rf"([^0-9+\-.,]*?)\s*({CORE})(\s*)([^0-9]*(?:[²³]|(?<=[a-z])[23])?)")
CURRENCIES = {"$", "€", "£", "¥", "USD", "EUR", "GBP", "CHF", "US$", "CAD", "AUD"}  # stand before a number, too
SLIPS = 0.1  # the share of cells, at most, that hold something else in a column of numbers


def number_fields(texts: Texts, decimal_comma: bool, unit: str | None) -> Iterator[tuple[Field, str]]:
    """The ways to read a column as numbers.

    Args:
        texts: without those that mean "no value".
        decimal_comma: whether another column shows that `1,234` is a little more than one.

    Yields:
        A field that may fit, and a word of warning where another reading fits as well.
    """
    found, more = texts.stripped, {"unit": unit} if unit else {}
    if any(len(text) > 1 and text[0] == "0" and text.isdecimal() for text in found):
        return  # a code, such as a postcode
    parts = [match for text in found if (match := AROUND.fullmatch(text))]
    if len(parts) < len(found):
        return
    around = {part[1] + part[4] for part in parts} - {""}
    if around:
        told = unit_of_text(next(iter(around)))
        if len(around) > 1 or not told or not all(map(_is_amount, parts)):
            return
        found, more = [part[2].strip() for part in parts], {"bareNumber": False, "unit": unit or told}
    for decimal, group in _styles(found, decimal_comma):
        whole = not any(decimal in text or "e" in text.lower() for text in found)
        parsing = ({} if whole or decimal == "." else {"decimalChar": decimal}) | (
            {"groupChar": group} if group else {}
        )
        field = Field(name=texts.name, type="integer" if whole else "number", **parsing, **more)
        yield field, _doubt(texts.name, found, decimal, group)


def _is_amount(part: re.Match) -> bool:
    """Whether what stands around a number is a currency or a unit: 5 A, but not 5A, which may be a seat."""
    apart = part[3] or len(part[4]) > 1 or not part[4].isalpha()
    return bool(part[1] in CURRENCIES if part[1] else apart)


def shows_decimal_comma(texts: Texts) -> bool:
    """Whether a column's numbers can only be read with a comma before the decimals."""
    styles = _matching([text for text in texts.stripped if "," in text])
    return bool(styles) and all(decimal == "," for decimal, _ in styles)


def _matching(found: list[str]) -> list[tuple[str, str | None]]:
    patterns = {style: _pattern(*style) for style in STYLES if found}
    return [style for style, pattern in patterns.items() if all(map(pattern.fullmatch, found))]


def _styles(found: list[str], decimal_comma: bool) -> list[tuple[str, str | None]]:
    """The styles that fit all texts, the likeliest first; one with a mark for thousands only where it is used."""
    styles = [(d, g) for d, g in _matching(found) if g is None or any(g in text for text in found)]
    return sorted(styles, key=lambda style: style[0] != ("," if decimal_comma else "."))


def _pattern(decimal: str, group: str | None) -> re.Pattern:
    grouped = rf"[1-9][0-9]{{0,2}}(?:{re.escape(group)}[0-9]{{3}})+|" if group else ""
    return re.compile(
        rf"[+-]?(?:(?:{grouped}[0-9]+)(?:{re.escape(decimal)}[0-9]*)?|{re.escape(decimal)}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    )


def _doubt(name: str, found: list[str], decimal: str, group: str | None) -> str:
    """Where only three digits follow a comma or a point, it may part thousands or decimals."""
    marked = [text for text in found if (group or decimal) in text]
    twin = {(",", None): (".", ","), (".", ","): (",", None), (",", "."): (".", None)}.get((decimal, group))
    if twin is None or not marked or twin not in _matching(found):
        return ""
    meant = f"{marked[0].replace(group, '')}" if group else f"a little more than {marked[0].split(decimal)[0]}"
    return f"`{name}`: `{marked[0]}` is read as {meant}"


def nearly_numbers(texts: Texts, decimal_comma: bool, unit: str | None) -> tuple[dict, str] | None:
    """The options of a rule `parse_number` for a column in which a few cells hold no number, and a word on these."""
    for decimal, group in sorted([(".", ","), (",", ".")], key=lambda style: (style[0] == ",") != decimal_comma):
        pattern = _pattern(decimal, group)
        slips = {text: count for text, count in texts.counts.items() if not pattern.fullmatch(text.strip())}
        if not slips or sum(slips.values()) > SLIPS * texts.cells:
            continue
        numbers = [text.strip() for text in texts.counts if text not in slips]
        if any(len(text) > 1 and text[0] == "0" and text.isdecimal() for text in numbers):
            return None
        if any("e" in text.lower() for text in numbers):
            return None  # the rule reads no exponents
        options = {"decimal": decimal} if decimal != "." else {}
        options |= {"thousands": group} if any(group in text for text in numbers) else {}
        shown, cells = ", ".join(f"`{text}`" for text in list(slips)[:3]), sum(slips.values())
        hold = "cells hold" if cells > 1 else "cell holds"
        return options, f"`{texts.name}`: {cells} {hold} no number ({shown}) and will be missing"
    return None


def units_in_cells(texts: Texts) -> list[str]:
    """The units of a column whose cells are numbers, each with a unit of its own, such as 5 kg and 300 g."""
    parts = [AROUND.fullmatch(text) for text in texts.stripped]
    units = {part[4] for part in parts if part and not part[1] and part[2]}
    return sorted(units) if all(parts) and 1 < len(units) <= 10 and all(unit_of_text(unit) for unit in units) else []
