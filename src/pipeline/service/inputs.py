"""What the service asks for: the columns that the model's inputs derive from, as the contract describes them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any

import pandas as pd

from pipeline.contract import Constraints, Contract, Field
from pipeline.derive import WHERE as FEATURES
from pipeline.derive import Functions, columns_read
from pipeline.joins import joined_columns
from pipeline.lineage import WHERE as JOINS
from pipeline.lineage import sources_of
from pipeline.metadata import describe_columns
from pipeline.params import Rules, Transform

LISTED = 300  # categories that a page or a schema names
TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}(:[0-9]{2})?)?)?$"
JSON_TYPES = {"integer": "integer", "number": "number", "string": "string", "boolean": "boolean", "datetime": "string"}


@dataclass(frozen=True)
class Input:
    """A value that a caller gives.

    Attributes:
        field: type, unit, description and bounds.
        missing: texts that mean "no value" in a CSV file.
        feeds: the model's inputs that derive from it; the column itself where the model reads it as it is.
        required: it must have a value, by the contract or because the model takes no gap.
        typical: the median of the training part, or its most frequent value; None where all are missing.
        low, high: the range of a number or a time in the training part.
        categories: the texts of the training part and how often they stand there, the most frequent first.
    """

    field: Field
    missing: list[str]
    feeds: list[str]
    required: bool
    typical: Any
    low: Any = None
    high: Any = None
    categories: dict[str, int] = default(default_factory=dict)

    @property
    def name(self) -> str:
        return self.field.name

    @property
    def label(self) -> str:
        return label_of(self.field)

    @property
    def allowed(self) -> str:
        return bounds_in_words(self.field)


def bounds_in_words(field: Field) -> str:
    """The range of a column: `1 to 12000 mi`; nothing where there is none."""
    rule, unit = field.constraints, f" {field.unit}" if field.unit else ""
    low = rule.minimum if rule.minimum is not None else rule.exclusiveMinimum
    high = rule.maximum if rule.maximum is not None else rule.exclusiveMaximum
    if low is not None and high is not None:
        return f"{low} to {high}{unit}"
    if low is not None or high is not None:
        return f"{'at least' if high is None else 'at most'} {high if low is None else low}{unit}"
    return ""


def label_of(field: Field) -> str:
    """The title of a column, or its name as words."""
    name = field.title or field.name.replace("_", " ")
    return name[:1].upper() + name[1:]


def as_field(description: Mapping[str, Any]) -> Field:
    """What describe_columns says of a column, as a column of a contract."""
    return Field.model_validate({key: value for key, value in description.items() if key in Field.model_fields})


def describe_inputs(
    package: Contract,
    transform: Transform,
    clean: Mapping[str, Rules],
    model_inputs: list[str],
    functions: Functions,
    train: pd.DataFrame,
    needs: Iterable[str],
) -> list[Input]:
    """Describe what a caller gives, in the order of the model's inputs.

    Args:
        train: the training part, shape (n, columns that are asked for, and more).
        needs: inputs of the model that must not be missing.

    Returns:
        An input a column. Bounds are those of the table `ready`; those of the raw table hold as well, if no cleaning
        rule names the column.
    """
    raw, needed = package.raw(), set(needs)
    names = sources_of(model_inputs, transform, functions)
    origins = joined_columns(raw[transform.table], transform.joins, raw, JOINS)
    sources = {each: sources_of([each], transform, functions) for each in model_inputs}
    described = describe_columns(package, transform, {name: str(train[name].dtype) for name in names})
    found = []
    for name, description in zip(names, described, strict=True):
        field = as_field(description)
        table, column = origins[name]
        original = raw[table].field(column)
        if not _is_named(column, clean.get(table, {})):
            stated = original.constraints.model_dump(exclude_unset=True)
            if table != transform.table:  # a row without a partner has nothing there
                stated.pop("required", None)
            field = field.model_copy(
                update={"constraints": Constraints(**(stated | field.constraints.model_dump(exclude_unset=True)))}
            )
        missing = original.missingValues
        found.append(
            Input(
                field=field,
                missing=missing if missing is not None else raw[table].table_schema.missingValues,
                feeds=[each for each in model_inputs if name in sources[each]],
                required=field.constraints.required or name in needed,
                **_seen(train[name]),
            )
        )
    return found


def _is_named(column: str, rules: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a cleaning rule names a column, so that what holds of the raw cells need not hold later."""
    values = [value for options in rules.values() for value in options.values()]
    return any(column in (value if isinstance(value, list) else [value]) for value in values)


def _seen(values: pd.Series) -> dict[str, Any]:
    """What the training part holds of a column."""
    known = values.dropna()
    if known.empty:
        return {"typical": None}
    kind = known.dtype.kind
    if kind in "ifM":
        median = known.astype("int64").median() if kind == "M" else known.median()
        typical = pd.Timestamp(int(median), unit="us") if kind == "M" else float(median)
        typical = int(typical) if kind == "i" else typical
        return {"typical": typical, "low": plain(known.min()), "high": plain(known.max())}
    counts = known.value_counts()
    if kind == "b":
        return {"typical": bool(counts.index[0])}
    return {"typical": str(counts.index[0]), "categories": {str(name): int(count) for name, count in counts.items()}}


def plain(value: Any) -> Any:
    """A cell as Python has it; None where it is missing."""
    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def as_json(value: Any) -> Any:
    """A cell as JSON has it."""
    value = plain(value)
    return value.isoformat() if isinstance(value, pd.Timestamp) else value


def row_schema(inputs: Iterable[Input]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one row."""
    inputs = list(inputs)
    return {
        "title": "Row",
        "description": "What is known before the event; a value that may be missing is null or left out.",
        "type": "object",
        "properties": {each.name: field_schema(each) for each in inputs},
        "required": [each.name for each in inputs if each.required],
        "additionalProperties": False,
    }


def field_schema(each: Input) -> dict[str, Any]:
    """The JSON Schema of one value."""
    field, rule = each.field, each.field.constraints
    kind = JSON_TYPES[field.type]
    schema: dict[str, Any] = {
        "title": each.label,
        "type": kind if each.required else [kind, "null"],
        "description": (field.description or each.label) + (f" [{field.unit}]" if field.unit else ""),
    }
    if field.unit:
        schema["unit"] = field.unit
    if field.type == "datetime":
        schema["pattern"] = TIME
    else:
        for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"):
            if (bound := getattr(rule, name)) is not None:
                schema[name] = bound
        if rule.enum is not None:
            schema["enum"] = [*rule.enum, *([] if each.required else [None])]
        if rule.pattern is not None:
            schema["pattern"] = f"^(?:{rule.pattern})$"
    if each.categories and rule.enum is None:
        schema["description"] += f"; known to the model: {', '.join(list(each.categories)[:20])}"
        schema["description"] += ", …" if len(each.categories) > 20 else ""
    if each.typical is not None:
        schema["examples"] = [as_json(each.typical)]
    return schema


def needed_features(names: Iterable[str], transform: Transform, functions: Functions) -> dict[str, Any]:
    """The entries of the features that columns are, and of those that these need."""
    found: dict[str, Any] = {}
    for name in names:
        if name in transform.features:
            entry = transform.features[name]
            read = columns_read(entry, functions, f"{FEATURES}.{name}")
            found |= {name: entry} | needed_features(read, transform, functions)
    return found
