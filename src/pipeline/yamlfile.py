"""Read the YAML files that a user edits, as DVC reads them (YAML 1.2), and refuse a key that stands twice."""

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from pipeline.errors import ProjectError

MERGE = "tag:yaml.org,2002:merge"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """PyYAML speaks YAML 1.1, where `no` is false, 12:30 is 750 and 1e-3 is text; DVC and people think otherwise."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Make a value of a node; PyYAML lets out whatever a value like 2013-13-45 or `!!int x` causes."""
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            kind = node.tag.rsplit(":", 1)[-1]
            shown = f"`{node.value[:40]}`" if isinstance(node.value, str) else "this"
            raise ConstructorError(None, None, f"{shown} is no {kind}", node.start_mark) from None


def _construct_mapping(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> dict:
    seen = {}
    for key_node, _ in node.value:
        if key_node.tag == MERGE:
            continue
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, list | dict | set):
            raise ConstructorError(None, None, "a key must be a single word or number", key_node.start_mark)
        if key in seen:
            problem = f"the key `{key}` stands twice (first in line {seen[key]})"
            raise ConstructorError(None, None, problem, key_node.start_mark)
        seen[key] = key_node.start_mark.line + 1
    return yaml.SafeLoader.construct_mapping(loader, node, deep=deep)


_CORE_SCHEMA = {  # https://yaml.org/spec/1.2.2/#103-core-schema
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
}


def _construct_int(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    return int(text, 0 if text.startswith(("0o", "0x")) else 10)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag.rsplit(":", 1)[1] not in _CORE_SCHEMA]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _name, (_pattern, _first) in _CORE_SCHEMA.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(rf"^(?:{_pattern})$"), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)


def read_yaml(path: Path | str) -> dict[str, Any]:
    """Read a YAML file whose top level is a mapping.

    Raises:
        ProjectError: no such file, not YAML, a key twice, or something else than a mapping; names the line.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        remedy = f"It is looked for in {Path.cwd().name}/; run from the project's root."
        raise ProjectError(str(path), "no such file", remedy) from None
    except UnicodeDecodeError as exc:
        raise ProjectError(str(path), f"not UTF-8 text (byte {exc.start})", "Save it as UTF-8.") from None
    except OSError as exc:
        raise ProjectError(str(path), f"not readable: {exc.strerror}") from None
    try:
        content = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        problem = ", ".join(filter(None, (exc.context, exc.problem)))
        raise ProjectError(where, f"not readable as YAML: {problem}") from None
    except yaml.YAMLError as exc:
        raise ProjectError(str(path), f"not readable as YAML: {str(exc).splitlines()[0]}") from None
    except RecursionError:
        raise ProjectError(str(path), "not readable as YAML: nested too deeply") from None
    if not isinstance(content, dict):
        found = {list: "a list", type(None): "nothing"}.get(type(content), "a single value")
        raise ProjectError(str(path), f"found {found}, expected keys with values")
    return content
