"""The facts that every page and every standard of the bundle tells: read once, typed nowhere twice."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.bundle.items import ITEMS, Item
from pipeline.bundle.licences import Licence
from pipeline.citation import author_name
from pipeline.contract import Contract, Origin
from pipeline.errors import ProjectError
from pipeline.params import Params
from pipeline.yamlfile import read_yaml

# dvc.yaml, by a name under which DVC takes it as a dependency: it refuses the file itself.
STAGES = Path("src/stages.yaml")
HIDDEN = "•••"  # in place of what is personal, as in the ledger


@dataclass(frozen=True)
class Table:
    """A table of the bundle, written as CSV and as Parquet.

    Attributes:
        fields: of Table Schema, one a column.
        keys: columns that name a row, none where the contract has none or they stay at home.
    """

    name: str
    title: str
    description: str
    fields: list[dict[str, Any]]
    rows: int
    keys: list[str]

    def files(self) -> list[Item]:
        forms = {"csv": ("CSV", "text/csv"), "parquet": ("Parquet", "application/vnd.apache.parquet")}
        return [
            Item(f"{self.name}.{suffix}", f"{self.title} ({form})", self.description, mediatype, "data")
            for suffix, (form, mediatype) in forms.items()
        ]


@dataclass(frozen=True)
class Author:
    """A person, or an organisation where there is no family name."""

    name: str
    family: str | None = None
    given: str | None = None
    orcid: str | None = None
    affiliation: str | None = None
    email: str | None = None
    website: str | None = None


@dataclass(frozen=True)
class Facts:
    """What is known of a bundle.

    Attributes:
        stages: the stages of dvc.yaml by name.
        results: what the stages wrote into metrics/, by file name without suffix.
        licences: of the data as they are published.
        source_licences: raw table -> its licences.
        withheld: columns that stay at home, personal or of a table that is left out.
        notes: of the model's files: what was measured, or why one is missing.
    """

    settings: Params
    package: Contract
    citation: Mapping[str, Any]
    stages: Mapping[str, Mapping[str, Any]]
    results: Mapping[str, Mapping[str, Any]]
    licences: list[Licence]
    source_licences: Mapping[str, list[Licence]]
    model_licences: list[Licence]
    code_licence: Licence
    tables: list[Table]
    inputs: Mapping[str, str]
    withheld: Sequence[str]
    notes: Mapping[str, str]

    @property
    def files(self) -> list[Item]:
        """All files of the bundle but those that describe nothing."""
        formats = self.settings.publish.model_formats
        missing = {f"model.{suffix}" for name, suffix in (("onnx", "onnx"), ("pickle", "pkl")) if name not in formats}
        missing |= {name for name, note in self.notes.items() if note.startswith("Not written")}
        return [
            *(item for table in self.tables for item in table.files()),
            *(item for item in ITEMS if item.name not in missing),
        ]

    @property
    def name(self) -> str:
        return self.settings.publish.name

    @property
    def title(self) -> str:
        return self.package.title or self.citation["title"]

    @property
    def description(self) -> str:
        return self.package.description or self.citation.get("abstract") or f"{self.title}; not described yet."

    @property
    def version(self) -> str:
        return str(self.citation.get("version") or self.package.version or "0")

    @property
    def date(self) -> str | None:
        """The day of the release, once `release` has written it."""
        return self.citation.get("date-released")

    @property
    def doi(self) -> str | None:
        dois = [i["value"] for i in self.citation.get("identifiers", []) if i["type"] == "doi"]
        return self.citation.get("doi") or (dois[0] if dois else None)

    @property
    def homepage(self) -> str | None:
        """Where the project lives, if it says so."""
        keys = ("repository-code", "url", "repository")
        return next((self.citation[key] for key in keys if key in self.citation), self.package.homepage)

    @property
    def keywords(self) -> list[str]:
        return list(dict.fromkeys([*(self.package.keywords or []), *self.citation.get("keywords", [])]))

    @property
    def sources(self) -> list[Origin]:
        """Where the data come from, those of the package first."""
        tables = [source for table in self.package.resources for source in table.sources or []]
        return list({source.title: source for source in [*(self.package.sources or []), *tables]}.values())

    @property
    def parameters(self) -> dict[str, Any]:
        """What params.yaml says, without the values of personal columns that rules and expressions name."""
        told = self.settings.model_dump(mode="json", exclude_none=True)
        for table, rules in told["clean"].items():
            personal = self.package.raw()[table].marked("personal")
            for rule in rules.values():
                if _names(rule, personal):
                    rule |= {key: HIDDEN for key in rule if key not in ("rule", "column", "columns")}
        features = told["transform"]["features"]
        features |= {name: HIDDEN for name in features if name in self.withheld}
        return told

    @property
    def authors(self) -> list[Author]:
        return [_author(entry) for entry in self.citation["authors"]]

    @property
    def task(self) -> str:
        return self.results["evaluation"]["task"]


def _names(rule: Mapping[str, Any], columns: set[str]) -> bool:
    """Whether the options of a rule name one of some columns, by itself, in a list or inside an expression."""
    words = set(re.findall(r"\w+|`[^`]+`", " ".join(_texts(rule))))
    return any(name in words or f"`{name}`" in words or name in _texts(rule) for name in columns)


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for pair in value.items() for item in pair for text in _texts(item)]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else [str(value)]


def _author(entry: Mapping[str, Any]) -> Author:
    name = author_name(entry)
    family = " ".join(entry[key] for key in ("name-particle", "family-names") if entry.get(key)) or None
    more = {key: entry.get(key) for key in ("orcid", "affiliation", "email", "website")}
    return Author(name, None if "name" in entry else family or name, entry.get("given-names"), **more)


def cite(facts: Facts) -> str:
    """How to cite the bundle, in one line: authors (year). Title. Version. DOI."""
    names = "; ".join(
        f"{author.family}, {author.given}" if author.family and author.given else author.name
        for author in facts.authors
    )
    year = f" ({facts.date[:4]})" if facts.date else ""
    doi = f" https://doi.org/{facts.doi}" if facts.doi else ""
    return f"{names}{year}. {facts.citation['title']}. Version {facts.version}.{doi}"


def stages_file() -> Path:
    """dvc.yaml by the link that DVC watches; by its own name where Git made no link, as on Windows."""
    return STAGES if STAGES.is_symlink() else Path("dvc.yaml")


def read_stages() -> dict[str, dict[str, Any]]:
    """Read the stages of dvc.yaml by name."""
    content = read_yaml(stages_file())
    if not isinstance(content.get("stages"), dict):
        raise ProjectError("dvc.yaml: stages", "no stages", "Bring them back from Git: `git checkout dvc.yaml`.")
    return content["stages"]


def declared(entries: Sequence[str | Mapping[str, Any]]) -> list[str]:
    """The paths or names of deps, outs, metrics or params in dvc.yaml, with or without options."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
