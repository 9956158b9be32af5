"""What the report is made of, for tests: a small project in the form that the stages write."""

from dataclasses import replace
from typing import Any

import pandas as pd

from pipeline.contract import Contract
from pipeline.params import Params, validate
from pipeline.report.cleaning import Rejected
from pipeline.report.columns import distribution
from pipeline.report.facts import Facts

CONTRACT = {
    "name": "visits",
    "title": "Visits to a museum",
    "description": "Every visit of a week, and whether it was long.",
    "licenses": [{"name": "CC0-1.0", "path": "https://creativecommons.org/publicdomain/zero/1.0/"}],
    "sources": [{"title": "The front desk", "path": "https://example.org/desk"}],
    "resources": [
        {
            "name": "visits",
            "path": "data/raw/visits/visits.csv",
            "title": "Visits",
            "schema": {
                "primaryKey": ["id"],
                "fields": [
                    {"name": "id", "type": "integer"},
                    {"name": "guest", "personal": True},
                    {"name": "age", "type": "integer", "unit": "a", "description": "Age of the guest"},
                    {"name": "hall", "description": "Hall of the museum"},
                    {"name": "stay", "type": "number", "unit": "min", "hindsight": True},
                ],
            },
        },
        {
            "name": "ready",
            "path": "data/ready",
            "schema": {"fields": [{"name": "long", "type": "boolean", "description": "An hour or more"}]},
        },
    ],
}
PARAMS = {
    "seed": 1,
    "partition_rows": 1000,
    "access": {"visits": {"uri": "data/source/visits.csv", "sha256": "a" * 64}},
    "clean": {
        "visits": {
            "plausible_age": {"rule": "drop_outside", "column": "age", "min": 0, "max": 120},
            "stayed": {"rule": "drop_missing", "column": "stay"},
            "one_hall_one_name": {"rule": "normalise_text", "column": "hall", "case": "lower"},
            "known_guest": {"rule": "drop_missing", "column": "guest", "secret": "Ann"},
        }
    },
    "transform": {"table": "visits", "features": {"long": "stay >= 60"}},
    "serve": {"target": "long", "inputs": ["age", "hall"], "split": {"by": "key", "test_share": 0.25}},
    "train": {"model": "sklearn.tree.DecisionTreeClassifier"},
    "evaluate": {"slices": ["hall"]},
    "publish": {"name": "visits"},
}
LEDGER = {
    "visits": {
        "rows_in": 12,
        "rows_kept": 8,
        "rows_rejected": 4,
        "columns_not_in_contract": ["remark"],
        "rules": {
            "plausible_age": {"phase": "reject", "rows_hit": 3},
            "stayed": {"phase": "reject", "rows_hit": 2, "statistics": {"stay": 0.125}},
            "one_hall_one_name": {"phase": "repair", "cells_changed": 5},
            "known_guest": {"phase": "reject", "rows_hit": 0},
        },
    }
}
READY = pd.DataFrame(
    {
        "id": pd.array(range(8), "Int64"),
        "age": pd.array([10, 20, 30, 40, 50, 60, 70, None], "Int64"),
        "hall": pd.array(["east", "east", "west", "west", "north", "north", "south", "south"], "str"),
        "long": pd.array([True, False, True, False, True, False, True, False], "boolean"),
    }
)
PART = pd.Series(["train"] * 6 + ["test"] * 2, dtype="str")
FIELDS = [
    {"name": "id", "type": "integer"},
    {"name": "age", "type": "integer", "unit": "a", "description": "Age of the guest"},
    {"name": "hall", "type": "string", "description": "Hall of the museum"},
    {"name": "long", "type": "boolean", "description": "An hour or more"},
]
REJECTED = pd.DataFrame(
    {
        "id": pd.array([101, 102, 103], "Int64"),
        "age": pd.array([400, -3, 33], "Int64"),
        "hall": pd.array(["East", "WEST", "west"], "str"),
        "stay": [12.5, None, None],
        "broken_rules": ["plausible_age", "plausible_age, stayed", "stayed"],
        "source_file": "visits.csv",
        "source_row": [4, 5, 9],
    }
)


def interval(value: float, width: float = 0.02, baseline: float | None = None, linear: float | None = None) -> dict:
    found = {"value": value, "low": value - width, "high": value + width, "baseline": baseline, "linear": linear}
    gain = None if linear is None else abs(value - linear)
    return found | {
        "gain_low": None if gain is None else gain - width,
        "gain_high": None if gain is None else gain + width,
    }


BINARY = {
    "task": "binary",
    "target": "long",
    "classes": [False, True],
    "threshold": 0.375,
    "rows": {"train": 6, "test": 2},
    "metrics": {
        "roc_auc": interval(0.7, 0.05, 0.5, 0.68),
        "average_precision": interval(0.6, 0.05, 0.4, 0.55),
        "log_loss": {"value": None, "low": None, "high": None, "baseline": None, "linear": None},
    },
    "slices": [
        {"column": "hall", "value": "east", "rows": 40, "metrics": {"roc_auc": interval(0.8)}},
        {"column": "hall", "value": "west", "rows": 30, "metrics": {"roc_auc": interval(0.55)}},
        {"column": "guest", "value": "Ann", "rows": 30, "metrics": {"roc_auc": interval(0.55)}},
    ],
    "importance": [{"column": "age", "mean": 0.1, "std": 0.01}, {"column": "hall", "mean": -0.001, "std": 0.002}],
    "drift": [{"column": "age", "measure": "kolmogorov_smirnov", "value": 0.3}],
    "findings": [
        {
            "check": "unseen_category",
            "column": "hall",
            "message": "1 value of `hall` does not stand in the training part",
        },
        {"check": "weak_slice", "column": "hall", "message": "roc_auc is 0.55 for `hall` west, and 0.7 for all"},
        {"check": "weak_slice", "column": "hall", "message": "roc_auc is 0.6 for `hall` south, and 0.7 for all"},
        {"check": "same_key", "column": None, "message": "2 of 2 rows have the key of a training row"},
    ],
    "gate": [{"line": "roc_auc at least 0.65", "value": 0.7, "passed": True}],
    "passed": True,
    "undefined": {"log_loss": "the model gives no probabilities"},
}
POINTS = {
    "roc": pd.DataFrame({"false_positive_rate": [0.0, 0.2, 1.0], "true_positive_rate": [0.0, 0.6, 1.0]}),
    "precision_recall": pd.DataFrame({"recall": [0.0, 0.5, 1.0], "precision": [1.0, 0.7, 0.4]}),
    "calibration": pd.DataFrame({"predicted": [0.1, 0.5, 0.9], "observed": [0.2, 0.5, 0.7]}),
    "confusion": pd.DataFrame(
        {"actual": ["false", "false", "true"], "predicted": ["false", "true", "true"], "rows": [9, 3, 4]}
    ),
    "residuals": pd.DataFrame(),
}
REGRESSION = {
    **BINARY,
    "task": "regression",
    "target": "stay",
    "classes": None,
    "threshold": None,
    "metrics": {"rmse": interval(21.5, 1.5, 40.25, 22.0), "mae": interval(15, 1), "r2": interval(0.7)},
    "slices": [{"column": "hall", "value": "east", "rows": 40, "metrics": {"rmse": interval(30.0, 2.0)}}],
    "undefined": {},
}
MULTICLASS = {
    **BINARY,
    "task": "multiclass",
    "target": "hall",
    "classes": ["east", "north", "south", "west"],
    "threshold": None,
    "metrics": {"accuracy": interval(0.6, 0.1, 0.3, 0.5), "f1": interval(0.5, 0.1, 0.1, 0.4)},
    "slices": [],
    "undefined": {},
}


def make_facts(**changes: Any) -> Facts:
    """The facts of a binary classifier of museum visits, with some of them changed."""
    facts = Facts(
        package=validate(Contract, CONTRACT, "contract.yaml"),
        citation={"title": "Which visits are long?", "authors": [{"given-names": "Ada", "family-names": "Byron"}]},
        settings=validate(Params, PARAMS, "params.yaml"),
        fields=FIELDS,
        distributions={name: distribution(READY[name], PART) for name in READY},
        ledger=LEDGER,
        joins={"rows": 8, "unmatched_rows": {}},
        train={"cv_roc_auc": 0.71, "cv_roc_auc_std": 0.02, "train_rows": 6},
        evaluation=BINARY,
        points=POINTS,
        rejected={"visits": Rejected({"plausible_age": 2, "plausible_age, stayed": 1, "stayed": 1}, REJECTED)},
        personal=frozenset({"guest"}),
    )
    return replace(facts, **changes)


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>'\"&{{7*7}}"


def hostile():
    """Facts with HTML in all that is free text, and texts that never end."""
    long = "x" * 400
    contract = {**CONTRACT, "title": HOSTILE, "description": HOSTILE + long}
    contract["sources"] = [{"title": HOSTILE, "path": "javascript:alert(1)"}]
    contract["licenses"] = [{"name": HOSTILE, "path": "https://example.org/\"onclick='alert(1)'"}]
    params = {**PARAMS, "clean": {"visits": {HOSTILE: {"rule": HOSTILE, "column": "age", "values": {HOSTILE: long}}}}}
    ready = READY.assign(hall=pd.array([HOSTILE, long] * 4, "str"))
    ledger = {**LEDGER["visits"], "columns_not_in_contract": [HOSTILE, long]}
    ledger["rules"] = {HOSTILE: {"phase": "reject", "rows_hit": 3, "statistics": {HOSTILE: HOSTILE}}}
    slices = [
        {"column": HOSTILE, "value": v, "rows": 9, "metrics": {"roc_auc": {"value": 0.5}}} for v in (HOSTILE, long)
    ]
    return make_facts(
        package=validate(Contract, contract, "contract.yaml"),
        citation={"title": HOSTILE, "abstract": HOSTILE + long, "authors": [{"name": HOSTILE}], "message": HOSTILE},
        settings=validate(Params, params, "params.yaml"),
        distributions={name: distribution(ready[name], PART) for name in ready},
        ledger={"visits": ledger},
        points={
            **POINTS,
            "confusion": pd.DataFrame({"actual": [HOSTILE, long], "predicted": [long, HOSTILE], "rows": [2, 1]}),
        },
        rejected={"visits": Rejected({HOSTILE: 4}, REJECTED.assign(hall=HOSTILE + long, broken_rules=HOSTILE))},
        evaluation={**BINARY, "findings": [{"check": HOSTILE, "column": None, "message": HOSTILE}], "slices": slices},
    )
