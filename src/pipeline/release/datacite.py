"""DataCite metadata of a release (schema 4.5): from citation and contract, nothing is typed twice."""

import re
from collections.abc import Mapping
from typing import Any

from pipeline.citation import ROR, split_affiliation
from pipeline.contract import Contract

ORCID = re.compile(r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]")
DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)")


def describe(cited: Mapping[str, Any], package: Contract, publisher: str | None = None) -> dict[str, Any]:
    """Describe a release as DataCite's JSON.

    Args:
        cited: the content of CITATION.cff, with version, date-released and perhaps doi.
        publisher: the archive; None: whom the first author belongs to, or the author.
    """
    creators = [creator(author) for author in cited["authors"]]
    first = creators[0]
    belongs = [place["name"] for place in first.get("affiliation", [])]
    date = str(cited["date-released"])
    content = {
        "doi": cited.get("doi"),
        "url": cited.get("url"),
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Data and model"},
        "creators": creators,
        "titles": [{"title": cited["title"]}],
        "publisher": {"name": publisher or (belongs or [first["name"]])[0]},
        "publicationYear": date[:4],
        "dates": [{"date": date, "dateType": "Issued"}],
        "version": str(cited["version"]),
        "subjects": [{"subject": str(word)} for word in dict.fromkeys(cited.get("keywords", []))],
        "rightsList": rights(package),
        "descriptions": [
            {"description": text, "descriptionType": kind}
            for text, kind in ((cited.get("abstract"), "Abstract"), (package.description, "Other"))
            if text
        ],
        "relatedIdentifiers": related(cited, package),
        "schemaVersion": "http://datacite.org/schema/kernel-4",
    }
    return {key: value for key, value in content.items() if value}


def creator(author: Mapping[str, Any]) -> dict[str, Any]:
    """An author of CITATION.cff; a ROR address stands in its website, or in the text of a person's affiliation."""
    identifiers = []
    if found := ORCID.search(author.get("orcid", "")):
        identifiers.append(_identifier(found[0], "ORCID", "https://orcid.org"))
    if "name" in author:
        person = {"name": author["name"], "nameType": "Organizational"}
        if found := ROR.search(author.get("website", "")):
            identifiers.append(_identifier(f"https://ror.org/{found[1]}", "ROR", "https://ror.org"))
    else:
        parts = (author.get("name-particle"), author.get("family-names"), author.get("name-suffix"))
        family = " ".join(part for part in parts if part)
        given = author.get("given-names")
        person = {"name": f"{family}, {given}" if given else family, "nameType": "Personal", "familyName": family}
        if given:
            person["givenName"] = given
    if identifiers:
        person["nameIdentifiers"] = identifiers
    if author.get("affiliation"):
        person["affiliation"] = [affiliation(author["affiliation"])]
    return person


def _identifier(value: str, scheme: str, uri: str) -> dict[str, str]:
    return {"nameIdentifier": value, "nameIdentifierScheme": scheme, "schemeUri": uri}


def affiliation(text: str) -> dict[str, str]:
    """An affiliation: `CERN (https://ror.org/01ggx4157)` has an identifier, `CERN` has none."""
    name, ror = split_affiliation(text)
    if ror is None:
        return {"name": name}
    return {
        "name": name,
        "affiliationIdentifier": ror,
        "affiliationIdentifierScheme": "ROR",
        "schemeUri": "https://ror.org",
    }


def rights(package: Contract) -> list[dict[str, str]]:
    """The licences of the data."""
    found = []
    for licence in package.licenses:
        entry = {"rights": licence.title or licence.name, "rightsUri": licence.path}
        if licence.name and re.fullmatch(r"[A-Za-z0-9.+-]+", licence.name):
            entry |= {
                "rightsIdentifier": licence.name,
                "rightsIdentifierScheme": "SPDX",
                "schemeUri": "https://spdx.org/licenses/",
            }
        found.append({key: value for key, value in entry.items() if value})
    return found


def related(cited: Mapping[str, Any], package: Contract) -> list[dict[str, str]]:
    """What the data are derived from, and the code that made them."""
    sources = [*(package.sources or []), *(source for table in package.resources for source in table.sources or [])]
    places = dict.fromkeys(source.path for source in sources if source.path)
    found = [_relation(place, "IsDerivedFrom") for place in places]
    if cited.get("repository-code"):
        found.append(_relation(cited["repository-code"], "IsCompiledBy"))
    return found


def _relation(place: str, relation: str) -> dict[str, str]:
    doi = DOI.fullmatch(place)
    identifier, kind = (doi[1], "DOI") if doi else (place, "URL")
    return {"relatedIdentifier": identifier, "relatedIdentifierType": kind, "relationType": relation}
