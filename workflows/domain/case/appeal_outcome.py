"""What an appeal and its case tell each other: the answer, and what became of the undo."""

from datetime import datetime
from enum import StrEnum

from workflows.domain.values import Value


class AppealOutcome(StrEnum):
    """How an appeal was answered."""

    UPHELD = "upheld"
    OVERTURNED = "overturned"


class AppealAnswer(Value):
    """The answer, on its way to the case. An overturn is the approval of the undo."""

    appeal: str
    case: str
    decision: str
    outcome: AppealOutcome
    by: str
    at: datetime
    reason: str


class AppealSettled(Value):
    """What became of an overturn at the platform.

    `left` actions still stand although they could be undone; `kept` ones have no undo.
    """

    appeal: str
    left: int = 0
    kept: int = 0
