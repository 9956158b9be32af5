"""index.html: the bundle at a glance, for people, and for programs by JSON-LD and Signposting links.

Signposting: https://signposting.org/FAIR/, at level 1, as `<link>` elements; a server may send the same in headers.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from markupsafe import Markup, escape

from pipeline.bundle.cards import bounds, make_environment
from pipeline.bundle.facts import Facts, cite
from pipeline.bundle.items import Item
from pipeline.contract import Origin
from pipeline.scoring import MAIN_METRIC

# No address of a context: a program that reads the page needs no other one.
CONTEXT = {"@vocab": "https://schema.org/", "prov": "http://www.w3.org/ns/prov#", "dct": "http://purl.org/dc/terms/"}
PROFILES = {
    "ro-crate-metadata.json": "https://w3id.org/ro/crate",
    "croissant.json": "http://mlcommons.org/croissant/1.1",
    "datapackage.json": "https://datapackage.org/profiles/2.0/datapackage.json",
}
GROUPS = {
    "data": "Data",
    "model": "Model",
    "page": "Pages to read",
    "metadata": "Metadata for programs",
    "record": "How it was made",
    "code": "Code",
}


def landing_page(facts: Facts, size: Callable[[str], int | None]) -> str:
    """Render index.html.

    Args:
        size: of a file of the bundle in bytes, None where it is not written yet.
    """
    evaluation = facts.results["evaluation"]
    main = MAIN_METRIC[evaluation["task"]]
    groups = {
        title: [
            (item, _size(size(item.name))) for item in facts.files if item.kind == kind and item.name != "index.html"
        ]
        for kind, title in GROUPS.items()
    }
    ledger = facts.results["ledger"]
    environment = make_environment(autoescape=True)
    environment.filters["marked"] = _marked
    return environment.get_template("index.html.j2").render(
        facts=facts,
        evaluation=evaluation,
        main=main,
        metric=evaluation["metrics"][main],
        groups={title: items for title, items in groups.items() if items},
        links=list(_links(facts)),
        json_ld=_json_ld(facts, size),
        bounds=bounds,
        rows_in=sum(entry["rows_in"] for entry in ledger.values()),
        rows_rejected=sum(entry["rows_rejected"] for entry in ledger.values()),
        cite=cite(facts),
    )


def _marked(text: str) -> Markup:
    """Text of which what stands between backticks is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _size(size: int | None) -> str:
    if size is None:
        return ""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return ""


def _links(facts: Facts) -> Iterator[dict[str, str]]:
    """Signposting: what the page is about, who made it, on which terms, and where its parts and metadata are."""
    if facts.doi:
        yield {"rel": "cite-as", "href": f"https://doi.org/{facts.doi}"}
    for kind in ("AboutPage", "Dataset"):
        yield {"rel": "type", "href": f"https://schema.org/{kind}"}
    for author in facts.authors:
        if author.orcid or author.website:
            yield {"rel": "author", "href": str(author.orcid or author.website)}
    for licence in facts.licences:
        yield {"rel": "license", "href": licence.url}
    for item in facts.files:
        if item.name in PROFILES:
            yield {"rel": "describedby", "href": item.name, "type": item.mediatype, "profile": PROFILES[item.name]}
    for item in facts.files:
        if item.kind in ("data", "model"):
            yield {"rel": "item", "href": item.name, "type": item.mediatype}


def _json_ld(facts: Facts, size: Callable[[str], int | None]) -> str:
    """The bundle as a Dataset of schema.org, safe inside a script element."""
    content: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "Dataset",
        "@id": f"https://doi.org/{facts.doi}" if facts.doi else "./",
        "identifier": f"https://doi.org/{facts.doi}" if facts.doi else None,
        "name": facts.title,
        "description": facts.description,
        "version": facts.version,
        "datePublished": facts.date,
        "license": [licence.url for licence in facts.licences],
        "conditionsOfAccess": "Open to all, under the licence",
        "isAccessibleForFree": True,
        "url": facts.homepage,
        "creator": [_agent(author) for author in facts.authors],
        "publisher": _agent(facts.authors[0]),
        "keywords": facts.keywords,
        "citation": cite(facts),
        "measurementTechnique": facts.settings.train.model,
        "variableMeasured": [_variable(field) for field in facts.tables[0].fields],
        "distribution": [_download(item, size(item.name)) for item in facts.files if item.kind in ("data", "model")],
        "subjectOf": [
            {
                "@type": "DigitalDocument",
                "url": name,
                "encodingFormat": "application/json",
                "dct:conformsTo": {"@id": uri},
            }
            for name, uri in PROFILES.items()
        ],
        "isBasedOn": [_source(source) for source in facts.sources],
        "prov:wasDerivedFrom": [{"@id": source.path} for source in facts.sources if source.path],
        "prov:wasGeneratedBy": [
            {"@type": "prov:Activity", "name": name, "description": stage.get("desc", "")}
            for name, stage in facts.stages.items()
        ],
    }
    text = json.dumps(
        {key: value for key, value in content.items() if value not in (None, [])}, ensure_ascii=False, indent=1
    )
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _agent(author: Any) -> dict[str, Any]:
    known = {"@id": author.orcid, "name": author.name, "url": author.orcid or author.website}
    kind = "Person" if author.family else "Organization"
    return {"@type": kind} | {key: value for key, value in known.items() if value}


def _source(source: Origin) -> dict[str, str]:
    return {"@type": "CreativeWork", "name": source.title} | ({"url": source.path} if source.path else {})


def _variable(field: dict[str, Any]) -> dict[str, Any]:
    about = {"@type": "PropertyValue", "name": field["name"], "valueReference": field["type"]}
    more = {"description": field.get("description"), "unitText": field.get("unit"), "propertyID": field.get("rdfType")}
    return about | {key: value for key, value in more.items() if value}


def _download(item: Item, size: int | None) -> dict[str, Any]:
    return {
        "@type": "DataDownload",
        "name": item.title,
        "contentUrl": item.name,
        "encodingFormat": item.mediatype,
        "contentSize": f"{size} B",
    }
