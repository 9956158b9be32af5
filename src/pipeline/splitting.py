"""The ready table: its columns, its rows divided into a training and a test part, the classes of the first balanced."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from pipeline.errors import ProjectError, ProjectErrors, nearest
from pipeline.params import Serve, Split

WHERE = "params.yaml: serve"
TEST = -1


def ready_columns(
    settings: Serve, slices: list[str], key: list[str], available: list[str], sources: Iterable[str] = ()
) -> list[str]:
    """The columns of the ready table: primary key, the column that splits, inputs, those to slice by, sources, target.

    Args:
        sources: the columns that inputs derive from, so that whoever has a row can derive them again.

    Raises:
        ProjectErrors: a column that data/features does not have.
    """
    split = [settings.split.column] if settings.split.column else []
    asked = {f"{WHERE}.inputs": settings.inputs, f"{WHERE}.target": [settings.target], f"{WHERE}.split.column": split}
    asked["params.yaml: evaluate.slices"] = slices
    errors = [
        ProjectError(option, f"no column `{name}` in data/features", nearest(name, available, "columns"))
        for option, names in asked.items()
        for name in names
        if name not in available
    ]
    if errors:
        raise ProjectErrors(errors)
    return list(dict.fromkeys([*key, *split, *settings.inputs, *slices, *sources, settings.target]))


def is_test(rows: pd.DataFrame, split: Split, seed: int) -> np.ndarray:
    """Say which rows are the test part.

    Args:
        rows: the columns that decide, shape (n, columns): the split's column, for `by: key` the primary key, for
            `by: row` the row's number.
        split: by time, the latest `test_share` of the rows (rows of one moment stay together); by group, key or row,
            those whose hash lies under `test_share`, so that a row stays on its side as data grow (by row: at the end).

    Returns:
        A boolean mask of shape (n,).

    Raises:
        ProjectError: a missing value decides, or one of the parts would be empty.
    """
    missing = rows.isna().any(axis=1)
    if missing.any():
        names = ", ".join(rows.columns)
        raise ProjectError(
            f"{WHERE}.split",
            f"{missing.sum()} rows have no {names}",
            "Drop them in `clean`, or split by another column.",
        )
    if split.by == "time":
        times = rows.iloc[:, 0]
        if times.dtype.kind not in "Mfi":
            raise ProjectError(
                f"{WHERE}.split.column", f"`{rows.columns[0]}` is {times.dtype}, expected times or numbers"
            )
        values = times.to_numpy(dtype="int64" if times.dtype.kind == "M" else "float64")
        first_test = min(int(np.ceil(len(values) * (1 - split.test_share))), len(values) - 1)
        mask = values >= np.partition(values, first_test)[first_test] if len(values) else np.zeros(0, bool)
    else:
        mask = uniform(rows, seed) < split.test_share
    if mask.all() or not mask.any():
        side = "training" if mask.all() else "test"
        raise ProjectError(
            f"{WHERE}.split",
            f"the {side} part of {len(rows)} rows would be empty",
            "Choose another test_share, column or seed.",
        )
    return mask


def uniform(rows: pd.DataFrame, seed: int) -> np.ndarray:
    """A number in [0, 1) for each row, drawn by a hash of its values and the seed: shape (n,)."""
    hashes = pd.util.hash_pandas_object(rows, index=False).to_numpy()
    return pd.util.hash_array(hashes ^ np.uint64(seed)) / 2.0**64


def training_copies(target: pd.Series, test: np.ndarray, draw: np.ndarray, balance: str) -> np.ndarray:
    """Say how often each row stands in the training part.

    Args:
        target: classes, shape (n,).
        test: mask of the test part, shape (n,).
        draw: a random number for each row, shape (n,): the smallest of a class are taken first.
        balance: `none`; `subsample` takes as many rows of each class as the rarest has, `supersample` repeats the rows
            of each class until it has as many as the most frequent.

    Returns:
        Copies of each row, shape (n,): TEST for a row of the test part, 0 for one that is left out, else 1 or more.
    """
    copies = np.where(test, TEST, 1).astype("int32")
    if balance == "none":
        return copies
    if target.dtype.kind == "f":
        problem = f"`{balance}` is for classes, but the target is a number"
        raise ProjectError(f"{WHERE}.balance", problem, "Set it to none.")
    codes, classes = pd.factorize(target, sort=True)
    members = [np.flatnonzero((codes == code) & ~test) for code in range(len(classes))]
    sizes = [len(rows) for rows in members if len(rows)] or [0]
    wanted = min(sizes) if balance == "subsample" else max(sizes)
    for rows in members:
        if len(rows):
            each, more = divmod(wanted, len(rows))
            copies[rows] = each
            copies[rows[_smallest(draw[rows], more)]] += 1
    return copies


def _smallest(numbers: np.ndarray, count: int) -> np.ndarray:
    """The positions of the smallest numbers; of equal ones the first."""
    limit = np.partition(numbers, count)[count]
    below, equal = np.flatnonzero(numbers < limit), np.flatnonzero(numbers == limit)
    return np.concatenate([below, equal[: count - len(below)]])
