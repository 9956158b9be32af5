"""Errors that a user can act on: what, where, and what to do."""

import difflib
from collections.abc import Iterable


class ProjectError(Exception):
    """A mistake in what the user gave us: shown without a traceback, exit status 1.

    Args:
        where: the place, as a file and the key, row or column in it: `params.yaml: clean.flights.late.max`.
        problem: what was found and what was expected.
        remedy: what to do; shown on a second line.
    """

    def __init__(self, where: str, problem: str, remedy: str = ""):
        self.where, self.problem, self.remedy = where, problem, remedy
        super().__init__(f"{where}: {problem}" + (f"\n  {remedy}" if remedy else ""))

    def __reduce__(self):
        return type(self), (self.where, self.problem, self.remedy)


class ProjectErrors(Exception):
    """Several mistakes found in one look, each a ProjectError."""

    def __init__(self, errors: Iterable[ProjectError]):
        self.errors = list(errors)
        super().__init__("\n".join(map(str, self.errors)))


def nearest(name: str, known: Iterable[str], kind: str = "known") -> str:
    """Say which known name was probably meant.

    Returns:
        ``Did you mean `max`?  (options: column, min, max)``, without the first half where nothing is near.
    """
    known = [str(k) for k in known]
    lowered = {k.lower(): k for k in reversed(known)}
    close = difflib.get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.5)
    shown = ", ".join(known[:20]) + (f", … {len(known) - 20} more" if len(known) > 20 else "")
    listing = f"({kind}: {shown or 'none'})"
    return f"Did you mean `{lowered[close[0]]}`?  {listing}" if close else listing
