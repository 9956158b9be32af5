"""What a draft takes a column for, by its name and its cells."""

import pyarrow as pa
import pytest

from pipeline.drafting.columns import guess_column
from pipeline.drafting.texts import texts_of
from pipeline.drafting.units import unit_of_name

COMMA = {"decimalChar": ","}


def guess(cells, name="x", decimal_comma=False):
    column = pa.chunked_array([pa.array(cells, pa.string())])
    return guess_column(name, column.type, texts_of(name, column), decimal_comma)


def said(found):
    """The field without its name, as the contract writes it."""
    return {k: v for k, v in found.field.model_dump(exclude_defaults=True).items() if k != "name" and v is not None}


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        (["1", "-2", "+3"], {"type": "integer"}),
        (["1", "2.5", ".5", "1e-3"], {"type": "number"}),
        (["1,5", "2,25"], {"type": "number", **COMMA}),
        (["1,234", "12,345,678"], {"type": "integer", "groupChar": ","}),
        (["1,234.5", "2"], {"type": "number", "groupChar": ","}),
        (["1.234,5", "2"], {"type": "number", **COMMA, "groupChar": "."}),
        (["1.234.567", "2"], {"type": "integer", "groupChar": "."}),
        (["1 234", "12 345 678"], {"type": "integer", "groupChar": " "}),
        (["1\u00a0234,5"], {"type": "number", **COMMA, "groupChar": "\u00a0"}),
        (["1'234.50"], {"type": "number", "groupChar": "'"}),
        (["45 %", "7%"], {"type": "integer", "unit": "%", "bareNumber": False}),
        (["$1,234.50", "$7"], {"type": "number", "unit": "$", "groupChar": ",", "bareNumber": False}),
        (["12 kg", "7.5 kg"], {"type": "number", "unit": "kg", "bareNumber": False}),
        (["00123", "45678"], {}),  # a postcode
        (["12345678901234567890"], {}),  # beyond 64 bits
        (["A1", "A2"], {}),
        (["5A", "6A"], {}),  # seats, not amperes
        (["1,2,3"], {}),
        (["1-2"], {}),
        (["yes", "No"], {"type": "boolean", "trueValues": ["yes"], "falseValues": ["No"]}),
        (["TRUE", "FALSE"], {"type": "boolean"}),
        (["true"], {"type": "boolean"}),
        (["Y", "N"], {"type": "boolean", "trueValues": ["Y"], "falseValues": ["N"]}),
        (["Y"], {}),
        (["0", "1"], {"type": "integer"}),
        (["2013-01-31"], {"type": "date"}),
        (["2013-01-31 14:05:00", "2013-01-31T14:05:00Z"], {"type": "datetime"}),
        (["2013-01-31 14:05"], {"type": "datetime", "format": "%Y-%m-%d %H:%M"}),
        (["31.01.2013"], {"type": "date", "format": "%d.%m.%Y"}),
        (["01/31/2013"], {"type": "date", "format": "%m/%d/%Y"}),
        (["31/01/2013 2:05 PM"], {"type": "datetime", "format": "%d/%m/%Y %I:%M %p"}),
        (["31.1.13"], {"type": "date", "format": "%d.%m.%y"}),
        (["31-Jan-2013"], {"type": "date", "format": "%d-%b-%Y"}),
        (["Jan 31, 2013"], {"type": "date", "format": "%b %d, %Y"}),
        (["31 January 2013"], {"type": "date", "format": "%d %B %Y"}),
        (["2013-01"], {"type": "date", "format": "%Y-%m"}),
        (["0013-01-31"], {}),
        (["14:05"], {}),
        (["x", "y"], {}),
        ([None, ""], {}),
    ],
)
def test_the_type_is_one_by_which_every_cell_can_be_read(cells, field):
    assert said(guess(cells)) == field


def test_eight_digits_are_a_date_where_the_name_says_so():
    assert said(guess(["20130131"], "Date of visit")) == {"type": "date", "format": "%Y%m%d"}
    assert said(guess(["20130131"], "visitors")) == {"type": "integer"}


@pytest.mark.parametrize(
    ("cells", "decimal_comma", "field", "look"),
    [
        (["1,234", "5"], False, {"type": "integer", "groupChar": ","}, "`x`: `1,234` is read as 1234"),
        (["1,234", "5"], True, {"type": "number", **COMMA}, "`x`: `1,234` is read as a little more than 1"),
        (["0,234", "5"], False, {"type": "number", **COMMA}, None),
        (["1.234", "5"], False, {"type": "number"}, None),
        (["1.234", "5"], True, {"type": "integer", "groupChar": "."}, "`x`: `1.234` is read as 1234"),
    ],
)
def test_where_three_digits_follow_the_table_s_other_columns_decide_and_doubt_is_said(
    cells, decimal_comma, field, look
):
    found = guess(cells, decimal_comma=decimal_comma)
    assert (said(found), found.look) == (field, [look] if look else [])


def test_day_or_month_first_is_told_by_the_order_of_the_rows_or_asked():
    assert said(guess(["01/02/2013", "01/03/2013", "02/01/2013"]))["format"] == "%m/%d/%Y"
    found = guess(["03/02/2013", "01/03/2013", "02/01/2013"])
    assert found.look == ["`x`: day or month first? `03/02/2013` is read by %d/%m/%Y; the other way is %m/%d/%Y"]


@pytest.mark.parametrize(
    ("cells", "type_", "missing"),
    [
        (["1", "NA", "N/A", "#DIV/0!", "", None], "integer", {"NA": 1, "N/A": 1, "#DIV/0!": 1, "": 1}),
        (["1", " - ", "..", "?", "none", "-"], "integer", {" - ": 1, "..": 1, "?": 1, "none": 1, "-": 1}),
        (["x", "-", "?", "none", "NaN"], "string", {"-": 1, "?": 1, "NaN": 1}),  # `none` may be an answer
        (["+", "-"], "string", {}),  # of a test
        (["-", ""], "string", {"-": 1, "": 1}),
        (["none", "unknown"], "string", {}),
    ],
)
def test_texts_that_mean_no_value_are_found_as_they_stand(cells, type_, missing):
    found = guess(cells)
    assert (found.field.type, found.missing) == (type_, missing)


def test_a_few_slips_in_a_column_of_numbers_ask_for_a_rule():
    found = guess([f"{n},5" for n in range(19)] + ["<0,1"])
    assert found.rule == ("number", {"rule": "parse_number", "column": "x", "decimal": ","})
    assert found.look == ["`x`: 1 cell holds no number (`<0,1`) and will be missing"]
    assert guess(["1.5", "2", "few"]).rule is None
    assert guess([str(n) for n in range(19)] + ["A7"], name="sample_id").rule is None


def test_dates_in_several_forms_ask_for_a_rule():
    found = guess(["2013-01-31", "31.01.2013", "Jan 31, 2013"] * 4)
    formats = ["%Y-%m-%d", "%d.%m.%Y", "%b %d, %Y"]
    assert found.rule == ("time", {"rule": "parse_time", "column": "x", "formats": formats})


def test_numbers_with_different_units_are_pointed_at():
    found = guess(["5 kg", "300 g"])
    assert found.look == ["`x`: numbers with different units (g, kg): the rule parse_number takes a factor for each"]


@pytest.mark.parametrize("name", ["E-Mail", "Phone", "first_name", "Nachname", "Date of birth", "home address"])
def test_names_that_speak_of_persons_mark_the_column(name):
    assert guess(["x"], name).field.personal


def test_addresses_mark_their_column_whatever_its_name():
    assert guess(["a@b.org", "c@d.org"], "contact").field.personal
    assert not guess(["x"], "name_of_product").field.personal


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (pa.int32(), "integer"),
        (pa.float32(), "number"),
        (pa.decimal128(5, 2), "number"),
        (pa.bool_(), "boolean"),
        (pa.date32(), "date"),
        (pa.timestamp("ns", "UTC"), "datetime"),
        (pa.null(), "string"),
    ],
)
def test_typed_columns_keep_their_type(kind, type_):
    assert guess_column("x", kind, None).field.type == type_


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("Body Mass (g)", "g"),
        ("speed [km/h]", "km/h"),
        ("flux (kg m-2 s-1)", "kg m-2 s-1"),
        ("Delta 15 N (o/oo)", "o/oo"),
        ("PM2.5 (µg/m³)", "µg/m³"),
        ("price (in €)", "€"),
        ("bill_length_mm", "mm"),
        ("temp_celsius", "degC"),
        ("Area, km2", "km2"),
        ("share %", "%"),
        ("Sex (male)", None),
        ("value (log)", None),
        ("is_m", None),
        ("Program", None),
        ("kg", None),
    ],
)
def test_units_stand_in_names(name, unit):
    assert unit_of_name(name) == unit
