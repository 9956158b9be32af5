"""CITATION.cff: who made this, title, version, date; checked by the schema of the Citation File Format."""

import importlib.resources
import json
from pathlib import Path
from typing import Any

from pipeline.errors import ProjectError, ProjectErrors, nearest
from pipeline.yamlfile import read_yaml

FILE = Path("CITATION.cff")


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
