"""datapackage.json: the contract's Data Package, with the tables that the bundle holds."""

from typing import Any

from pipeline.bundle.facts import Facts

MISSING = {"csv": [""], "parquet": ["", "nan"]}  # frictionless reads a missing value in Parquet as nan


def data_package(facts: Facts) -> dict[str, Any]:
    """The datapackage.json of a bundle: the contract's package with the tables that the bundle holds, in two forms."""
    head = facts.package.model_dump(mode="json", exclude_none=True, exclude_defaults=True, exclude={"resources"})
    head |= {
        "name": facts.name,
        "version": facts.version,
        "sources": [source.model_dump(exclude_none=True) for source in facts.sources],
    }
    head["licenses"] = [
        {"name": licence.name, "path": licence.url, "title": licence.title} for licence in facts.licences
    ]
    head = {key: value for key, value in head.items() if value not in ("", [])}
    resources = [
        {
            "name": table.name if format == "csv" else f"{table.name}-{format}",
            "type": "table",
            "path": f"{table.name}.{format}",
            "title": table.title,
            "description": table.description,
            "format": format,
            "schema": {"fields": table.fields, "missingValues": missing}
            | ({"primaryKey": table.keys} if table.keys else {}),
        }
        for table in facts.tables
        for format, missing in MISSING.items()
    ]
    return {"$schema": "https://datapackage.org/profiles/2.0/datapackage.json", **head, "resources": resources}
