"""How a step of the ladder reaches people, how often, and what Koban protects meanwhile."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from workflows.domain.model import Written
from workflows.domain.playbook.durations import Duration


class Via(StrEnum):
    """How a call reaches people: a mention in the thread, a direct message, or both."""

    THREAD = "thread"
    DIRECT = "direct"
    BOTH = "both"


class Repeat(Written):
    """A step that is told again `every` so often, `times` at most after the first."""

    every: Duration
    times: Annotated[int, Field(ge=1, le=20)]


class Protect(Written):
    """A reversible action that Koban takes by itself and lifts after `for`, unless confirmed."""

    action: str
    for_: Annotated[Duration, Field(alias="for")]


class ProtectRule(Protect):
    """A protection that begins with an alert: `when` is an expression over it and its severity."""

    when: str = "true"
