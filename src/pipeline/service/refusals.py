"""What a caller did wrong: the status of the answer, and the first ten cells, each with its row, field and remedy."""

from typing import Any

SHOWN = 10


class RefusedError(Exception):
    """A request that cannot be answered; what it holds is shown to the caller.

    Args:
        status: of HTTP.
        detail: what is wrong, in one sentence.
        errors: the cells that are wrong, each with `row` (from 1), `field`, `problem` and `remedy`; only ten are shown.
    """

    def __init__(self, status: int, detail: str, errors: list[dict[str, Any]] | None = None):
        self.status, self.detail, self.errors = status, detail, errors or []
        super().__init__(detail)

    def content(self) -> dict[str, Any]:
        return {"detail": self.detail, "errors": self.errors[:SHOWN]}


def cell(row: int | None, field: str | None, problem: str, remedy: str = "") -> dict[str, Any]:
    """One cell that is wrong."""
    return {"row": row, "field": field, "problem": problem, "remedy": remedy}


def refuse_cells(errors: list[dict[str, Any]]) -> None:
    """Raise if any cell is wrong: the first rows first."""
    if errors:
        errors = sorted(errors, key=lambda error: error["row"] or 0)
        count = "1 value is" if len(errors) == 1 else f"{len(errors)} values are"
        more = f"; the first {SHOWN} of them are told" if len(errors) > SHOWN else ""
        raise RefusedError(422, f"{count} not as the contract says{more}.", errors)
