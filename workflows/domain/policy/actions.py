"""Actions of the platform, with their requests as data (actions.yaml)."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from workflows.domain.people import Role
from workflows.domain.values import Duration, Text, Written


class OnExpiry(StrEnum):
    """The effect of an expired approval."""

    ESCALATE = "escalate"
    REFUSE = "refuse"


class ApprovalRule(Written):
    """An approval by `quorum` different people of the role `by` within a time.

    Once it is granted, failed actions may be retried while it is `valid`.
    """

    by: Role
    quorum: Annotated[int, Field(ge=1, le=5)] = 1
    within: Duration
    on_expiry: OnExpiry = OnExpiry.REFUSE
    remind: Duration | None = None
    valid: Duration = Field(default="24h", validate_default=True)

    @model_validator(mode="after")
    def _reminds_in_time(self) -> "ApprovalRule":
        if self.remind is not None and self.remind >= self.within:
            raise ValueError("`remind` must be shorter than `within`; it counts back from the end")
        return self

    @property
    def reminded(self) -> timedelta:
        """The time of the reminder before the end, by default a third of `within`."""
        return self.remind or self.within / 3


class Timed(Written):
    """The duration of an action that Koban lifts."""

    default: Duration
    max: Duration


class Call(Written):
    """An HTTP request with placeholders as `{subject.id}`, `{case.id}`, `{until}`."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: Annotated[str, Field(pattern=r"^/([^/]|$)", max_length=500)]
    json_: Annotated[dict[str, JsonValue] | None, Field(alias="json")] = None


class Verify(Written):
    """The check that an action took effect: `expect` is an expression over `response`."""

    path: Annotated[str, Field(pattern=r"^/([^/]|$)", max_length=500)]
    expect: str


class ActionSpec(Written):
    """An action of the platform on a subject of one type."""

    title: Text
    subject: str
    danger: bool = False
    timed: Timed | None = None
    request: Call
    undo: Call | None = None
    verify: Verify | None = None
    approval: ApprovalRule | None = None
    undo_approval: ApprovalRule | None = None
    deadline: Duration = Field(default="1h", validate_default=True)


class ActionCatalog(Written):
    """The content of actions.yaml, by action name."""

    actions: dict[str, ActionSpec]

    def find(self, name: str) -> ActionSpec | None:
        """The action called `name`, or None."""
        return self.actions.get(name)
