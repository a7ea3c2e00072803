"""A case that is set aside for a while, and what that does to its clock."""

from datetime import datetime
from enum import StrEnum

from workflows.domain.model import Value


class HoldKind(StrEnum):
    """Why nobody is called: put off by a person, or information is waited for."""

    SNOOZED = "snoozed"
    WAITING = "waiting"


class Hold(Value):
    """A case on hold since `since`, until `until`. Where it `pauses`, the clocks stand still."""

    kind: HoldKind
    by: str
    since: datetime
    until: datetime
    pauses: bool
    note: str = ""
