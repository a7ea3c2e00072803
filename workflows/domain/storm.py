"""Storm of a channel: more new cases than Slack's rate limit lets Koban post.

One digest per channel replaces the waiting cards, one mention per role their escalations.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from pydantic import Field

from workflows.domain.alerts import Subject
from workflows.domain.case import events as ev
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Notify, Severity, Via
from workflows.domain.values import Text, Value

MANY = 20
"""Waiting cards without a storm: at one a second, more take over 20 s to write."""

CALM = 2
"""Checks in a row without a waiting card that end a storm."""

MENTION_AGAIN = timedelta(minutes=3)
"""Time between two mentions of a role in a storm."""

CRITICAL_AGAIN = timedelta(seconds=30)
"""The same with a critical case, whose claim clock can be two minutes."""

MOST_TOP = 8
"""Cases listed by name: the most severe, then those with the most alerts."""

_ROLES = {Notify.SHIFT: Role.SPECIALIST, Notify.LEAD: Role.LEAD}


class Group(Value):
    """The number of cases of one playbook by severity."""

    playbook: str
    title: Text
    counts: dict[Severity, int]

    @property
    def cases(self) -> int:
        """The number of all its cases."""
        return sum(self.counts.values())


class Top(Value):
    """A listed open case; `carded`: its card is posted."""

    case: str
    title: Text
    subject: Subject
    severity: Severity
    alerts: int
    owner: str | None = None
    carded: bool = False


class Picture(Value):
    """A channel's cases since `since`: all, the open ones, and those with a waiting card."""

    channel: str
    since: datetime
    cases: int = 0
    open: int = 0
    waiting: int = 0
    groups: tuple[Group, ...] = ()
    top: tuple[Top, ...] = ()


class Called(Value):
    """An escalation of a case to `role`, with the `seq` of its event."""

    case: str
    seq: int
    role: Role
    severity: Severity


class Mention(Value):
    """A mention of a role for several cases, counted by severity."""

    role: Role
    counts: dict[Severity, int] = Field(default_factory=dict)


def is_flooded(waiting: int) -> bool:
    """Whether the number of waiting cards makes a storm."""
    return waiting > MANY


def role_called(event: ev.Event) -> Role | None:
    """The role that an escalation mentions for a step in the thread; None for other events."""
    if not isinstance(event, ev.CaseEscalated) or event.step is None or event.person is not None:
        return None
    if event.via is Via.DIRECT:
        return None  # the thread has no mention
    return event.role or _ROLES.get(event.notify)


def due_mentions(
    called: Iterable[Called], mentioned_at: Mapping[Role, datetime], now: datetime
) -> tuple[Mention, ...]:
    """The mentions that are due: one per role, for all escalations that waited."""
    counts: dict[Role, dict[Severity, int]] = {}
    for each in called:
        of_role = counts.setdefault(each.role, {})
        of_role[each.severity] = of_role.get(each.severity, 0) + 1
    return tuple(
        Mention(role=role, counts=counts[role])
        for role in sorted(counts)
        if role not in mentioned_at or now - mentioned_at[role] >= _pause(counts[role])
    )


def _pause(counts: Mapping[Severity, int]) -> timedelta:
    return CRITICAL_AGAIN if Severity.CRITICAL in counts else MENTION_AGAIN
