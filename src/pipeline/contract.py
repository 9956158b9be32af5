"""contract.yaml: what each table and column means, a Data Package with the marks `hindsight` and `personal`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, model_validator
from pydantic import Field as Setting

from pipeline.errors import ProjectError
from pipeline.params import Section, Value, validate
from pipeline.yamlfile import read_yaml

FILE = Path("contract.yaml")
RAW_SCHEMA = Path("data/schema/raw.json")
READY_SCHEMA = Path("data/schema/ready.json")
LICENCES = Path("data/schema/licences.json")
READY = "ready"  # the resource that says what features add and what must hold at the end; the others are raw

Names = Annotated[list[str], Setting(min_length=1)]


def _one_character(text: str) -> str:
    if len(text) != 1 or not (text == "\t" or (text.isascii() and text.isprintable())):
        raise ValueError("one character, of ASCII")
    return text


def _known_encoding(name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        raise ValueError("an encoding such as utf-8, latin-1 or cp1252") from None
    return name


Character = Annotated[str, AfterValidator(_one_character)]


class Licence(Section):
    name: str | None = None
    path: str | None = None
    title: str | None = None


class Origin(Section):
    title: str
    path: str | None = None
    email: str | None = None
    version: str | None = None


class Contributor(Section):
    title: str
    path: str | None = None
    email: str | None = None
    roles: list[str] | None = None
    organization: str | None = None


class Constraints(Section):
    required: bool = False
    unique: bool = False
    minimum: Value | None = None
    maximum: Value | None = None
    exclusiveMinimum: Value | None = None
    exclusiveMaximum: Value | None = None
    minLength: int | None = None
    maxLength: int | None = None
    pattern: str | None = None
    enum: list[Value] | None = None


class Field(Section):
    """A column: https://datapackage.org/standard/table-schema/#field, with a unit and our two marks."""

    name: str
    type: Literal["string", "integer", "number", "boolean", "date", "datetime", "year"] = "string"
    format: str = "default"
    title: str | None = None
    description: str | None = None
    example: Value | None = None
    unit: str | None = None
    rdfType: str | None = None
    constraints: Constraints = Constraints()
    missingValues: list[str] | None = None
    decimalChar: str = "."
    groupChar: str | None = None
    bareNumber: bool = True
    trueValues: list[str] = ["true", "True", "TRUE", "1"]
    falseValues: list[str] = ["false", "False", "FALSE", "0"]
    hindsight: bool = False
    personal: bool = False


class Reference(Section):
    resource: str
    fields: Names


class ForeignKey(Section):
    fields: Names
    reference: Reference


class Schema(Section):
    fields: list[Field]
    fieldsMatch: Literal["exact", "equal", "subset", "superset", "partial"] | list[str] = "exact"
    missingValues: list[str] = [""]
    primaryKey: list[str] = []
    foreignKeys: list[ForeignKey] = []


class CsvDialect(Section):
    delimiter: Character = ","
    quoteChar: Character = '"'
    doubleQuote: bool = True
    escapeChar: Character | None = None


class ExcelDialect(Section):
    sheet: int | str = 1  # its number, from 1, or its name


class Dialect(Section):
    """How a file is laid out. Rows count from 1; only rows above the data can be comments."""

    header: bool = True  # false: the fields name the columns by their order, whatever the file calls them
    headerRows: Annotated[list[int], Setting(min_length=1, max_length=1)] = [1]
    commentRows: list[int] = []
    csv: CsvDialect = CsvDialect()
    excel: ExcelDialect = ExcelDialect()

    @property
    def header_row(self) -> int:
        """The row with the columns' names, 0 where none has them."""
        return self.headerRows[0] if self.header else 0

    @model_validator(mode="after")
    def _comments_stand_above_the_data(self) -> "Dialect":
        below = sorted(row for row in self.commentRows if row > self.header_row)
        if below != list(range(self.header_row + 1, self.header_row + 1 + len(below))):
            raise ValueError(f"commentRows that follow the header without a gap: {self.header_row + 1}, …")
        return self

    def rows_below_header(self) -> int:
        """How many comments stand between the header, or the beginning, and the data."""
        return sum(row > self.header_row for row in self.commentRows)


class Resource(Section):
    """A table: https://datapackage.org/standard/data-resource/."""

    name: str = Setting(pattern=r"^[A-Za-z0-9_.-]+$")
    path: str | Names
    type: Literal["table"] = "table"
    title: str | None = None
    description: str | None = None
    format: str | None = None
    mediatype: str | None = None
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    dialect: Dialect = Dialect()
    licenses: list[Licence] | None = None
    sources: list[Origin] | None = None
    table_schema: Schema = Setting(alias="schema")

    def field(self, name: str) -> Field | None:
        """The column of that name, if the contract has it."""
        return next((field for field in self.table_schema.fields if field.name == name), None)

    def columns(self) -> list[str]:
        return [field.name for field in self.table_schema.fields]

    def marked(self, mark: str) -> set[str]:
        """Columns that are `hindsight` or `personal`."""
        return {field.name for field in self.table_schema.fields if getattr(field, mark)}


class Contract(Section):
    """The whole of contract.yaml: https://datapackage.org/standard/data-package/."""

    profile: str | None = Setting(default=None, alias="$schema")  # version 2 is needed for exclusiveMinimum
    name: str = Setting(pattern=r"^[a-z0-9._-]+$")
    title: str | None = None
    description: str | None = None
    version: str | None = None
    homepage: str | None = None
    keywords: list[str] | None = None
    licenses: list[Licence]
    sources: list[Origin] | None = None
    contributors: list[Contributor] | None = None
    resources: Annotated[list[Resource], Setting(min_length=1)]

    def raw(self) -> dict[str, Resource]:
        return {resource.name: resource for resource in self.resources if resource.name != READY}

    def ready(self) -> Resource | None:
        return next((resource for resource in self.resources if resource.name == READY), None)

    def licences(self) -> dict[str, list[dict[str, str]]]:
        """The licences of each raw table: its own, or those of the whole."""
        found = {
            name: self.licenses if table.licenses is None else table.licenses for name, table in self.raw().items()
        }
        return {name: [licence.model_dump(exclude_none=True) for licence in given] for name, given in found.items()}


def load(file: Path = FILE) -> Contract:
    """Read and check the whole contract.

    Raises:
        ProjectErrors: every key that is unknown, missing or of a wrong type.
    """
    return validate(Contract, read_yaml(file), str(file))


PROSE = {"title", "description", "example", "unit", "rdfType", "licenses", "sources", "mediatype"}


def without_prose(tables: Mapping[str, Resource]) -> str:
    """The JSON text of what stages use of a contract, so that a better description reruns no stage but `publish`."""
    dumped = {n: table.model_dump(mode="json", by_alias=True, exclude_defaults=True) for n, table in tables.items()}
    kept = {name: _strip(table) for name, table in dumped.items()}
    return json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strip(v) for key, v in value.items() if key not in PROSE}
    return [_strip(v) for v in value] if isinstance(value, list) else value


def load_schema(file: Path) -> dict[str, Resource]:
    """Read what `check` wrote of the contract: table name -> table."""
    return {name: validate(Resource, table, f"{file}: {name}") for name, table in read_checked(file).items()}


def read_checked(file: Path) -> dict[str, Any]:
    """Read a file that `check` wrote."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProjectError(str(file), "no such file", "`check` writes it: run `dvc repro check`.") from None
    except ValueError:
        raise ProjectError(str(file), "not readable as JSON", "`check` writes it: run `dvc repro -f check`.") from None
