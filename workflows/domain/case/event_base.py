"""Base classes of events, with the facts that threads, cards, search and reports read of them."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from functools import cache, reduce
from typing import Any, ClassVar

from workflows.domain.case.approval import Purpose
from workflows.domain.values import Value

QUESTIONS = (
    "approval.question.text",
    "approval.exchanges.*.question",
    "approval.exchanges.*.answer",
)
"""Paths of what was asked and answered before an approval."""


class Why(StrEnum):
    """Why a hold ended."""

    ASKED = "asked"
    TIME = "time"
    WORSE = "worse"


class EventBase(Value):
    """An event by a person or (None) by Koban; the class attributes are facts about its kind."""

    in_thread: ClassVar[bool] = True
    """It has a line in the thread."""
    redraws_card: ClassVar[bool] = True
    """The card looks different after it."""
    awaited: ClassVar[bool | None] = None
    """A person waits for the redrawn card. None: if they did it or decided what it results from."""
    notifies_watchers: ClassVar[bool] = False
    """Watchers get a direct message."""
    watching: ClassVar[bool | None] = None
    """Its person watches the case after it; None: as before."""
    counted: ClassVar[bool] = False
    """Reports read it."""
    people: ClassVar[tuple[str, ...]] = ()
    """Paths of the fields with a user id or several, besides `by`."""
    words: ClassVar[tuple[str, ...]] = ()
    """Paths of the fields with text that a person typed."""
    copies: ClassVar[tuple[str, ...]] = ()
    """Paths of other text with personal data, as in a copy; `*` is every item of a list."""
    alert_fields: ClassVar[tuple[str, ...]] = ()
    """Paths of summaries of alerts."""
    answer_fields: ClassVar[tuple[str, ...]] = ()
    """Paths of answers to appeals."""
    on_requests: ClassVar[frozenset[Purpose]] = frozenset()
    """Approval requests that look different after it, by their purpose."""
    ends_request: ClassVar[bool] = False
    """An approval request after it is a new one, or the same one asked again."""

    kind: str
    at: datetime
    by: str | None = None

    def people_named(self) -> Iterator[str]:
        """The ids of the people in the event."""
        for path in ("by", *self.people):
            found = reduce(_attribute, path.split("."), self)
            if isinstance(found, str):
                yield found
            elif isinstance(found, tuple):
                yield from found


def _attribute(value: Any, name: str) -> Any:
    """The attribute; None without a value."""
    return None if value is None else getattr(value, name)


@cache
def kind_of(event: type[EventBase]) -> str:
    """The `kind` of a class of events, as the ledger has it."""
    return str(event.model_fields["kind"].default)


class DecisionEvent(EventBase):
    """An event about a decision, or about the protection with that id."""

    decision: str


class NoticeEvent(DecisionEvent):
    """An event about the notice of a decision; a bulk decision has counts of its notices."""

    sent: int | None = None
    failed: int | None = None


class ActionEvent(DecisionEvent):
    """An event about one action; `action` is its `PlannedAction.key`."""

    action: str


class AttemptEvent(ActionEvent):
    """A result of trying an action. One that is not `final` is superseded by the next.

    `life` is that of `ActionState`.
    """

    final: ClassVar[bool] = True
    life: int = 1


class ApprovalEvent(DecisionEvent):
    """An event about the pending approval of a decision."""

    on_requests = frozenset(Purpose)


class ProtectionEvent(EventBase):
    """An event about a protection."""

    protection: str
