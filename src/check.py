"""Check: find every mistake in params.yaml, contract.yaml and CITATION.cff before any work starts.

It also writes what the stages use of the contract (data/schema/), without its prose, so that a better description does
not run them again.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

import features as feature_functions
import rules as rule_functions
from pipeline import citation, contract, params, sources, stage
from pipeline.cleaning import Measured, Rule, before_phase, clean_part, measure, parse_tables
from pipeline.consistency import contract_mistakes, mistakes_between, ready_mistakes
from pipeline.contract import Contract, Resource
from pipeline.derive import check_features, derive, functions_of
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.joins import join_part, joined_columns, make_lookup
from pipeline.lineage import WHERE as JOINS
from pipeline.lineage import marked_columns, refuse_hindsight
from pipeline.params import Params
from pipeline.splitting import ready_columns
from pipeline.tables import DTYPES

REPORT = Path("metrics/check.json")


def main() -> None:
    errors: list[ProjectError] = []
    settings = attempt(errors, params.load_all)
    package = attempt(errors, contract.load)
    attempt(errors, citation.load)
    if package:
        errors += contract_mistakes(package)
    if settings:
        attempt(errors, sources.check, settings.access)
        attempt(errors, check_model, settings)
    if settings and package:
        errors += mistakes_between(settings, package)
        errors += mistakes_of_names(settings, package)
        if not errors:
            errors += rehearse(settings, package)
    if errors:
        raise ProjectErrors(errors)
    write_schemas(package)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text('{\n  "mistakes": 0\n}\n', encoding="utf-8")


def attempt(errors: list[ProjectError], function: Callable, *arguments: Any) -> Any:
    """Call a function; note the mistakes that it finds, and return None then."""
    try:
        return function(*arguments)
    except ProjectErrors as mistakes:
        errors += mistakes.errors
    except ProjectError as mistake:
        errors.append(mistake)


def check_model(settings: Params) -> None:
    from sklearn.base import RegressorMixin  # it takes seconds to import, so not before it is needed

    from pipeline import modelling, scoring

    modelling.check_model(settings.train)
    regression = issubclass(modelling.model_class(settings.train.model), RegressorMixin)
    scoring.check_gate(settings.evaluate.gate, scoring.METRICS["regression" if regression else "binary"])


def mistakes_of_names(settings: Params, package: Contract) -> list[ProjectError]:
    """What names alone tell: rules, features, inputs and a target that speak of what is not there, and hindsight."""
    errors: list[ProjectError] = []
    schema, transform = package.raw(), settings.transform
    attempt(errors, parse_tables, settings.clean, schema, vars(rule_functions))
    if not {transform.table, *transform.joins} <= set(schema):
        return errors  # mistakes_between has told it
    main, functions = schema[transform.table], functions_of(feature_functions)
    columns = attempt(errors, joined_columns, main, transform.joins, schema, JOINS)
    if columns is None:
        return errors
    features = attempt(errors, check_features, transform.features, functions, columns)
    key, slices = main.table_schema.primaryKey, settings.evaluate.slices
    attempt(errors, ready_columns, settings.serve, slices, key, [*columns, *transform.features])
    if features is not None:
        marked = {
            mark: marked_columns(mark, schema, package.ready(), transform, functions)
            for mark in ("hindsight", "personal")
        }
        errors += refuse_hindsight(settings.serve.inputs, marked["hindsight"])
        errors += [
            ProjectError(
                "params.yaml: evaluate.slices",
                f"`{name}` is personal, and metrics would show its values",
                "Slice by a column that may be seen.",
            )
            for name in slices
            if name in marked["personal"]
        ]
    return errors


def rehearse(settings: Params, package: Contract) -> list[ProjectError]:
    """Run clean and transform on tables without rows: what fails there would fail after hours of work."""
    errors: list[ProjectError] = []
    schema, transform = package.raw(), settings.transform
    rules = parse_tables(settings.clean, schema, vars(rule_functions))
    cleaned = {name: attempt(errors, rehearse_rules, schema[name], rules[name]) for name in schema}
    if errors:
        return errors
    main = schema[transform.table]
    lookups = [attempt(errors, make_lookup, main, schema[name], cleaned[name]) for name in transform.joins]
    if errors:
        return errors
    joined, _ = join_part(cleaned[main.name], lookups)
    table = attempt(errors, derive, joined, transform.features, functions_of(feature_functions))
    return errors if table is None else ready_mistakes(package.ready(), table)


def rehearse_rules(table: Resource, rules: list[Rule]) -> pd.DataFrame:
    """Clean a table without rows."""
    columns = {field.name: pd.Series(dtype=DTYPES[field.type]) for field in table.table_schema.fields}
    empty = pd.DataFrame(columns)
    repaired = before_phase(empty, "reject", rules, {})
    measured: Measured = {(rule.name, rule.column): measure(rule, repaired) for rule in rules if rule.function.measure}
    return clean_part(empty, rules, measured).kept


def write_schemas(package: Contract) -> None:
    ready = package.ready()
    for file, text in (
        (contract.RAW_SCHEMA, contract.without_prose(package.raw())),
        (contract.READY_SCHEMA, contract.without_prose({contract.READY: ready} if ready else {})),
        (contract.LICENCES, json.dumps(package.licences(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    stage.run(main)
