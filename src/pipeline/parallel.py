"""Many fits at a time: joblib over all processors, with a line of progress; their number changes no result."""

import sys
import warnings
from collections.abc import Callable, Iterable
from typing import TypeVar

import joblib

from pipeline.modelling import one_thread

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_all(function: Callable[[Item], Result], items: Iterable[Item], label: str) -> list[Result]:
    """Call a function for each item, as many at a time as there are processors; results keep the order of the items.

    Of several errors the one of the first item is raised, so that a mistake has the same words every time.

    Threads, not processes: scikit-learn lets go of Python's lock where the time goes, the data are not copied, and
    nothing is left behind when the stage is killed.

    Args:
        label: what is being done, for the line of progress that a terminal shows.
    """
    items, results = list(items), []

    def attempt(item: Item) -> tuple[Result | None, Exception | None]:
        try:
            return function(item), None
        except Exception as exc:
            return None, exc

    with one_thread():
        parallel = joblib.Parallel(n_jobs=-1, backend="threading", return_as="generator")
        attempts = parallel(joblib.delayed(attempt)(item) for item in items)
        for result, error in attempts:
            if error is not None:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # that the others were in vain: the error says enough
                    attempts.close()
                raise error
            results.append(result)
            if sys.stderr.isatty():
                end = "\n" if len(results) == len(items) else ""
                print(f"\r{label}: {len(results)} of {len(items)}", end=end, file=sys.stderr, flush=True)
    return results
