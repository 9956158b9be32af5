"""What the report says first, and what it warns of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.params import Split
from pipeline.report.facts import Facts
from pipeline.report.model import interval, main_metric
from pipeline.report.words import SPACE, count, counted, metric, number, percent, score, some

MANY_REJECTED = 0.05  # share of a table's rows
MUCH_MISSING = 0.2  # share of an input's values
MOST_FINDINGS = 5  # of a kind that are told one by one
# The checks of metrics/evaluation.json: how to call them, and whether they can make all other numbers worthless.
FINDINGS = {
    "predicts_alone": ("One column almost gives the answer away", True),
    "same_key": ("Training and test part share keys", True),
    "same_row": ("Training and test part share rows", True),
    "no_better_than_baseline": ("No better than a guess that looks at no input", True),
    "few_rows": ("Judged by few rows", True),
    "few_clusters": ("Its intervals may be too narrow", False),
    "no_better_than_linear": ("No better than a simple linear model", False),
    "worse_than_folds": ("Worse on the test part than in training", False),
    "miscalibrated": ("Its probabilities are off", False),
    "weak_slice": ("Weaker for some groups", False),
    "drifted_column": ("Training and test part differ", False),
    "unseen_category": ("Values that the model never saw", False),
    "identifier": ("A column names rows more than it describes them", False),
    "constant_column": ("A column that never changes", False),
    "same_column": ("Two columns that say the same", False),
}
COMPARED = {
    "better": "clearly better than",
    "alike": "not clearly better than",
    "worse": "clearly worse than",
}
BESIDE = {"baseline": "a guess that looks at no input", "linear": "a simple linear model"}


@dataclass(frozen=True)
class Doubt:
    """A reason to distrust; the serious ones first."""

    title: str
    text: str
    is_serious: bool = False


def split_in_words(split: Split) -> str:
    """How the test part was chosen."""
    share = percent(split.test_share)
    if split.by == "time":
        return f"the latest {share} of the rows by {split.column}, as in real use"
    if split.by == "group":
        return f"{share} of the groups of {split.column}, drawn by a hash, none of which the model learned from"
    return f"{share} of the rows, drawn by a hash of the {'primary key' if split.by == 'key' else 'row number'}"


def verdict(facts: Facts) -> list[str]:
    """How good the model is, in sentences."""
    evaluation = facts.evaluation
    name = main_metric(evaluation)
    numbers = (evaluation.get("metrics") or {}).get(name) or {}
    value = numbers.get("value")
    if name is None or value is None:
        return ["How good the model is, is not known: it was not evaluated, or its main metric has no value."]
    between = interval(numbers.get("low"), numbers.get("high"))
    sure = f" (95{SPACE}% interval: {between})" if between else ""
    if name == "roc_auc" and evaluation.get("task") == "binary":
        low, high = numbers.get("low"), numbers.get("high")
        cases = f" ({100 * low:.0f} to {100 * high:.0f} with 95{SPACE}% confidence)" if between else ""
        so = f"{facts.settings.serve.target} is {positive_class(evaluation)}"
        said = [
            f"Of two rows, one where {so} and one where it is not, "
            f"the model gives the right one the higher score in {100 * value:.0f} of 100 cases{cases}. "
            "A coin does so in 50."
        ]
    else:
        how = metric(name)
        better = "higher" if how.higher else "lower"
        said = [f"Its {how.label} on the test part is {score(value)}{sure}; {better} is better."]
    error = ((evaluation.get("metrics") or {}).get("mae") or {}).get("value")
    if error is not None:
        unit = next((each.get("unit", "") for each in facts.fields if each["name"] == evaluation.get("target")), "")
        said.append(f"On average its answer is off by {number(error, 3)}{SPACE if unit else ''}{unit}.")
    for how_it_is, words in COMPARED.items():
        named = [
            f"{words_of} ({score(numbers[key])})"
            for key, words_of in BESIDE.items()
            if compared(numbers, key, name) == how_it_is
        ]
        if named:
            said.append(f"Its {metric(name).label} of {score(value)} is {words} that of {' and of '.join(named)}.")
    return said


def compared(numbers: Mapping[str, Any], key: str, name: str) -> str:
    """Whether a metric is surely better or worse than what stands beside it: of the linear model by their difference.

    Returns:
        `better`, `worse` or `alike`; empty where there is nothing to compare.
    """
    beside = numbers.get(key)
    if key == "linear":
        low, high = numbers.get("gain_low"), numbers.get("gain_high")
    else:
        sign = 1 if metric(name).higher else -1
        limits = (numbers.get("low"), numbers.get("high"))
        low, high = (None, None) if None in (*limits, beside) else sorted(sign * (limit - beside) for limit in limits)
    if low is None or high is None or beside is None:
        return ""
    return "alike" if low <= 0 <= high else "better" if low > 0 else "worse"


def positive_class(evaluation: Mapping[str, Any]) -> str:
    """The class that a binary classifier looks for."""
    classes = evaluation.get("classes") or ["not so", "so"]
    return str(classes[1]).lower() if isinstance(classes[1], bool) else str(classes[1])


def gate_in_words(evaluation: Mapping[str, Any]) -> str:
    """Whether the bar that params.yaml sets is reached."""
    gate = evaluation.get("gate") or []
    if not gate:
        return "params.yaml sets no gate that the model would have to pass."
    failed = [line for line in gate if not line["passed"]]
    if not failed:
        return f"It passes the gate that params.yaml sets ({some([line['line'] for line in gate], 4)})."
    return f"It does not pass the gate: {some([line['line'] for line in failed], 4)}."


def doubts(facts: Facts) -> list[Doubt]:
    """Every reason to distrust that the numbers give, the serious ones first."""
    found = [*_of_model(facts), *_of_data(facts)]
    return sorted(found, key=lambda doubt: not doubt.is_serious)


def _of_model(facts: Facts) -> Iterator[Doubt]:
    evaluation = facts.evaluation
    for line in evaluation.get("gate") or []:
        if not line["passed"]:
            yield Doubt("The gate is not passed", f"{line['line']}, found {score(line['value'])}.", True)
    found: dict[str, list[str]] = {}
    for finding in evaluation.get("findings") or []:
        is_shown = finding.get("column") not in facts.personal
        said = finding["message"] if is_shown else "in a column that is personal, so not shown"
        found.setdefault(finding["check"], []).append(said)
    for check, messages in found.items():
        title, is_serious = FINDINGS.get(check, (check.replace("_", " ").capitalize(), True))
        yield Doubt(title, _sentence("; ".join(messages[:MOST_FINDINGS])) + _others(messages), is_serious)
    name = main_metric(evaluation)
    worse = [
        f"{metric(other).label} {score(each['value'])}, the guess {score(each['baseline'])}"
        for other, each in (evaluation.get("metrics") or {}).items()
        if other != name and compared(each, "baseline", other) == "worse"
    ]
    if worse:
        yield Doubt("Worse than a guess by some metrics", f"{some(worse, 5)}.")
    for undefined, reason in (evaluation.get("undefined") or {}).items():
        yield Doubt(f"{metric(undefined).label} has no value", f"{reason}.")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _others(messages: list[str]) -> str:
    left = len(messages) - MOST_FINDINGS
    return f" And {count(left)} more." if left > 0 else ""


def _of_data(facts: Facts) -> Iterator[Doubt]:
    for name, table in facts.ledger.items():
        came, gone = table["rows_in"], table["rows_rejected"]
        if came and gone / came >= MANY_REJECTED:
            text = f"{count(gone)} of {counted(came, 'row')} ({percent(gone, came)}): the rest may not speak for all."
            yield Doubt(f"Many rows of {name} are rejected", text)
        if unknown := table.get("columns_not_in_contract"):
            yield Doubt(f"Columns of {name} are not used", f"The contract does not list them: {some(unknown, 8)}.")
    rows = facts.joins.get("rows")
    for name, unmatched in (facts.joins.get("unmatched_rows") or {}).items():
        if unmatched and rows:
            those = f"{count(unmatched)} of {counted(rows, 'row')} ({percent(unmatched, rows)})"
            yield Doubt(f"Rows without a partner in {name}", f"{those}: what {name} would say of them is missing.")
    inputs = facts.settings.serve.inputs
    sparse = [n for n in inputs if n in facts.distributions and facts.distributions[n].missing >= MUCH_MISSING]
    if sparse:
        listed = some([f"{name} ({percent(facts.distributions[name].missing)})" for name in sparse], 6)
        yield Doubt("Inputs with many missing values", f"{listed}.")
