"""What derives from what: the columns behind features, and the marks of the contract that features inherit."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.contract import Resource
from pipeline.derive import WHERE as FEATURES
from pipeline.derive import columns_read, inherited
from pipeline.errors import ProjectError
from pipeline.joins import joined_columns
from pipeline.params import Transform

WHERE = "params.yaml: transform.joins"


def marked_columns(
    mark: str, schema: Mapping[str, Resource], ready: Resource | None, settings: Transform, functions: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Columns that are `hindsight` or `personal`, by their own mark or because they derive from one that is.

    Returns:
        Column -> how it came to the mark, such as late -> [late, arr_delay]; a column of its own mark -> [itself].
    """
    origins = joined_columns(schema[settings.table], settings.joins, schema, WHERE)
    own = {name for name, (table, column) in origins.items() if getattr(schema[table].field(column), mark)}
    own |= ready.marked(mark) if ready else set()
    return {name: [name] for name in own} | inherited(own, settings.features, functions)


def sources_of(names: Iterable[str], settings: Transform, functions: Mapping[str, Any]) -> list[str]:
    """The columns of the joined table that columns are, or derive from through features: each once, in their order."""
    found: dict[str, None] = {}
    for name in names:
        if name in settings.features:
            read = columns_read(settings.features[name], functions, f"{FEATURES}.{name}")
            found |= dict.fromkeys(sources_of(read, settings, functions))
        else:
            found[name] = None
    return list(found)


def refuse_hindsight(inputs: list[str], hindsight: Mapping[str, list[str]]) -> list[ProjectError]:
    """An error for each input that is known only afterwards."""
    errors = []
    for name in inputs:
        if name in hindsight:
            path = hindsight[name]
            because = (
                "contract.yaml marks it" if len(path) == 1 else f"it derives from `{path[-1]}` ({' <- '.join(path)})"
            )
            problem = f"`{name}` is known only afterwards: {because}"
            errors.append(
                ProjectError(
                    "params.yaml: serve.inputs",
                    problem,
                    "Take it out: a model that sees the future is of no use today.",
                )
            )
    return errors
