"""params.yaml: what may stand in it, checked strictly, section by section."""

import datetime
import inspect
import reprlib
import types
import typing
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError

from pipeline.errors import ProjectError, ProjectErrors, nearest
from pipeline.yamlfile import read_yaml

FILE = Path("params.yaml")

# Types of the options of rules and features: they say which options name columns.
Column = Annotated[str, "column"]
Columns = Annotated[str | Annotated[list[str], Field(min_length=1)], "columns"]
Expression = Annotated[str, "expression"]
Value = bool | int | float | str | datetime.datetime | datetime.date


class Section(BaseModel):
    """A part of params.yaml: unknown keys are mistakes, and nobody changes it while it is used."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Pages(Section):
    """How to ask a web service for its next page, where it does not say so in a `Link` header."""

    param: str | None = None  # a parameter of the URI that counts, or takes the value found at `next`
    start: int = 1
    step: int = 1
    next: str | None = None  # where in the answer the next page's URI, or the value of `param`, stands: links.next


class Source(Section):
    """Where one raw table comes from. `{NAME}` in uri, headers and endpoint is put in from the environment."""

    uri: str
    sha256: str | None = None
    file: str | None = None  # the name under data/raw/TABLE/, where the URI has none
    query: str | None = None  # of a database
    headers: dict[str, str] = {}  # of https
    table: int | str | None = None  # of an HTML page: its number on the page, from 0, or its id
    records: str | None = None  # of a web service: where in its JSON the rows stand: data.items, or . for the whole
    pages: Pages = Pages()
    anon: bool = False  # of s3: read unsigned, even where there are credentials
    profile: str | None = None
    endpoint: str | None = None


class Transform(Section):
    """The table that the others join, and the columns derived from them: an expression, or a function with options."""

    table: str
    joins: list[str] = []
    features: dict[str, str | dict[str, Any]] = {}


class Split(Section):
    """How rows are divided in train and test: the latest, whole groups, or by a hash of key or row number."""

    by: Literal["time", "group", "key", "row"]
    column: str | None = None
    test_share: float = Field(gt=0, lt=1)


class Serve(Section):
    target: str
    inputs: list[str] = Field(min_length=1)
    split: Split
    balance: Literal["none", "subsample", "supersample"] = "none"
    format: Literal["parquet", "csv", "json"] = "parquet"


class Search(Section):
    """Options to try by cross-validation: every combination (grid), or so many of them drawn by the seed (random)."""

    kind: Literal["grid", "random"]
    options: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(min_length=1)
    trials: int = Field(default=10, ge=1)  # of a random search


class Train(Section):
    model: str
    options: dict[str, Any] = {}
    encode: Literal["ordinal", "one_hot"] = "ordinal"
    impute: Literal["none", "mean", "median"] = "none"
    scale: bool = False
    pca: int | float | None = None
    folds: int = Field(default=5, ge=2)
    search: Search | None = None
    calibrate: Literal["none", "sigmoid", "isotonic"] = "none"
    threshold: Literal["f1"] | float = "f1"  # of two classes: a probability, or that of the best F1 in cross-validation


class Bound(Section):
    min: float | None = None
    max: float | None = None
    beats_baseline_by: float | None = None


class Evaluate(Section):
    gate: dict[str, Bound] = {}
    slices: list[str]  # not optional: DVC wants to find it, for serve depends on it


class Publish(Section):
    """What the bundle holds, beside what it always does."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    model_formats: list[Literal["skops", "onnx", "pickle"]] = ["skops"]  # skops is always there
    model_licence: str | None = None  # SPDX identifier or address; None: that of the data
    rejected: bool = False  # the rows that cleaning rejected
    leave_out: list[str] = []  # raw tables whose columns, and all that derives from them, stay at home


# A table's rules; there may be none but those behind a #.
Rules = Annotated[dict[str, dict[str, Any]], BeforeValidator(lambda entries: {} if entries is None else entries)]


class Params(Section):
    """The whole of params.yaml."""

    seed: int = Field(ge=0, lt=2**32)
    partition_rows: int = Field(ge=1)
    access: dict[str, Source]
    clean: dict[str, Rules] = {}
    transform: Transform
    serve: Serve
    train: Train
    evaluate: Evaluate
    publish: Publish


def load(*names: str, file: Path = FILE) -> Any:
    """Read and check the named keys of params.yaml, such as `seed` or `serve.target`, and nothing else of it.

    The names are those that the stage declares under `params` in dvc.yaml.

    Returns:
        The value of the one name, or a tuple with a value a name.

    Raises:
        ProjectErrors: every mistake in the sections that the names belong to.
    """
    content = read_yaml(file)
    sections: dict[str, Any] = {}
    errors: list[ProjectError] = []
    for section in dict.fromkeys(name.split(".")[0] for name in names):
        try:
            sections[section] = _load_section(section, content, file)
        except ProjectErrors as mistakes:
            errors += mistakes.errors
    if errors:
        raise ProjectErrors(errors)
    values = []
    for name in names:
        section, *rest = name.split(".")
        value = sections[section]
        for key in rest:
            value = getattr(value, key)
        values.append(value)
    return values[0] if len(values) == 1 else tuple(values)


def load_all(file: Path = FILE) -> Params:
    """Read and check the whole of params.yaml."""
    return validate(Params, read_yaml(file), str(file))


def _load_section(section: str, content: Mapping[str, Any], file: Path) -> Any:
    field = Params.model_fields[section]
    model = create_model("Section", __base__=Section, **{section: (field.annotation, field)})
    return getattr(validate(model, {k: v for k, v in content.items() if k == section}, str(file)), section)


def validate(model: type[BaseModel], content: Any, where: str, noun: str = "key") -> Any:
    """Make a model of content.

    Raises:
        ProjectErrors: one error a wrong key, with what was found, what was expected and the nearest known name.
    """
    try:
        return model.model_validate(content)
    except ValidationError as exc:
        found: dict[tuple, list[dict]] = {}
        for error in exc.errors(include_url=False):
            found.setdefault(_key(error, content), []).append(error)
        # Of a union's members, the one that went deepest is the one that was meant.
        deepest = [key for key in found if not any(key == other[: len(key)] for other in found if other != key)]
        raise ProjectErrors(_explain(key, found[key], content, where, model, noun) for key in deepest) from None


def check_options(function: Callable, options: Mapping[str, Any], where: str, given: Collection[str]) -> dict[str, Any]:
    """Check options against the keyword arguments of a rule or a feature function and their type hints.

    Args:
        given: arguments that the caller supplies, which are no options.

    Raises:
        ProjectErrors: unknown or missing options, or values of a wrong type.
    """
    names: dict[str, str] = {}
    fields: dict[str, Any] = {}
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        for name, parameter in inspect.signature(function).parameters.items():
            if name not in given and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                field = f"option_{len(fields)}"  # under its own name it could hide a method of the model
                default = ... if parameter.default is parameter.empty else parameter.default
                names[name], fields[field] = field, (hints.get(name, Any), Field(default, alias=name))
        model = create_model(function.__name__, __base__=Section, **fields)
    except (NameError, TypeError, PydanticUserError) as exc:
        problem = f"the type hints of {function.__name__} cannot be read: {str(exc).splitlines()[0]}"
        raise ProjectErrors([ProjectError(where, problem, "An option is text, a number, true or false, …")]) from None
    checked = validate(model, dict(options), where, noun="option")
    return {name: getattr(checked, field) for name, field in names.items()}


EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "list_type": "a list",
    "datetime_type": "a time",
    "date_type": "a date",
    "invalid_key": "text as its name",
    "too_short": "at least one item",
    "recursion_loop": "something that does not hold itself",
}
ANY_VALUE = {"true or false", "a whole number", "a number", "text"}


def _key(error: dict, content: Any) -> tuple:
    """The place of an error in content, without the steps by which pydantic names the member of a union."""
    key = []
    for step in error["loc"]:
        if isinstance(content, dict | list) and _has(content, step):
            content = content[step]
            key.append(step)
        elif error["type"] == "missing":
            key.append(step)
    return tuple(key)


def _has(content: dict | list, step: Any) -> bool:
    return step in content if isinstance(content, dict) else isinstance(step, int) and step < len(content)


def _known_keys(model: Any, key: tuple) -> list[str]:
    """The keys that a model allows at a place inside it."""
    models = [model]
    for step in key:
        inside = []
        for outer in models:
            if inspect.isclass(outer) and issubclass(outer, BaseModel):
                fields = (field for name, field in outer.model_fields.items() if step == (field.alias or name))
                inside += [member for field in fields for member in _members(field.annotation)]
            else:  # a dict or a list of models
                inside += [member for inner in typing.get_args(outer)[-1:] for member in _members(inner)]
        models = inside
    known = [m.model_fields.items() for m in models if inspect.isclass(m) and issubclass(m, BaseModel)]
    return [field.alias or name for fields in known for name, field in fields]


def _members(hint: Any) -> list[Any]:
    """The types that a type hint allows: several where it is a union."""
    if typing.get_origin(hint) is Annotated:
        return _members(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [member for part in typing.get_args(hint) for member in _members(part)]
    return [hint]


def _place(key: tuple, content: Any) -> str:
    """A key in words; an item of a list by its `name`, where it has one."""
    steps = []
    for step in key:
        content = content[step] if isinstance(content, dict | list) and _has(content, step) else None
        name = content.get("name") if isinstance(step, int) and isinstance(content, dict) else None
        steps.append(name if isinstance(name, str) else str(step))
    return ".".join(steps)


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return reprlib.repr(value)


def _explain(
    key: tuple, errors: list[dict], content: Any, where: str, model: type[BaseModel], noun: str
) -> ProjectError:
    first = errors[0]
    place = f"{where}{'.' if ': ' in where else ': '}{_place(key, content)}" if key else where
    if first["type"] == "extra_forbidden":
        owner = f" of {model.__name__}" if noun == "option" else ""
        return ProjectError(place, f"no such {noun}{owner}", nearest(key[-1], _known_keys(model, key[:-1]), f"{noun}s"))
    if first["type"] == "missing":
        return ProjectError(place, f"this {noun} is missing")
    if first["type"] == "literal_error":
        choices = [choice.strip("' ") for choice in first["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        problem = f"found `{reprlib.repr(first['input']).strip(chr(39))}`, no such choice"
        return ProjectError(place, problem, nearest(first["input"], choices, "choices"))
    expected = dict.fromkeys(EXPECTED.get(e["type"]) or _plain(e["msg"]) for e in errors)
    wanted = "a single value" if set(expected) >= ANY_VALUE else " or ".join(expected)
    return ProjectError(place, f"found {_shown(first['input'])}, expected {wanted}")


def _plain(message: str) -> str:
    """What pydantic expects, without its beginning."""
    for beginning in ("Input should be ", "String should ", "Value error, "):
        message = message.removeprefix(beginning)
    return message.replace("match pattern", "text that matches")
