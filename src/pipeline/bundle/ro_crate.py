"""ro-crate-metadata.json: all files, and each stage as an action with what it used, made and was told.

RO-Crate 1.3 (https://w3id.org/ro/crate/1.3) with the profile Process Run Crate 0.5
(https://w3id.org/ro/wfrun/process/0.5).
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.bundle.facts import STAGES, Author, Facts, declared
from pipeline.bundle.files import COPIES
from pipeline.bundle.items import Item
from pipeline.bundle.licences import Licence
from pipeline.citation import split_affiliation
from pipeline.contract import Origin

CRATE, PROCESS = "https://w3id.org/ro/crate/1.3", "https://w3id.org/ro/wfrun/process/0.5"
CONTEXT = [f"{CRATE}/context", {"environment": "https://w3id.org/ro/terms/workflow-run#environment"}]
STANDARDS = {
    "datapackage.json": ("https://datapackage.org/standard/data-package/", "Data Package 2.0"),
    "croissant.json": ("http://mlcommons.org/croissant/1.1", "Croissant 1.1"),
}
ITSELF = {"ro-crate-metadata.json", "SHA256SUMS"}  # what is written last, and cannot be described in it

Entity = dict[str, Any]


def ro_crate(facts: Facts, size: Callable[[str], int | None], sha256: Callable[[str], str | None]) -> dict[str, Any]:
    """Describe a bundle and how it was made.

    Args:
        size: of a file of the bundle in bytes, None where it is not written yet.
        sha256: of a file of the bundle, None where it is not written yet.

    Returns:
        The JSON-LD of the whole; entities in the order in which one reads them.
    """
    files = [item for item in facts.files if item.name not in ITSELF]
    people = {_author_id(author, number): author for number, author in enumerate(facts.authors, 1)}
    first = next(iter(people))
    groups = [facts.licences, facts.model_licences, [facts.code_licence], *facts.source_licences.values()]
    licences = {licence.url: licence for group in groups for licence in group}
    actions = [_action(name, stage, facts, first) for name, stage in facts.stages.items()]
    graph = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "name": "Metadata of this crate",
            "conformsTo": {"@id": CRATE},
            "about": {"@id": "./"},
        },
        _root(facts, list(people), [action["@id"] for action in actions]),
        *(_file(item, facts, size(item.name), sha256(item.name)) for item in files),
        *(_person(identifier, author) for identifier, author in people.items()),
        *_affiliations(people),
        *_contacts(people),
        *map(_licence, licences.values()),
        {"@id": PROCESS, "@type": ["CreativeWork", "Profile"], "name": "Process Run Crate", "version": "0.5"},
        *(
            {"@id": address, "@type": ["CreativeWork", "Profile"], "name": name}
            for address, name in STANDARDS.values()
            if any(address == STANDARDS.get(item.name, ("",))[0] for item in facts.files)
        ),
        *_sources(facts),
        *_identifier(facts),
        *actions,
        *_used_by(facts),
    ]
    return {"@context": CONTEXT, "@graph": graph}


def _some(entity: Entity) -> Entity:
    """An entity without what is not known; a list of one is written as the one."""
    known = {key: value for key, value in entity.items() if value not in (None, "", [])}
    return {k: value[0] if isinstance(value, list) and len(value) == 1 else value for k, value in known.items()}


def _refer(identifiers: Any) -> list[dict[str, str]]:
    return [{"@id": identifier} for identifier in identifiers]


def _root(facts: Facts, people: list[str], actions: list[str]) -> Entity:
    return _some(
        {
            "@id": "./",
            "@type": "Dataset",
            "name": facts.title,
            "description": facts.description,
            "version": facts.version,
            "datePublished": facts.date,
            "identifier": {"@id": f"https://doi.org/{facts.doi}"} if facts.doi else None,
            "cite-as": f"https://doi.org/{facts.doi}" if facts.doi else None,
            "url": facts.homepage,
            "license": _refer(licence.url for licence in facts.licences),
            "author": _refer(people),
            "publisher": {"@id": people[0]},
            "keywords": facts.keywords,
            "conformsTo": {"@id": PROCESS},
            "isBasedOn": _refer(_source_id(source) for source in facts.sources),
            "hasPart": _refer(item.name for item in facts.files if item.name not in ITSELF),
            "mentions": _refer(actions),
        }
    )


def _file(item: Item, facts: Facts, size: int | None, sha256: str | None) -> Entity:
    standard = STANDARDS.get(item.name)
    return _some(
        {
            "@id": item.name,
            "@type": "File",
            "name": item.title,
            "description": " ".join(filter(None, [item.description, facts.notes.get(item.name)])),
            "encodingFormat": item.mediatype,
            "contentSize": None if size is None else str(size),
            "sha256": sha256,
            "license": _own_licence(item, facts),
            "conformsTo": {"@id": standard[0]} if standard else None,
        }
    )


def _own_licence(item: Item, facts: Facts) -> list[dict[str, str]]:
    """The licence of a file where it is another than that of the whole."""
    if item.kind == "code":
        return [{"@id": facts.code_licence.url}]
    return _refer(x.url for x in facts.model_licences if item.kind == "model" and x not in facts.licences)


def _author_id(author: Author, number: int) -> str:
    return author.orcid or author.website or f"#author-{number}"


def _person(identifier: str, author: Author) -> Entity:
    return _some(
        {
            "@id": identifier,
            "@type": "Person" if author.family else "Organization",
            "name": author.name,
            "givenName": author.given,
            "familyName": author.family,
            "affiliation": {"@id": _affiliation_id(author.affiliation)} if author.affiliation else None,
            "contactPoint": {"@id": f"mailto:{author.email}"} if author.email else None,
            "url": author.website,
        }
    )


def _contacts(people: Mapping[str, Author]) -> list[Entity]:
    about = {"@type": "ContactPoint", "contactType": "author"}
    return [
        {"@id": f"mailto:{author.email}", **about, "name": f"Mail to {author.name}", "email": author.email}
        for author in people.values()
        if author.email
    ]


def _affiliation_id(text: str) -> str:
    name, ror = split_affiliation(text)
    return ror or "#" + name.replace(" ", "-")


def _affiliations(people: Mapping[str, Author]) -> list[Entity]:
    texts = dict.fromkeys(author.affiliation for author in people.values() if author.affiliation)
    named = {_affiliation_id(text): split_affiliation(text)[0] for text in texts}
    return [{"@id": identifier, "@type": "Organization", "name": name} for identifier, name in named.items()]


def _licence(licence: Licence) -> Entity:
    about = f"The terms of {licence.title}: {licence.url}"
    return {
        "@id": licence.url,
        "@type": "CreativeWork",
        "name": licence.title,
        "description": about,
        "url": licence.url,
    }


def _source_id(source: Origin) -> str:
    return source.path or "#source-" + source.title.replace(" ", "-")


def _sources(facts: Facts) -> list[Entity]:
    return [{"@id": _source_id(source), "@type": "CreativeWork", "name": source.title} for source in facts.sources]


def _identifier(facts: Facts) -> list[Entity]:
    if not facts.doi:
        return []
    address = f"https://doi.org/{facts.doi}"
    scheme = "https://registry.identifiers.org/registry/doi"
    return [
        {
            "@id": address,
            "@type": "PropertyValue",
            "name": "DOI",
            "propertyID": scheme,
            "value": f"doi:{facts.doi}",
            "url": address,
        }
    ]


def _action(name: str, stage: Mapping[str, Any], facts: Facts, agent: str) -> Entity:
    """A stage as an action: its inputs and parameters are its objects, what it writes its results."""
    return _some(
        {
            "@id": f"#{name}",
            "@type": "CreateAction",
            "name": name,
            "description": stage.get("desc") or f"The stage {name}",
            "agent": {"@id": agent},
            "instrument": {"@id": _script_id(stage, facts)},
            "object": _refer(dict.fromkeys([*_inputs(name, stage, facts), *_parameters(stage)])),
            "result": _refer(dict.fromkeys(_outputs(name, stage, facts))),
            "environment": {"@id": "#environment"},
            "actionStatus": "http://schema.org/CompletedActionStatus",
        }
    )


def _script_id(stage: Mapping[str, Any], facts: Facts) -> str:
    return f"{facts.homepage or ''}#{_script(stage)}"


def _script(stage: Mapping[str, Any]) -> str:
    words = stage["cmd"].split()
    return next((word for word in words if word.endswith(".py")), words[0])


def _path_id(path: str, facts: Facts) -> str:
    """What a path of the project is in the crate: the file that the bundle has of it, or a thing outside."""
    return COPIES.get(Path(path)) or ("dvc.yaml" if path == "src/stages.yaml" else f"#{path}")


def _inputs(name: str, stage: Mapping[str, Any], facts: Facts) -> list[str]:
    paths = [path for path in declared(stage.get("deps", [])) if not path.startswith("src/") or Path(path) == STAGES]
    sources = [f"#access.{table}" for table in sorted(facts.settings.access)] if name == "access" else []
    return [*(_path_id(path, facts) for path in paths), *sources]


def _parameters(stage: Mapping[str, Any]) -> list[str]:
    return [f"#params.{name}" for name in declared(stage.get("params", []))]


def _outputs(name: str, stage: Mapping[str, Any], facts: Facts) -> list[str]:
    if name == "publish":
        return [item.name for item in facts.files if item.name not in {*COPIES.values(), *ITSELF}]
    paths = [path for kind in ("outs", "metrics", "plots") for path in declared(stage.get(kind, []))]
    found = [_path_id(path, facts) for path in paths]
    return found + (["model.skops"] if "models" in paths else [])


def _used_by(facts: Facts) -> list[Entity]:
    """What the actions name and the bundle does not hold: scripts, parameters, sources, data in between."""
    entities: dict[str, Entity] = {}
    parameters = facts.parameters
    entities["#environment"] = {
        "@id": "#environment",
        "@type": "PropertyValue",
        "name": "requirements.txt",
        "description": "The sha256 of the lock of all packages",
        "value": facts.inputs.get("requirements.txt", ""),
    }
    for table, source in sorted(facts.settings.access.items()):
        about = f"sha256 {source.sha256}" if source.sha256 else "without a pinned sha256"
        entities[f"#access.{table}"] = _some(
            {
                "@id": f"#access.{table}",
                "@type": "CreativeWork",
                "name": source.uri,
                "description": f"The source of the raw table {table}, {about}",
                "license": _refer(licence.url for licence in facts.source_licences.get(table, [])),
                "sha256": source.sha256,
            }
        )
    for name, stage in facts.stages.items():
        entities[_script_id(stage, facts)] = {
            "@id": _script_id(stage, facts),
            "@type": "SoftwareApplication",
            "name": _script(stage),
            "description": stage.get("desc") or f"The script of the stage {name}",
            "version": facts.version,
            "url": {"@id": "dvc.yaml"} if not facts.homepage else facts.homepage,
            "license": {"@id": facts.code_licence.url},
        }
        for parameter in declared(stage.get("params", [])):
            value: Any = parameters
            for key in parameter.split("."):
                value = value.get(key) if isinstance(value, dict) else None
            entities[f"#params.{parameter}"] = {
                "@id": f"#params.{parameter}",
                "@type": "PropertyValue",
                "name": parameter,
                "value": json.dumps(value, ensure_ascii=False, sort_keys=True)
                if isinstance(value, dict | list)
                else value,
            }
        for identifier in [*_inputs(name, stage, facts), *_outputs(name, stage, facts)]:
            if identifier.startswith("#") and identifier not in entities:
                entities[identifier] = {"@id": identifier, "@type": "CreativeWork", "name": identifier[1:]}
    return list(entities.values())
