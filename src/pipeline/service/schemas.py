"""What the answers look like: for the description of the API, by which clients are made and tests judge."""

from typing import Any, Literal

from pydantic import BaseModel

Scalar = bool | int | float | str


class Model(BaseModel):
    """The model that made an answer."""

    bundle: str
    version: str
    target: str
    unit: str | None
    classes: list[Scalar] | None
    threshold: float | None
    decides_for: Scalar | None


class Prediction(BaseModel):
    """What the model says of a row: the decision or the number, and the probability of each class."""

    predicted: Scalar
    probabilities: dict[str, float] | None
    notes: list[str]


class Answer(BaseModel):
    model: Model
    predictions: list[Prediction]


class Change(BaseModel):
    """How much the prediction is higher with this value than with the typical one."""

    field: str
    value: Scalar | None
    typical: Scalar
    change: float


class Explanation(BaseModel):
    model: Model
    prediction: Prediction
    changes: list[Change] | None


class Health(BaseModel):
    status: Literal["ok"]
    bundle: str
    version: str


class WrongCell(BaseModel):
    row: int | None
    field: str | None
    problem: str
    remedy: str


class Refusal(BaseModel):
    """Why there is no answer."""

    detail: str
    errors: list[WrongCell]


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": words}
    for status, words in {
        400: "Not a request of HTTP.",
        401: "A token is needed.",
        408: "The body did not come in time.",
        413: "Too many bytes or rows.",
        415: "A body of another kind.",
        422: "Values that break the contract, each with its row and field.",
        503: "Busy, or the bundle was changed; try again later.",
    }.items()
}


def some(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: REFUSALS[status] for status in statuses}
