"""Try a way to split on the rows themselves, so that a draft's first run learns from all classes and tests on them."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from pipeline.errors import ProjectError
from pipeline.params import Split
from pipeline.splitting import is_test

SHARE = 0.25
SEEDS = range(1, 31)
FOLDS = (5, 4, 3, 2)
SMALLEST, LARGEST = 0.05, 0.6  # the share that the test part may have


class Aim(Protocol):
    column: str
    classes: dict[Any, int]


@dataclass(frozen=True)
class Trial:
    """A split that works, and its parts.

    Attributes:
        lacking: how often one of the parts lacks a class that has rows enough for both.
        unseen: inputs without any value in the rows that a fold learns from.
        why_seed: what is special about the seed, in words; empty if nothing is.
    """

    split: dict[str, Any]
    seed: int
    folds: int
    train_rows: int
    test_rows: int
    lacking: int = 0
    unseen: tuple[str, ...] = ()
    why_seed: str = ""


def try_splits(
    kept: pd.DataFrame, ways: list[dict[str, Any]], aim: Aim, key: list[str], inputs: list[str]
) -> tuple[Trial, list[str]]:
    """Take the first way that works, with the first seed by which both parts hold every class.

    Args:
        kept: the rows of the main table with a target.
        ways: `by` and `column`, the best first.

    Returns:
        The trial, and why better ways do not work, in words.

    Raises:
        ProjectError: none works.
    """
    words: list[str] = []
    for way in ways:
        found: list[Trial] = []
        for seed in SEEDS if way["by"] != "time" else SEEDS[:1]:
            try:
                found.append(_try(kept, way, seed, aim, key, inputs))
            except ProjectError as mistake:
                reason = mistake.problem
            if found and found[-1].lacking == 0:
                break
        if found:
            best = min(found, key=lambda trial: trial.lacking)
            usual = best.seed == SEEDS[0]
            why = "" if usual else "the first by which both parts hold every class they can"
            return replace(best, why_seed=why), words
        words.append(f"no split by {way['by']}" + (f" `{way['column']}`" if "column" in way else "") + f": {reason}")
    problem = f"{len(kept)} rows with a target can't be split into a part to learn from and one to test on"
    raise ProjectError(f"--target {aim.column}", problem, "; ".join(words))


def _try(kept: pd.DataFrame, way: dict[str, Any], seed: int, aim: Aim, key: list[str], inputs: list[str]) -> Trial:
    """Split, and make the folds.

    Raises:
        ProjectError: this does not work.
    """
    split = Split(**way, test_share=SHARE)
    deciding = {"key": key, "row": None}.get(split.by, [split.column])
    test = is_test(kept[deciding] if deciding else kept.index.to_frame(), split, seed)
    if not SMALLEST <= test.mean() <= LARGEST:
        raise ProjectError("", f"the test part would be {100 * test.mean():.0f} % of the rows")
    lacking = _lacking_classes(kept[aim.column], test, split) if aim.classes else 0
    columns = dict.fromkeys([*key, *([split.column] if split.column else []), aim.column, *inputs])
    train = kept.loc[~test, [name for name in columns if name in kept]].reset_index(drop=True)
    folds, unseen = _fold(train, split, seed)
    return Trial({**way, "test_share": SHARE}, seed, folds, len(train), int(test.sum()), lacking, unseen)


def _lacking_classes(target: pd.Series, test: np.ndarray, split: Split) -> int:
    learned, tested = (set(target[side].unique()) for side in (~test, test))
    if len(learned) < 2:
        raise ProjectError("", f"the part to learn from holds only {learned.pop()}")
    if split.by in ("time", "group") and len(tested) < 2:
        raise ProjectError("", f"the test part holds only {tested.pop()}")
    if split.by in ("time", "group") and tested - learned:
        raise ProjectError("", f"the test part holds {min(tested - learned)}, which the other lacks")
    several = [value for value, count in target.value_counts().items() if count > 1]
    return sum(value not in side for value in several for side in (learned, tested))


def _fold(train: pd.DataFrame, split: Split, seed: int) -> tuple[int, tuple[str, ...]]:
    """The most folds that the rows allow, and the columns that have no value in what one of them learns from."""
    from pipeline.folds import make_folds  # scikit-learn takes seconds to import: not for a mistake in the arguments

    for count in FOLDS:
        try:
            folds = make_folds(train, split, count, seed)
        except ProjectError as mistake:
            reason = mistake
            continue
        gaps = train.columns[train.isna().any()]
        empty = [name for name in gaps if any(train[name].iloc[learn].isna().all() for learn, _ in folds)]
        return count, tuple(empty)
    raise reason
