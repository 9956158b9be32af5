"""croissant.json: the tables for loaders of machine learning (Croissant 1.1, https://docs.mlcommons.org/croissant/)."""

from collections.abc import Callable
from typing import Any

from pipeline.bundle.facts import Author, Facts, Table, cite

CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
TYPES = {
    "string": "sc:Text",
    "integer": "sc:Integer",
    "number": "sc:Float",
    "boolean": "sc:Boolean",
    "datetime": "sc:DateTime",
}
# mlcroissant reads the tables from Parquet, which says the types, and knows it by this name only.
MEDIATYPES = {"csv": "text/csv", "parquet": "application/x-parquet"}
PARTS = {"train": "cr:TrainingSplit", "test": "cr:TestSplit"}


def croissant(facts: Facts, size: Callable[[str], int], sha256: Callable[[str], str]) -> dict[str, Any]:
    """Describe the tables of a bundle.

    Args:
        size: of a file of the bundle, in bytes.
        sha256: of a file of the bundle.
    """
    head = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": facts.name,
        "alternateName": facts.title,
        "description": facts.description,
        "version": facts.version,
        "datePublished": facts.date,
        "url": f"https://doi.org/{facts.doi}" if facts.doi else facts.homepage,
        "citeAs": cite(facts),
        "license": [licence.url for licence in facts.licences],
        "creator": [_creator(author) for author in facts.authors],
        "keywords": facts.keywords,
        "isLiveDataset": False,
        "prov:wasDerivedFrom": [{"@id": source.path, "name": source.title} for source in facts.sources if source.path],
        "distribution": [_file(table, form, size, sha256) for table in facts.tables for form in MEDIATYPES],
        "recordSet": [_parts(), *map(_records, facts.tables)],
    }
    return {key: value for key, value in head.items() if value not in (None, [])}


def _creator(author: Author) -> dict[str, Any]:
    kind = {"@type": "sc:Person" if author.family else "sc:Organization"}
    known = {"@id": author.orcid, "name": author.name, "url": author.orcid or author.website, "email": author.email}
    return kind | {key: value for key, value in known.items() if value}


def _file(table: Table, form: str, size: Callable[[str], int], sha256: Callable[[str], str]) -> dict[str, Any]:
    name = f"{table.name}.{form}"
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "description": table.description,
        "contentUrl": name,
        "contentSize": f"{size(name)} B",
        "encodingFormat": MEDIATYPES[form],
        "sha256": sha256(name),
    }


def _parts() -> dict[str, Any]:
    """The parts that the column `part` of the ready table refers to."""
    fields = {"name": "sc:Text", "url": "sc:URL"}
    return {
        "@type": "cr:RecordSet",
        "@id": "parts",
        "name": "parts",
        "description": "What the model learned from, and what it was judged by",
        "dataType": "cr:Split",
        "key": {"@id": "parts/name"},
        "field": [
            {"@type": "cr:Field", "@id": f"parts/{name}", "name": name, "dataType": type_}
            for name, type_ in fields.items()
        ],
        "data": [{"parts/name": name, "parts/url": url} for name, url in PARTS.items()],
    }


def _records(table: Table) -> dict[str, Any]:
    identifier = f"{table.name}-rows"  # another one than that of a file
    record_set = {
        "@type": "cr:RecordSet",
        "@id": identifier,
        "name": identifier,
        "description": table.description,
        "key": [{"@id": f"{identifier}/{name}"} for name in table.keys],
        "field": [_field(identifier, table, field) for field in table.fields],
    }
    return {key: value for key, value in record_set.items() if value != []}


def _field(identifier: str, table: Table, field: dict[str, Any]) -> dict[str, Any]:
    unit = f" ({field['unit']})" if "unit" in field else ""
    described = {
        "@type": "cr:Field",
        "@id": f"{identifier}/{field['name']}",
        "name": field["name"],
        "description": f"{field.get('description') or field['name']}{unit}",
        "dataType": TYPES[field["type"]],
        "source": {"fileObject": {"@id": f"{table.name}.parquet"}, "extract": {"column": field["name"]}},
    }
    if field["name"] == "part":
        described |= {"references": {"field": {"@id": "parts/name"}}}
    return described
