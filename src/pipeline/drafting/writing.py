"""The drafts as text: params.yaml and contract.yaml with their comments, in the order in which one reads them."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.contract import Field
from pipeline.drafting.plan import Plan
from pipeline.drafting.tables import Column, Rule, Table
from pipeline.params import Source

PARAMS_HEAD = """\
# Every number and choice of the pipeline, drafted by src/draft.py: what it guessed stands here to be looked at and
# changed, by hand or by `dvc exp run -S train.options.{option}`. Unknown keys are mistakes, and are named.

seed: {seed} # of everything random: balancing, splits by hash, cross-validation, models, bootstrap{why_seed}
partition_rows: 250000 # rows that a Parquet part holds at most; bounds the memory of every stage

# Where each raw table comes from. `python src/pin.py` writes the hashes; another hash stops the run.
access:
"""
CLEAN_HEAD = """
# Rules by table; each has a name of your choice and acts in its phase (repair, reject, blank, fill), so that their
# order here does not matter. All rules: src/rules.py. Those behind a # are suggestions, with what they would hit.
clean:
"""
TRANSFORM_HEAD = """
# The main table, the tables that it joins along the contract's foreign keys (their columns get the table's name in
# front), and derived columns: an expression, or a function of src/features.py with its options.
transform:
"""
CONTRACT_HEAD = """\
# What each table and column means: a Frictionless Data Package (https://datapackage.org) that people and programs read.
# Drafted by src/draft.py: types, units and missing values are guesses from the data, the comments tell what was found.
# What nobody can guess is empty: titles, descriptions, licences, sources. Write them; `release` asks for them.
# Two marks are ours: `hindsight: true` (known only after the moment of prediction, so never a model's input, nor
# anything derived from it) and `personal: true` (never in a message, report, bundle or service).
# Columns that are not listed are dropped and counted. A raw table says how the data come, dirt and all; what must hold
# at the end, and what features add, stands in the table `ready`.
"""
PARSING = ("format", "decimalChar", "groupChar", "bareNumber", "trueValues", "falseValues", "missingValues")


def params_text(plan: Plan, sources: Mapping[str, Source]) -> str:
    """The text of params.yaml."""
    model, options = plan.model()
    seed = f"; {plan.trial.why_seed}" if plan.trial.why_seed else ""
    option = next(iter(options))
    text = PARAMS_HEAD.format(seed=plan.trial.seed, why_seed=seed, option=f"{option}={2 * options[option]}")
    for name, source in sources.items():
        text += f"  {name}:\n"
        given = source.model_dump(exclude_defaults=True)
        text += "".join(f"    {key}: {scalar(given[key])}\n" for key in ("uri", "query") if key in given)
        text += f"    sha256: {source.sha256}\n"
    text += CLEAN_HEAD
    for table in plan.tables:
        rules, suggestions = plan.rules[table.name], plan.suggestions[table.name]
        text += f"  {table.name}:" + ("\n" if rules or suggestions else " # no rule yet\n")
        text += "".join(_rule(rule, "    ") for rule in rules) + "".join(_rule(rule, "    # ") for rule in suggestions)
    text += TRANSFORM_HEAD + f"  table: {plan.main.name}\n  joins: {flow(plan.joins)}\n"
    text += "  features:\n" if plan.features else "  features: {} # such as  bmi: weight / height ** 2\n"
    for name, entry in plan.features.items():
        text += f"    {name}: {scalar(entry) if isinstance(entry, str) else flow(entry)}\n"
    text += _serve(plan) + _train(plan, model, options)
    text += (
        "\nevaluate:\n  gate: {} # what a release must reach, such as "
        + _gate(plan)
        + "; an experiment is not stopped by it\n"
        "  slices: [] # columns; the metrics of each of their values stand apart, so that a weak group shows\n"
    )
    return text + f"\npublish:\n  name: {plan.main.name.replace('_', '-')} # of the bundle\n"


def _rule(rule: Rule, indent: str) -> str:
    lines = [f"{rule.name}: # {one_line(rule.comment)}"]
    lines += [
        f"  {key}: {scalar(value) if isinstance(value, str) else flow(value)}" for key, value in rule.options.items()
    ]
    return "".join(f"{indent}{line}\n" for line in lines)


def _serve(plan: Plan) -> str:
    target, split = plan.target, plan.trial.split
    text = f"\nserve:\n  target: {scalar(target.name)} # {one_line(target.why)}\n  inputs:\n"
    text += "".join(f"    - {scalar(name)}\n" for name in plan.inputs)
    text += "".join(f"    # - {scalar(name)} # {one_line(reason)}\n" for name, reason in plan.left_out.items())
    text += (
        "  split: # time: the latest rows are the test part, as in real use; group: of a column; key, row: by a hash\n"
    )
    text += f"    by: {split['by']}\n" + (f"    column: {scalar(split['column'])}\n" if "column" in split else "")
    text += f"    test_share: {split['test_share']} # of the rows\n"
    rarest = min(target.classes.values(), default=0)
    rare = (
        f"; the rarest class has {rarest} rows"
        if target.classes and rarest < 0.1 * sum(target.classes.values())
        else ""
    )
    text += f"  balance: none # none, subsample or supersample; in the training part only{rare}\n"
    return text + "  format: parquet # parquet, csv or json: what the model's side reads\n"


def _train(plan: Plan, model: str, options: Mapping[str, Any]) -> str:
    units = {"n_estimators": "trees", "max_iter": "trees", "min_samples_leaf": "rows"}
    text = f"\ntrain:\n  model: {model} # any classifier or regressor of scikit-learn\n  options: # of that class\n"
    text += "".join(
        f"    {name}: {scalar(value)}" + (f" # {units[name]}\n" if name in units else "\n")
        for name, value in options.items()
    )
    option, example = next(iter(options.items()))
    text += (
        "  encode: ordinal # ordinal or one_hot: how text becomes numbers\n"
        "  impute: none # none, mean or median; this model takes missing values as they are\n"
        "  scale: false # true for models that compare distances\n"
        "  pca: null # a number of components, or a share of the variance\n"
        f"  folds: {plan.trial.folds} # of the cross-validation, on the training part only\n"
        f"  search: null # {{kind: grid, options: {{{option}: [{example}, {2 * example}]}}}} tries each in the folds\n"
    )
    if plan.target.classes:
        text += "  calibrate: none # none, sigmoid or isotonic: maps probabilities to how often they came true\n"
    if len(plan.target.classes) == 2:
        text += "  threshold: f1 # of the probability; f1: that of the best F1 in the cross-validation\n"
    return text


def _gate(plan: Plan) -> str:
    if not plan.target.classes:
        return "r2: {min: 0.5}"
    return "roc_auc: {min: 0.7}" if len(plan.target.classes) == 2 else "f1: {min: 0.7}"


def contract_text(plan: Plan) -> str:
    """The text of contract.yaml."""
    text = CONTRACT_HEAD + f"name: {plan.main.name.replace('_', '-')}\n"
    text += 'title: ""\ndescription: ""\n'
    text += 'licenses: [] # of the data, such as  [{name: CC-BY-4.0, path: "https://creativecommons.org/licenses/by/4.0/"}]\n'
    text += 'sources: [] # where the data come from, such as  [{title: A survey, path: "https://example.org"}]\n\nresources:\n'
    text += "\n".join(_resource(plan, table) for table in plan.tables)
    return text + "\n" + _ready(plan)


def _resource(plan: Plan, table: Table) -> str:
    resource, schema = table.resource, table.resource.table_schema
    lines = [f"# {one_line(note)}" for note in table.notes]
    lines += [f"- name: {table.name}", f"  path: {scalar(str(resource.path))}"]
    lines += [f"  format: {resource.format}"] if resource.format else []
    lines += [f"  encoding: {resource.encoding}"] if resource.encoding != "utf-8" else []
    dialect = resource.dialect.model_dump(exclude_defaults=True)
    lines += [f"  dialect: {flow(dialect)}"] if dialect else []
    lines += ['  title: ""', f'  description: "" # {len(table.frame):,} rows', "  schema:"]
    if table.left_out:
        listed = ", ".join(f"{name} ({why})" for name, why in table.left_out.items())
        lines.append(f"    fieldsMatch: subset # the file has more: {one_line(listed)}")
    counts = counted_texts(table)
    lines.append(f"    missingValues: {flow(schema.missingValues)}" + (f" # {counts}" if counts else ""))
    lines += _keys(plan, table)
    lines.append("    fields:")
    lines += [f"      - {_field(column.field, plan, table)}{_found(column)}" for column in table.columns]
    return "".join(f"  {line}\n" for line in lines)


def counted_texts(table: Table) -> str:
    """The texts that mean "no value", and where: `NA` in 12 cells."""
    texts = {text: cells for text, cells in table.missing_texts.items() if text.strip() and cells}
    return ", ".join(f"`{one_line(text)}` in {cells:,} cell{'s' if cells > 1 else ''}" for text, cells in texts.items())


def _keys(plan: Plan, table: Table) -> list[str]:
    lines = []
    keys = plan.keys[table.name]
    if keys:
        also = "; ".join(", ".join(key) for key in keys[1:4])
        lines.append(
            f"    primaryKey: {flow(keys[0])}" + (f" # all rows differ in it, as in: {one_line(also)}" if also else "")
        )
    else:
        lines.append("    primaryKey: [] # no column, or pair of columns, was found that tells all rows apart")
    if table is plan.main and plan.references:
        lines.append("    foreignKeys:")
        for key in plan.references:
            found = f" # {100 * key.found:.0f} % of the values are there"
            lines.append(f"      - fields: {flow(key.fields)}{found}")
            lines.append(f"        reference: {flow({'resource': key.table, 'fields': key.reference})}")
    return lines


def _field(field: Field, plan: Plan, table: Table) -> str:
    shown = field.model_dump(exclude_defaults=True)
    known: dict[str, Any] = {"name": field.name, "type": field.type}
    known |= {"unit": field.unit} if field.unit else {}
    known |= {key: shown[key] for key in PARSING if key in shown}
    known |= {"hindsight": True} if table is plan.main and field.name == plan.target.column else {}
    known |= {"personal": True} if field.personal else {}
    return flow(known | {"description": ""})


def _found(column: Column) -> str:
    """What was found in a column, as a comment; of a personal one only how much is missing."""
    said = [f"{_percent(column.missing / column.rows)} missing"] if column.missing and column.kind != "empty" else []
    if column.kind == "empty":
        said.append("empty")
    elif column.field.personal:
        said.append("marked personal by its name or its look")
    elif column.constant:
        said.append("the same in all rows")
    elif column.kind in ("number", "time"):
        said.append(f"{_number(column.low)} to {_number(column.high)}")
    elif column.kind in ("category", "text"):
        said.append("all different" if column.unique else f"{column.different:,} different")
    return f" # {'; '.join(said)}" if said else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "under 0.1 %"


def _number(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat() if value == value.normalize() else value.isoformat(sep=" ", timespec="minutes")
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _ready(plan: Plan) -> str:
    target = plan.main.column(plan.target.column).field
    made = plan.target.expression or any(rule.options.get("column") == target.name for rule in plan.main.rules)
    type_ = "boolean" if plan.target.expression else _type_of(plan.main.frame[target.name]) if made else target.type
    lines = [
        "- name: ready",
        "  path: data/ready/train/part-00000.parquet",
        '  title: ""',
        '  description: ""',
        "  schema:",
    ]
    lines += [
        "    fieldsMatch: subset # the other columns come from the raw tables and keep the meaning that they have there"
    ]
    lines += ["    fields:"]
    first = {"name": plan.target.name, "type": type_, "description": "", "constraints": {"required": True}}
    lines.append(f"      - {flow(first)}")
    for field in plan.feature_fields:
        if field.name != plan.target.name:
            lines.append(f"      - {flow({'name': field.name, 'type': field.type, 'description': ''})}")
    return "".join(f"  {line}\n" for line in lines)


def _type_of(values: pd.Series) -> str:
    kinds = {"f": "number", "i": "integer", "b": "boolean", "M": "datetime"}
    return kinds.get(values.dtype.kind, "string")


def flow(value: Any) -> str:
    """A value in YAML's flow style: {name: x, type: string}."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key, inside=True)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value, inside=True)


def scalar(value: Any, inside: bool = False) -> str:
    """A single value in YAML, without quotes where every reader agrees on what it is.

    Args:
        inside: whether it stands in braces or brackets.
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if not isinstance(value, str):
        return str(value)
    special = r": |:$| #|[\"\\]" + (r"|[,\[\]{}]" if inside else "")
    plain = value[:1].isalpha() and value.isprintable() and value == value.strip() and not re.search(special, value)
    return value if plain and value.lower() not in RESERVED else '"' + "".join(map(_escaped, value)) + '"'


RESERVED = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")  # some readers take them for another type


def _escaped(character: str) -> str:
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    if character in short:
        return short[character]
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def one_line(text: str) -> str:
    """A text for a comment: what would end it is shown as a blank."""
    return "".join(character if character.isprintable() else " " for character in text)
