"""CITATION.cff: who made this, title, version, date; checked by the schema of the Citation File Format."""

import importlib.resources
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import ProjectError, ProjectErrors, nearest
from pipeline.yamlfile import read_yaml

FILE = Path("CITATION.cff")
ROR = re.compile(r"(?:https?://)?ror\.org/(0[a-z0-9]{6}\d{2})")  # https://ror.org: an identifier of organisations


def load(file: Path = FILE) -> dict[str, Any]:
    """Read and check CITATION.cff.

    Raises:
        ProjectErrors: every key that the schema of the Citation File Format 1.2.0 refuses.
    """
    import jsonschema

    schemas = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((schemas / "citation-file-format.json").read_text(encoding="utf-8"))
    content = json.loads(json.dumps(read_yaml(file), default=str))  # YAML has dates, JSON has texts
    errors = []
    for error in jsonschema.Draft7Validator(schema).iter_errors(content):
        key = ".".join(map(str, error.absolute_path))
        where = f"{file}: {key}" if key else str(file)
        if error.validator == "additionalProperties":
            known = list(error.schema["properties"])
            unknown = [name for name in error.instance if name not in known]
            errors += [ProjectError(where, f"no such key: `{name}`", nearest(name, known, "keys")) for name in unknown]
        elif error.validator in ("anyOf", "oneOf"):
            errors.append(
                ProjectError(where, f"found {error.instance!r}, which fits none of the forms that the schema allows")
            )
        else:
            errors.append(ProjectError(where, error.message))
    if errors:
        raise ProjectErrors(errors)
    return content


def split_affiliation(text: str) -> tuple[str, str | None]:
    """Split an affiliation that names its identifier: `CERN (https://ror.org/01ggx4157)`.

    Returns:
        The name, and the address at ror.org or None.
    """
    found = ROR.search(text)
    if not found:
        return text, None
    name = re.sub(r"[(<\[,;]?\s*" + re.escape(found[0]) + r"\s*[)>\]]?", "", text).strip()
    return name or found[0], f"https://ror.org/{found[1]}"


def author_name(entry: Mapping[str, Any]) -> str:
    """The name of an author, a person or an organisation, in one line."""
    parts = ("given-names", "name-particle", "family-names", "name-suffix")
    return entry.get("name") or " ".join(entry[part] for part in parts if entry.get(part)) or entry.get("alias", "")
