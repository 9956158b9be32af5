"""Cross-validation: how the training part is divided in rows to learn from and rows to judge by."""

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, TimeSeriesSplit

from pipeline.errors import ProjectError
from pipeline.params import Split

Fold = tuple[np.ndarray, np.ndarray]  # the numbers of the rows to learn from, and of those to judge by


def make_folds(table: pd.DataFrame, split: Split, count: int, seed: int) -> list[Fold]:
    """Divide the training part as train and test were divided.

    By time, each fold is judged by rows later than all that it learned from; by group, a group stands on one side; by
    key or row, rows are shuffled. Rows that balancing repeated stay together.

    Raises:
        ProjectError: fewer different times, groups or rows than the folds need.
    """
    if split.by in ("key", "row"):
        units, noun = pd.factorize(pd.util.hash_pandas_object(table, index=False))[0], "rows"
    else:
        units, noun = pd.factorize(table[split.column], sort=True)[0], f"values of `{split.column}`"
    different, needed = units.max() + 1, count + 1 if split.by == "time" else count
    if different < needed:
        problem = f"{count} folds need {needed} different {noun}, and the training part has {different}"
        raise ProjectError("params.yaml: train.folds", problem, "Take fewer folds or more data.")
    if split.by == "time":
        moments = TimeSeriesSplit(count).split(np.arange(different))
        return [(np.flatnonzero(units < b[0]), np.flatnonzero((b[0] <= units) & (units <= b[-1]))) for _, b in moments]
    shuffled = {"shuffle": True, "random_state": seed} if split.by in ("key", "row") else {}
    return list(GroupKFold(count, **shuffled).split(units, groups=units))
