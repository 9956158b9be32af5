"""Dates and times as people write them, and the order of day and month where both fit."""

import datetime
import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from pipeline.casting import cast
from pipeline.contract import Field
from pipeline.drafting.texts import Texts, unreadable

DAYS = [
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%d.%m.%y", "%d/%m/%y"),
    *("%m/%d/%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d. %b %Y", "%d %B %Y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y"),
    *("%b %d %Y", "%A, %d %B %Y", "%A, %B %d, %Y", "%Y %b %d", "%d%b%Y"),
]
MONTHS = ["%Y-%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y", "%Y %b"]
CLOCKS = [" %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M"]
COVERED = 0.9  # the share of cells, at least, that several formats read together
LOOKED_AT = 2000  # different texts


def compact_dates(texts: Texts) -> Iterator[tuple[Field, str]]:
    """20130131, under a name that speaks of dates."""
    named = re.search(r"date|day|datum|tag", texts.name, re.I)
    if named and all(re.fullmatch(r"(1[89]|20)[0-9]{6}", text) for text in texts.stripped):
        yield Field(name=texts.name, type="date", format="%Y%m%d"), ""


def time_fields(texts: Texts) -> Iterator[tuple[Field, str]]:
    """The ways to read a column as dates or times, each with a word of warning where another fits as well."""
    name, some = texts.name, texts.stripped[:30]
    if not all(map(_may_be_time, some)):
        return
    yield Field(name=name, type="date"), ""
    yield Field(name=name, type="datetime"), ""
    clocks = [day + clock for day in ["%Y-%m-%d", *DAYS] for clock in CLOCKS]
    for kind, formats in (("date", [*DAYS, *MONTHS]), ("datetime", clocks)):
        likely = [form for form in formats if all(_reads(form, text) for text in some)]
        fitting = [form for form in likely if texts.fits(Field(name=name, type=kind, format=form))]
        if fitting:
            form, look = _day_or_month(texts, fitting, kind)
            yield Field(name=name, type=kind, format=form), look


def _may_be_time(text: str) -> bool:
    digits, parted = re.findall("[0-9]", text), re.search(r"\w[-/.: ]+\w|[0-9][A-Za-z]", text)
    return len(text) < 40 and len(digits) >= 3 and parted is not None


def _reads(form: str, text: str) -> bool:
    try:
        return bool(datetime.datetime.strptime(text, form))
    except ValueError:
        return False


def _day_or_month(texts: Texts, fitting: list[str], kind: str) -> tuple[str, str]:
    """Of formats that all fit, the one by which the column rises or falls; else the first, and a warning."""
    first = fitting[0]
    swapped = first.replace("%d", "%\0").replace("%m", "%d").replace("%\0", "%m")
    if swapped not in fitting or swapped == first:
        return first, ""
    cells = pa.chunked_array([pa.array(list(texts.counts))])  # in the order in which they first stand
    for form in (first, swapped):
        times, _ = cast(cells, Field(name=texts.name, type=kind, format=form), [])
        if len(times) > 2 and (times.is_monotonic_increasing or times.is_monotonic_decreasing):
            return form, ""
    example = next(iter(texts.counts))
    return first, f"`{texts.name}`: day or month first? `{example}` is read by {first}; the other way is {swapped}"


def several_formats(texts: Texts) -> list[str]:
    """The formats that together read a column of dates in several forms; empty where they do not."""
    some = list(texts.counts)[:LOOKED_AT]
    weights = np.array([texts.counts[text] for text in some])
    if sum(map(_may_be_time, some)) < COVERED * len(some):
        return []
    days = ["%Y-%m-%d", *DAYS]
    formats = [*days, *(day + clock for day in days for clock in CLOCKS)]
    formats = [form for form in formats if any(_reads(form, text.strip()) for text in some)]
    fits = {form: ~unreadable(some, Field(name="", type="datetime", format=form)).to_numpy() for form in formats}
    chosen, covered = [], np.zeros(len(some), bool)
    while formats and not covered.all():
        best = max(fits, key=lambda form: weights[fits[form] & ~covered].sum())
        if not (fits[best] & ~covered).any():
            break
        chosen.append(best)
        covered |= fits[best]
    return chosen if weights[covered].sum() >= COVERED * weights.sum() and 0 < len(chosen) <= 8 else []
