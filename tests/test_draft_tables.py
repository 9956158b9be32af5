"""What a draft finds in a whole table: missing values, totals, repairs, keys, and rules worth a thought."""

import csv
import io

import pandas as pd
import pytest

import rules as rule_functions
from pipeline.cleaning import clean_part, measure, parse_rules
from pipeline.drafting.keys import foreign_keys, group_column, primary_keys
from pipeline.drafting.sniffing import Told, sniff
from pipeline.drafting.suggestions import suggest
from pipeline.drafting.tables import guess_table

FUNCTIONS = vars(rule_functions)


@pytest.fixture
def table(tmp_path):
    """Make a table of a CSV file's text, or of columns."""

    def make(content, name="t"):
        path = tmp_path / f"{name}.csv"
        if isinstance(content, dict):
            text = io.StringIO()
            csv.writer(text).writerows([content, *zip(*content.values(), strict=True)])
            content = text.getvalue()
        path.write_text(content, encoding="utf-8")
        return guess_table(sniff(path, name, Told()), FUNCTIONS)

    return make


def missing_values(found):
    fields = {f.name: f.missingValues for f in found.resource.table_schema.fields if f.missingValues is not None}
    return found.resource.table_schema.missingValues, fields


def test_texts_that_mean_no_value_are_said_once_for_the_table(table):
    found = table("a,b,c\nNA,1,x\n1,-,NA\n2,3,y\n")
    assert missing_values(found) == (["", "NA", "-"], {})
    assert found.missing_texts == {"NA": 2, "-": 1}


def test_a_text_that_another_column_means_is_said_with_the_column(table):
    found = table("answer,age\nnone,1\nsome,none\nnone,NA\n")
    assert missing_values(found) == (["", "NA"], {"age": ["", "NA", "none"]})
    assert found.column("answer").missing == 0 and found.column("age").missing == 2


def test_a_comma_that_can_only_be_decimal_decides_for_other_columns(table):
    found = table("a;b\n1,5;1,234\n2,25;2,345\n")
    assert [f.decimalChar for f in found.resource.table_schema.fields] == [",", ","]
    assert list(found.frame["b"]) == [1.234, 2.345]


def rules_of(found):
    return {rule.name: rule.options for rule in found.rules}


def test_a_row_of_totals_is_taken_out_by_what_its_label_says(table):
    found = table("Sales region,sum\nN,1\nS,2\nGrand total:,3\n")
    where = "missing(`Sales region`) or `Sales region` not in ['Grand total:']"
    assert rules_of(found) == {"totals": {"rule": "keep_where", "where": where}}
    assert len(found.frame) == 2 and found.notes == [
        "the last row is no row (`Grand total:` in `Sales region`): a rule takes it out"
    ]


def test_totals_below_dates_are_a_missing_date(table):
    found = table("day,n\n01.02.2013,1\n02.02.2013,2\nTotal,#REF!\n")
    assert rules_of(found) == {"totals": {"rule": "drop_missing", "column": "day"}}
    assert missing_values(found) == (["", "Total", "#REF!"], {})
    assert found.column("day").field.type == "date"


def test_a_category_named_total_is_no_row_of_totals(table):
    assert rules_of(table("kind,n\nTotal,1\nPart,2\nTotal,3\n")) == {}


def test_repairs_that_columns_need_are_rules(table):
    numbers = [str(n) for n in range(11)] + ["<1"]
    dates = ["2013-01-31", "31.01.2013"] * 6
    words = [" a", "b  c"] * 6
    found = table({"n": numbers, "m": numbers[::-1], "d": dates, "w": words})
    assert rules_of(found) == {
        "read_numbers": {"rule": "parse_number", "column": "n"},
        "read_numbers_2": {"rule": "parse_number", "column": "m"},
        "read_times": {"rule": "parse_time", "column": "d", "formats": ["%Y-%m-%d", "%d.%m.%Y"]},
        "trimmed": {"rule": "normalise_text", "column": "w"},
    }
    assert [column.kind for column in found.columns] == ["number", "number", "time", "category"]
    assert found.frame["n"].isna().sum() == 1 and set(found.frame["w"]) == {"a", "b c"}


@pytest.mark.parametrize(
    ("columns", "keys"),
    [
        ({"x": [1.5, 2.5], "id": ["a", "b"]}, [["id"]]),
        ({"rownames": ["Mazda", "Datsun"], "x": [1, 5]}, [["rownames"]]),
        ({"price": [30, 10, 20], "name": ["a", "b", "c"]}, []),  # different by chance
        ({"n": [3, 1, 2], "x": [1, 1, 1]}, [["n"]]),  # counts the rows
        ({"userId": [5, 9, 7], "x": [1, 1, 1]}, [["userId"]]),
        ({"day": ["2013-01-01", "2013-01-02", "2013-01-05"], "x": [1, 1, 1]}, [["day"]]),
        ({"x": [7, 7], "y": [1, 2]}, [["y"]]),
        ({"x": [7, 7], "y": [1, 1]}, []),
        ({"country": list("aabbccddee"), "year": [2000, 2001] * 5, "x": [1] * 10}, [["country", "year"]]),
    ],
)
def test_keys_tell_all_rows_apart_and_look_like_keys(table, columns, keys):
    assert primary_keys(table(columns), None) == keys


def test_a_missing_value_makes_no_key(table):
    assert primary_keys(table({"id": ["a", ""], "x": [1, 1]}), None) == []


def test_foreign_keys_point_to_one_row(table):
    visits = table({"visit": [1, 2, 3, 4], "patient_id": [1, 1, 2, 3], "ward": list("abab")}, "visits")
    patients = table({"id": [1, 2, 3], "age": [50, 60, 70]}, "patients")
    wards = table({"code": ["a", "b", "c"], "beds": [5, 5, 6]}, "wards")
    assert [(k.fields, k.reference, k.found) for k in foreign_keys(visits, patients)] == [(["patient_id"], ["id"], 1.0)]
    assert [(k.fields, k.reference) for k in foreign_keys(visits, wards)] == [(["ward"], ["code"])]
    assert foreign_keys(patients, visits) == []


def test_numbers_that_happen_to_agree_are_no_foreign_key(table):
    assert foreign_keys(table({"n": [1, 2, 2], "x": [1, 1, 2]}), table({"size": [1, 2, 3], "y": [4, 4, 4]}, "o")) == []


def test_a_key_of_several_columns_is_found_under_the_same_names(table):
    hours = {"airport": list("abcde") * 2, "hour": [1] * 5 + [2] * 5, "wind": [3] * 10}
    flights = table({"flight": range(12), **{name: [*cells, *cells[:2]] for name, cells in hours.items()}}, "flights")
    found = foreign_keys(flights, table(hours, "weather"))
    assert (found[0].fields, found[0].reference) == (["airport", "hour"], ["airport", "hour"])


def test_rows_of_one_person_belong_together(table):
    people = [f"p{n}" for n in range(12)] * 2
    assert group_column(table({"patient": people, "x": range(24)})) == "patient"
    assert group_column(table({"colour": people, "x": range(24)})) is None


def hits(found, rule):
    """What the ledger would say of a rule, beside those that the table needs."""
    entries = {r.name: r.options for r in [*found.rules, rule]}
    parsed = parse_rules(entries, FUNCTIONS, "clean.t")
    measured = {(r.name, r.column): measure(r, found.frame) for r in parsed if r.function.measure}
    return clean_part(found.frame, parsed, measured).hits[rule.name]


def test_suggestions_say_how_much_they_would_hit(table):
    found = table(
        {
            "size": [*range(10, 68), 900, 950],
            "low": [*range(10, 69), -900],
            "age": [*range(20, 48), 99, 99] * 2,
            "weight": [*range(50, 76), *[-999] * 4] * 2,
            "Sex": ["male", "female", "Male"] + ["male"] * 57,
            "grade": ["a", "b"] * 30,
        }
    )
    suggestions = suggest(found, found.frame)
    assert [(rule.name, rule.options, rule.comment) for rule in suggestions] == [
        (
            "outlying_size",
            {"rule": "blank_outside", "column": "size", "max": 143},
            "2 cells: over 143, 3 interquartile ranges out",
        ),
        (
            "outlying_low",
            {"rule": "blank_outside", "column": "low", "min": -64.8},
            "1 cell: under -64.8, 3 interquartile ranges out",
        ),
        (
            "no_value_age",
            {"rule": "blank_outside", "column": "age", "max": 47},
            '4 cells: 99; if it means "no value", better add it to missingValues in contract.yaml',
        ),
        (
            "no_value_weight",
            {"rule": "blank_outside", "column": "weight", "min": 50},
            '8 cells: -999; if it means "no value", better add it to missingValues in contract.yaml',
        ),
        (
            "one_spelling_sex",
            {"rule": "replace", "column": "Sex", "values": {"Male": "male"}},
            "1 cell: upper and lower case",
        ),
    ]
    assert [hits(found, rule) for rule in suggestions] == [2, 1, 4, 8, 1]


def test_outliers_of_the_target_go_with_their_rows(table):
    found = table({"x": [*range(10, 69), 900], "z": ["a", "b"] * 30})
    (rule,) = suggest(found, found.frame, "x")
    assert rule.options["rule"] == "drop_outside" and hits(found, rule) == 1


def test_repeated_rows_are_counted(table):
    found = table("a,b\n1,x\n1,x\n1,x\n2,x\n")
    (rule,) = suggest(found, found.frame)
    assert (rule.options, rule.comment) == (
        {"rule": "drop_duplicates", "columns": ["a", "b"], "keep": "first"},
        "2 rows: the same as another in every column",
    )
    assert hits(found, rule) == 2


def test_a_table_of_nothing_but_empty_columns_is_taken_as_it_is(table):
    found = table("a,b,,\n1,,,\n2,,,\n")
    assert [(column.name, column.kind) for column in found.columns] == [
        ("a", "number"),
        ("b", "empty"),
        ("column_3", "empty"),
        ("column_4", "empty"),
    ]
    assert isinstance(found.frame, pd.DataFrame) and len(found.frame) == 2
