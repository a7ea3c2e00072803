"""What Koban does by itself before anybody looks, and lifts again unless a person confirms."""

from enum import StrEnum

from workflows.domain.enforcement import ActionState, ActionStatus
from workflows.domain.model import Value


class Intent(StrEnum):
    """What shall become of a protection."""

    LIFT_IN_TIME = "lift_in_time"
    HOLD = "hold"
    HAND_OVER = "hand_over"
    LIFT_NOW = "lift_now"


class Protection(Value):
    """One protection; its action stands among the case's actions under `decision == id`.

    `id` counts within the case: P1, P2, … `rule` or `step` is the line of the playbook, `as_of` the
    version of the case with which it began: an older card does not show it.
    """

    id: str
    action: str
    rule: int | None = None
    step: int | None = None
    intent: Intent = Intent.LIFT_IN_TIME
    as_of: int = 0

    def known_to(self, version: int | None) -> bool:
        """Whether a card drawn as `version` shows it (None: the newest card)."""
        return version is None or self.as_of <= version


OVER = frozenset(
    {ActionStatus.LIFTED, ActionStatus.UNDONE, ActionStatus.KEPT, ActionStatus.GIVEN_UP}
)
"""The protection does nothing any more."""


def is_over(state: ActionState | None) -> bool:
    """Whether a protection's action came to its end, or never took effect for good."""
    return state is None or state.status in OVER
