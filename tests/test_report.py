"""The report: what it tells, what it keeps to itself, and that it stands alone."""

import functools
import itertools
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from pipeline.params import Split
from pipeline.report import charts, columns, context, link, model, render_report, summary, words
from pipeline.report.cleaning import Rejected, read_rejected
from pipeline.report.columns import distribution
from pipeline.report.facts import read_distributions
from pipeline.tables import part_path, write_part
from report_facts import (
    BINARY,
    HOSTILE,
    LEDGER,
    MULTICLASS,
    PART,
    POINTS,
    READY,
    REGRESSION,
    REJECTED,
    hostile,
    interval,
    make_facts,
)

RESIDUALS = pd.DataFrame({"predicted": [1.0, 2.0, 3.0], "actual": [1.5, 2.0, 2.0], "residual": [0.5, 0.0, -1.0]})
CASES = {
    "binary": make_facts(),
    "regression": make_facts(evaluation=REGRESSION, points={"residuals": RESIDUALS}, train={"cv_rmse": 20.0}),
    "multiclass": make_facts(evaluation=MULTICLASS, points={}, train={"cv_f1": 0.5}),
    "nothing evaluated": make_facts(evaluation={}, points={}, train={}, joins={}),
    "two rows": make_facts(
        ledger={"visits": {"rows_in": 2, "rows_kept": 2, "rows_rejected": 0}},
        rejected={"visits": Rejected({}, pd.DataFrame())},
        distributions={name: distribution(READY[name][5:7], PART[5:7]) for name in READY},
    ),
    "no rows": make_facts(
        ledger={"visits": {"rows_in": 0, "rows_kept": 0, "rows_rejected": 0, "rules": LEDGER["visits"]["rules"]}},
        rejected={"visits": Rejected({}, pd.DataFrame())},
        distributions={name: distribution(READY[name][:0], PART[:0]) for name in READY},
    ),
}


@functools.cache
def rendered(case: str) -> str:
    return render_report(CASES[case])


@pytest.fixture
def page() -> str:
    return rendered("binary")


def text_of(page: str) -> str:
    return " ".join(html.fromstring(page).find("body").text_content().split()).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("case", CASES)
def test_the_page_has_its_sections_in_order_whatever_there_is_to_tell(case):
    tree = html.fromstring(rendered(case))
    assert [heading.text for heading in tree.iter("h2")] == [
        "In short",
        "What was asked",
        "Where the data come from",
        "What cleaning did",
        "What the columns are",
        "How good the model is",
        "Where it is weak",
        "What to distrust",
        "How to rebuild it",
    ]
    levels = [int(heading.tag[1]) for heading in tree.iter("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("case", CASES)
def test_every_link_inside_the_page_arrives_and_no_id_repeats(case):
    tree = html.fromstring(rendered(case))
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in tree.xpath("//@href") if href.startswith("#")} <= set(ids)


def test_the_same_facts_give_the_same_bytes(page):
    assert render_report(make_facts()) == page


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_loaded_and_no_script_runs(case):
    page = rendered(case)
    tree = html.fromstring(page)
    assert list(tree.iter("script", "iframe", "object", "embed", "img", "form")) == []
    assert [each.get("href") for each in tree.iter("link")] == ["data:,"]
    assert not re.search(r"@import|url\((?!#)|\son\w+=", page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize("case", CASES)
def test_every_picture_is_named_or_hidden_from_screen_readers(case):
    for svg in html.fromstring(rendered(case)).iter("svg"):
        titles = [child.text for child in svg if child.tag == "title"]
        assert svg.get("aria-hidden") == "true" or (svg.get("role") == "img" and titles and titles[0])


def test_the_summary_says_in_words_how_good_the_model_is(page):
    text = text_of(page)
    assert "8 of 12 rows of visits are kept. 4 rows (33 %) are rejected" in text
    assert "gives the right one the higher score in 70 of 100 cases (65 to 75 with 95 % confidence)" in text
    assert "Its ROC AUC of 0.700 is not clearly better than that of a simple linear model (0.680)." in text
    assert "It passes the gate that params.yaml sets (roc_auc at least 0.65)." in text


def test_intervals_of_clusters_say_so_unless_there_were_too_few_to_draw():
    def told(*findings: str) -> bool:
        serve = facts.settings.serve.model_copy(update={"split": Split(by="group", column="hall", test_share=0.25)})
        settings = facts.settings.model_copy(update={"serve": serve})
        found = [{"check": check, "column": None, "message": "m"} for check in findings]
        page = render_report(replace(facts, settings=settings, evaluation={**facts.evaluation, "findings": found}))
        return "those of one hall together" in text_of(page)

    facts = make_facts()
    assert told("weak_slice")
    assert not told("few_clusters")


def test_a_regression_is_told_that_lower_is_better():
    text = text_of(rendered("regression"))
    assert "Its RMSE on the test part is 21.5 (95 % interval: 20 to 23); lower is better." in text
    assert "On average its answer is off by 15." in text
    assert "Its RMSE of 21.5 is clearly better than that of a guess that looks at no input (40.25)." in text


def test_a_failed_gate_is_told_first():
    gate = [{"line": "roc_auc at least 0.9", "value": 0.7, "passed": False}]
    facts = make_facts(evaluation={**BINARY, "gate": gate, "passed": False})
    assert "It does not pass the gate: roc_auc at least 0.9." in text_of(render_report(facts))
    assert summary.doubts(facts)[0] == summary.Doubt(
        "The gate is not passed", "roc_auc at least 0.9, found 0.700.", is_serious=True
    )


def test_a_rule_is_shown_with_its_options_its_hits_and_its_statistic(page):
    text = text_of(page)
    assert "plausible_age reject drop outside column age, min 0, max 120 3 rows" in text
    assert "stayed reject drop missing column stay; measured: stay 0.125 2 rows" in text
    assert "one_hall_one_name repair normalise text column hall, case lower 5 cells" in text


def test_rejected_rows_are_shown_with_reasons_and_what_the_rule_looked_at(page):
    rows = html.fromstring(page).xpath("//table[@class='rows']/tbody/tr")
    cells = [[" ".join(cell.text_content().split()) for cell in row] for row in rows]
    assert cells == [
        ["plausible_age", "4", "101", "400", "12.5", "East"],
        ["plausible_age, stayed", "5", "102", "-3", "missing", "WEST"],
        ["stayed", "9", "103", "33", "missing", "west"],
    ]
    assert [[mark.text for mark in row.iter("mark")] for row in rows] == [["400"], ["-3", "missing"], ["missing"]]


def test_nothing_personal_is_on_the_page():
    findings = [{"check": "unseen_category", "column": "guest", "message": "`guest` is `Ann` in 2 rows"}]
    page = render_report(make_facts(evaluation={**BINARY, "findings": findings}))
    assert "Ann" not in page
    assert "in a column that is personal, so not shown." in page


def test_rejected_rows_are_read_without_personal_columns(tmp_path):
    rows = pd.concat([REJECTED, REJECTED, REJECTED]).assign(guest="Ann")
    write_part(rows[:4], part_path(tmp_path, 0))
    write_part(rows[4:], part_path(tmp_path, 1))
    rejected = read_rejected(tmp_path, {"guest"})
    assert rejected.reasons == {"plausible_age": 3, "plausible_age, stayed": 3, "stayed": 3}
    assert rejected.examples["broken_rules"].tolist() == [reason for reason in rejected.reasons for _ in range(3)]
    assert "guest" not in rejected.examples.columns


def test_html_in_the_data_is_shown_as_text():
    tree = html.fromstring(render_report(hostile()))
    assert list(tree.iter("script", "img")) == []
    assert [href for href in tree.xpath("//@href") if not href.startswith(("#", "https://", "data:,"))] == []
    assert all(
        name.startswith(("aria-", "data-")) or not name.startswith("on") for e in tree.iter() for name in e.attrib
    )
    assert tree.findtext(".//h1") == HOSTILE


@pytest.mark.parametrize("name", ["$x_", "a$b$c", "\N{HIRAGANA LETTER A}", "<b>&amp;"])
def test_the_name_of_a_rule_is_drawn_as_it_is(name, recwarn):
    svg = charts.stream([("came in", "9 rows"), ("reject", "3 rows leave")], [(name, 3)], 9, "rows")
    assert name in html.fromstring(svg).text_content()
    assert list(recwarn) == []


def test_only_addresses_of_the_web_become_links():
    assert (
        link("a", "https://example.org/b?c=1&d=2")
        == '<a href="https://example.org/b?c=1&amp;d=2" rel="noreferrer">a</a>'
    )
    for address in ("javascript:alert(1)", "data:text/html,x", "/etc/passwd", "https://a b", None):
        assert link("a", address) == "a"


def test_a_hundred_columns_stay_under_a_megabyte():
    fields = [{"name": f"c{n}", "type": "number", "description": "A column " * 10} for n in range(100)]
    held = distribution(pd.Series(range(1000), dtype="float64"), pd.Series(["train"] * 500 + ["test"] * 500))
    page = render_report(make_facts(fields=fields, distributions={field["name"]: held for field in fields}))
    assert page.count("<title>Distribution of") == 100
    assert len(page.encode()) < 1_000_000


def test_target_and_inputs_come_first_among_the_columns():
    assert [column["name"] for column in context(make_facts())["columns"]] == ["long", "age", "hall", "id"]


def test_a_column_of_few_values_gets_a_bar_each():
    held = distribution(READY["hall"], PART)
    assert held.summary == "4 values"
    assert [(bar.value, *bar.shares) for bar in held.bars] == [
        ("east", 1 / 3, 0.0), ("north", 1 / 3, 0.0), ("south", 0.0, 1.0), ("west", 1 / 3, 0.0),
    ]  # fmt: skip


def test_whole_numbers_fall_evenly_into_bins():
    held = distribution(pd.Series(range(60), dtype="Int64"), pd.Series(["train"] * 60))
    assert held.bins[0] == tuple([0.05] * 20)
    assert held.bins[1] == (0.0,) * 20
    assert held.summary == "0 to 59, median 30"


def test_one_extreme_value_does_not_flatten_the_picture():
    values = pd.Series([*range(1000), 10**9], dtype="float64")
    held = distribution(values, pd.Series(["train"] * 1001))
    assert held.ends == ("5", "995")
    assert max(held.bins[0]) < 0.1
    assert held.summary == "0 to 1,000,000,000, median 500"


def test_texts_that_never_repeat_get_no_picture():
    held = distribution(pd.Series([f"t{n}" for n in range(50)]), pd.Series(["train"] * 50))
    assert (held.summary, held.bars, held.bins) == ("50 values, each once", (), ())


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e300, 1e300), st.integers(-5, 5)), max_size=40),
    st.sampled_from(["float64", "Int64", "str", "boolean", "datetime64[us]"]),
)
def test_any_column_can_be_looked_at(values, dtype):
    if dtype == "Int64":
        values = [None if value is None else int(max(min(value, 2**62), -(2**62))) for value in values]
    elif dtype == "boolean":
        values = [None if value is None else value > 0 for value in values]
    elif dtype == "str":
        values = [None if value is None else str(value) for value in values]
    elif dtype == "datetime64[us]":
        values = [None if value is None else pd.Timestamp(int(value) % 4 * 10**9) for value in values]
    held = distribution(pd.Series(values, dtype=dtype), pd.Series(["train"] * len(values), dtype="str"))
    assert 0 <= held.missing <= 1
    for side in held.bins:
        assert sum(side) == pytest.approx(1) or sum(side) == 0


def test_distributions_are_read_a_column_at_a_time(tmp_path):
    path = tmp_path / "visits.parquet"
    write_part(READY.assign(part=PART), path)
    assert read_distributions(path, ["age"]) == {"age": distribution(READY["age"], PART)}


def test_a_path_of_steps_is_closed_along_the_bottom_or_open():
    assert columns.steps((0.5, 1.0), 1.0, 10, 4) == "M0 4H0.0V2.0H5.0H5.0V0.0H10.0V4Z"
    assert columns.steps((0.5, 1.0), 1.0, 10, 4, closed=False).endswith("V4")


def test_the_worst_slice_comes_first_and_is_marked_when_it_is_clearly_worse():
    (group,) = model.slice_columns(BINARY, "roc_auc", {"guest"})
    assert [(each.value, each.is_weak) for each in group.slices] == [("west", True), ("east", False)]
    (group,) = model.slice_columns(REGRESSION, "rmse", set())
    assert [(each.value, each.is_weak) for each in group.slices] == [("east", True)]


def test_the_confusion_is_in_shares_of_the_actual_class():
    assert model.confusion(POINTS["confusion"]).rows == [("false", [75.0, 25.0]), ("true", [0.0, 100.0])]


def test_of_many_classes_the_most_frequent_are_shown():
    names = [f"c{n:02}" for n in range(20)]
    confusion = model.confusion(pd.DataFrame({"actual": names, "predicted": names, "rows": range(1, 21)}))
    assert [name for name, _ in confusion.rows] == [f"c{n:02}" for n in range(8, 20)]
    assert confusion.left_out == 8


def test_numbers_that_give_no_reason_to_distrust_give_none():
    evaluation = {
        **BINARY,
        "slices": [],
        "findings": [],
        "drift": [],
        "undefined": {},
        "rows": {"train": 900, "test": 300},
    }
    evaluation["metrics"] = {"roc_auc": {"value": 0.8, "low": 0.78, "high": 0.82, "baseline": 0.5, "linear": 0.7}}
    ledger = {"visits": {**LEDGER["visits"], "rows_kept": 12, "rows_rejected": 0, "columns_not_in_contract": []}}
    facts = make_facts(evaluation=evaluation, ledger=ledger, train={"cv_roc_auc": 0.8, "cv_roc_auc_std": 0.01})
    assert summary.doubts(facts) == []
    assert "The numbers give no reason to distrust." in render_report(facts)


DOUBTS = {
    "Values that the model never saw": {},
    "Training and test part share keys": {},
    "Worse than a guess by some metrics": {
        "evaluation": {**BINARY, "metrics": {**BINARY["metrics"], "accuracy": interval(0.5, 0.02, 0.8)}}
    },
    "Log loss has no value": {},
    "Many rows of visits are rejected": {},
    "Columns of visits are not used": {},
    "Rows without a partner in guests": {"joins": {"rows": 8, "unmatched_rows": {"guests": 3}}},
    "Inputs with many missing values": {
        "distributions": {name: distribution(READY[name].where(READY.index > 3), PART) for name in READY}
    },
}


@pytest.mark.parametrize("title", DOUBTS)
def test_a_reason_to_distrust_is_named(title):
    assert title in [doubt.title for doubt in summary.doubts(make_facts(**DOUBTS[title]))]


def test_findings_of_a_kind_are_told_together_and_the_serious_ones_first():
    assert [doubt.title for doubt in summary.doubts(make_facts()) if doubt.is_serious] == [
        "Training and test part share keys"
    ]
    assert summary.doubts(make_facts())[0].is_serious
    assert summary.Doubt(
        "Weaker for some groups",
        "roc_auc is 0.55 for `hall` west, and 0.7 for all; roc_auc is 0.6 for `hall` south, and 0.7 for all.",
    ) in summary.doubts(make_facts())
    many = [{"check": "unheard_of", "column": None, "message": f"m{n}"} for n in range(8)]
    assert summary.doubts(make_facts(evaluation={**BINARY, "findings": many}))[0] == summary.Doubt(
        "Unheard of", "m0; m1; m2; m3; m4. And 3 more.", is_serious=True
    )


def test_a_metric_is_compared_by_its_whole_interval():
    beside = {"low": 0.6, "high": 0.7, "a": 0.5, "b": 0.65, "c": 0.8, "d": None}
    assert [summary.compared(beside, key, "roc_auc") for key in "abcd"] == ["better", "alike", "worse", ""]
    assert [summary.compared(beside, key, "log_loss") for key in "abcd"] == ["worse", "alike", "better", ""]


def test_every_check_of_evaluate_has_a_title():
    source = (Path(summary.__file__).parents[1] / "findings.py").read_text()
    assert set(re.findall(r'finding\(\s*"(\w+)"', source)) == set(summary.FINDINGS)


def test_the_rows_kept_are_divided_only_where_balancing_left_them_whole():
    svg = context(make_facts())["main"].picture
    assert "to learn from" in svg
    balanced = make_facts(evaluation={**BINARY, "rows": {"train": 20, "test": 2}})
    assert "to learn from" not in context(balanced)["main"].picture


def test_a_chart_has_the_colours_of_the_page_and_no_others():
    svg = charts.roc(POINTS["roc"], "0.700").svg
    assert "var(--accent)" in svg
    assert not re.search(r"#[0-9a-f]{6}(?![0-9a-f])(?=[;\"])", svg)
    assert "<title>ROC curve</title>" in svg


def test_a_curve_has_its_numbers_beside_it():
    picture = charts.calibration(POINTS["calibration"])
    assert picture.heads == ("predicted probability", "share that came true")
    assert picture.rows == [("0.100", "0.200"), ("0.500", "0.500"), ("0.900", "0.700")]
    curve = {"recall": [n / 199 for n in range(200)], "precision": [1.0] * 200}
    rows = charts.precision_recall(curve, None).rows
    assert (len(rows), rows[0], rows[-1]) == (11, ("0.000", "1.000"), ("1.000", "1.000"))


def test_a_setting_of_the_users_matplotlib_changes_no_byte():
    import matplotlib

    before = charts.roc(POINTS["roc"], "0.700")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "axes.prop_cycle": "cycler('color', ['r'])"}):
        assert charts.roc(POINTS["roc"], "0.700") == before


def test_the_example_of_an_experiment_changes_a_threshold_of_this_project(page):
    assert "dvc exp run -S clean.visits.plausible_age.min=0" in page


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.number(51955), "51,955"),
        (words.number(2013), "2013"),
        (words.number(0.0312345), "0.03123"),
        (words.number(-4.0), "\N{MINUS SIGN}4"),
        (words.number(None), "\N{EN DASH}"),
        (words.score(0.64), "0.640"),
        (words.score(-0.0002), "0.000"),
        (words.percent(1, 10_000).replace("\N{NO-BREAK SPACE}", " "), "under 0.1 %"),
        (words.percent(9_999, 10_000).replace("\N{NO-BREAK SPACE}", " "), "over 99.9 %"),
        (words.counted(1, "row"), "1 row"),
        (words.counted(0, "row"), "no rows"),
        (words.some(["a", "b", "c"], 2), "a, b, … 1 more"),
    ],
)
def test_numbers_are_said_as_people_say_them(said, expected):
    assert said == expected


def test_a_metric_without_words_is_called_by_its_name():
    assert words.metric("kappa").label == "kappa"
    evaluation = {**BINARY, "metrics": {"kappa": {"value": 0.4, "low": None, "high": None}}}
    assert "kappa" in text_of(render_report(replace(make_facts(), evaluation=evaluation, train={})))
