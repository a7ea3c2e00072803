"""Messages between an appeal and its case: the answer, and the result of the undo."""

from datetime import datetime
from enum import StrEnum

from workflows.domain.values import Value


class AppealOutcome(StrEnum):
    """The answer to an appeal."""

    UPHELD = "upheld"
    OVERTURNED = "overturned"


class AppealAnswer(Value):
    """The answer for the case. An overturn approves the undo."""

    appeal: str
    case: str
    decision: str
    outcome: AppealOutcome
    by: str
    at: datetime
    reason: str


class AppealSettled(Value):
    """The result of an overturn: `left` actions were not undone, `kept` ones have no undo."""

    appeal: str
    left: int = 0
    kept: int = 0
