"""The options that a search tries, drawn from those of params.yaml: it never sees the data."""

import numpy as np
from sklearn.model_selection import ParameterGrid, ParameterSampler

from pipeline.params import Train


def candidates(train: Train, seed: int) -> list[Train]:
    """The settings to be judged by cross-validation: those of params.yaml where no search is asked for.

    A grid holds every combination of the listed values; a random search draws `trials` different ones of them. The
    order of keys in params.yaml changes nothing, as DVC does not see it.
    """
    if train.search is None:
        return [train]
    grid = ParameterGrid(dict(sorted(train.search.options.items())))
    if train.search.kind == "random":
        trials = min(train.search.trials, len(grid))
        grid = ParameterSampler(dict(sorted(train.search.options.items())), trials, random_state=seed)
    return [train.model_copy(update={"options": {**train.options, **options}}) for options in grid]


def best(means: list[float | None], lower_is_better: bool) -> int:
    """The position of the best mean; of equal ones the first, and the first where none has a value."""
    values = np.array([np.nan if mean is None else mean for mean in means], dtype=float)
    if np.isnan(values).all():
        return 0
    return int(np.nanargmin(values) if lower_is_better else np.nanargmax(values))
