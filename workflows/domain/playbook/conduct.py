"""How a team works its cases: claims that run out, waiting, order at the platform, limits."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from workflows.domain.model import Written
from workflows.domain.playbook.actions import ApprovalRule
from workflows.domain.playbook.durations import Duration


class Claims(Written):
    """A claim ends after `idle` without a sign of its person, with a warning `warn` before."""

    idle: Duration
    warn: Duration

    @model_validator(mode="after")
    def _warns_in_time(self) -> "Claims":
        if self.warn >= self.idle:
            raise ValueError("`warn` must be shorter than `idle`; it counts back from the end")
        return self


class Holds(Written):
    """A case is set aside `most` times; once more takes a lead."""

    most: Annotated[int, Field(ge=1, le=50)] = 3


class Order(StrEnum):
    """Whether the actions of one decision run together or one after another."""

    TOGETHER = "together"
    IN_TURN = "in_turn"


class OnFailure(StrEnum):
    """What the failure of one action means for the others of its decision."""

    CONTINUE = "continue"
    STOP = "stop"
    UNDO = "undo"


class Conduct(Written):
    """How several actions of one decision are carried out. `undo` takes back in reverse order."""

    order: Order = Order.TOGETHER
    on_failure: OnFailure = OnFailure.CONTINUE

    @model_validator(mode="after")
    def _stops_only_in_turn(self) -> "Conduct":
        if self.on_failure is not OnFailure.CONTINUE and self.order is Order.TOGETHER:
            raise ValueError("`on_failure: stop` and `undo` need `order: in_turn`")
        return self


class Velocity(Written):
    """So many actions of one person within a time; more need a second person."""

    actions: Annotated[int, Field(ge=1, le=10_000)]
    within: Duration


class Exposure(Written):
    """So many pieces of hidden evidence one person may be shown within a time: a shift."""

    reveals: Annotated[int, Field(ge=1, le=10_000)]
    within: Duration


class Limits(Written):
    """Above these a decision needs `approval`, whatever its actions (limits.yaml).

    `bulk` is how many subjects one decision may act on alone. Above `exposure` nobody is asked:
    whoever has seen enough has a colleague look.
    """

    velocity: Velocity | None = None
    exposure: Exposure | None = None
    bulk: Annotated[int, Field(ge=1, le=1000)] = 5
    approval: ApprovalRule
