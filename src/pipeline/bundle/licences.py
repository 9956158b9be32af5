"""Licences of sources, data, model and code, and whether the sources' allow to pass the data on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.contract import Contract, Resource
from pipeline.errors import ProjectError, ProjectErrors

SPDX = "https://spdx.org/licenses/"
# No derivatives: a cleaned table is one. The others are names that catalogues give to what nobody may pass on.
FORBIDDING = re.compile(
    r"\b(nd|no[- ]?derivatives|closed|proprietary|confidential|all[- ]rights[- ]reserved|unlicensed|notspecified"
    r"|not[- ]specified|unknown|none)\b",
    re.IGNORECASE,
)
CODE = {
    "MIT License": "MIT",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "ISC License": "ISC",
    "Apache License": "Apache-2.0",
}
CONDITIONS = {"BY": "attribution", "NC": "no commercial use", "SA": "the same licence for what derives from it"}


@dataclass(frozen=True)
class Licence:
    name: str
    url: str
    title: str


def named(name: str) -> Licence:
    """A licence by its SPDX identifier, or by its address."""
    if re.match("https?://", name):
        return Licence(name, name, name)
    return Licence(name, SPDX + name, name)


def of_contract(entries: Sequence[Any]) -> list[Licence]:
    """Those of a `licenses` list of the contract, without empty entries."""
    return [
        Licence(
            entry.name or entry.title or entry.path,
            entry.path or SPDX + str(entry.name),
            entry.title or entry.name or entry.path,
        )
        for entry in entries
        if entry.name or entry.path
    ]


def of_sources(package: Contract, citation: Mapping[str, Any], left_out: Sequence[str]) -> dict[str, list[Licence]]:
    """The licences of the raw tables that are published: a table's own, else the package's, else CITATION.cff's.

    Args:
        left_out: raw tables whose columns stay at home.

    Raises:
        ProjectErrors: a table with no licence, one that forbids to pass it on, or one that asks for more than the
            licence of the whole gives.
    """
    whole = of_data(package, citation)
    found, errors = {}, []
    for name, table in package.raw().items():
        if name not in left_out:
            found[name] = of_contract(table.licenses or []) or whole
            errors += _mistakes(table, found[name], whole)
    if errors:
        raise ProjectErrors(errors)
    return found


def of_data(package: Contract, citation: Mapping[str, Any]) -> list[Licence]:
    """The licences of the data as a whole: the package's, else CITATION.cff's."""
    cited = citation.get("license", [])
    return of_contract(package.licenses) or [named(name) for name in ([cited] if isinstance(cited, str) else cited)]


def of_model(name: str | None, package: Contract, citation: Mapping[str, Any]) -> list[Licence]:
    """The licence that params name, else those of the data that the model learned from."""
    return [named(name)] if name else of_data(package, citation)


def of_code(text: str) -> Licence:
    """The licence of the code, from the text of LICENSE: its SPDX identifier where the first line is a known title."""
    title = next((line.strip() for line in text.splitlines() if line.strip()), "no licence")
    name = CODE.get(title)
    return Licence(name, SPDX + name, title) if name else Licence("LICENSE", "#code-licence", title)


def _mistakes(table: Resource, licences: list[Licence], whole: list[Licence]) -> list[ProjectError]:
    where = f"contract.yaml: {table.name}.licenses"
    remedy = f"State the licence that you have, or leave its columns out: `publish: {{leave_out: [{table.name}]}}`."
    if not licences:
        problem = "no licence is stated, here or for the whole, so nobody may pass the data on"
        return [ProjectError(where, problem, remedy)]
    for licence in licences:
        if FORBIDDING.search(f"{licence.name} {licence.url}".replace("_", "-")):
            problem = f"`{licence.name}` does not allow to pass on data that were made of it"
            return [ProjectError(where, problem, remedy)]
    missing = {
        condition
        for licence in licences
        for condition in CONDITIONS.keys() & set(licence.name.upper().split("-"))
        if all(given.name.upper().startswith("CC") for given in [licence, *whole])
        and not any(condition in given.name.upper().split("-") for given in whole)
    }
    if missing:
        asked = ", ".join(CONDITIONS[condition] for condition in CONDITIONS if condition in missing)
        problem = f"{licences[0].name} asks for {asked}; the whole is given under {', '.join(w.name for w in whole)}"
        return [ProjectError("contract.yaml: licenses", f"`{table.name}` under {problem}", remedy)]
    return []
