"""A storm: more new cases in a channel than Slack lets anybody post, and what is told of them.

One message per channel stands for all of them, and one call per role for the calls of all of them.
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
"""Cards that wait in a channel: at one a second, the last of more is over 20 s away."""

CALM = 2
"""Looks in a row at which no card waits, before a storm is over."""

MENTION_AGAIN = timedelta(minutes=3)
"""Between two calls of one role for a channel's whole storm."""

CRITICAL_AGAIN = timedelta(seconds=30)
"""The same where one of the cases is critical: its claim clock may be two minutes long."""

MOST_TOP = 8
"""Subjects that are named: the worst, and those with the most alerts."""

_ROLES = {Notify.SHIFT: Role.SPECIALIST, Notify.LEAD: Role.LEAD}


class Group(Value):
    """The cases of one playbook: how many there were, by severity."""

    playbook: str
    title: Text
    counts: dict[Severity, int]

    @property
    def cases(self) -> int:
        """How many in all."""
        return sum(self.counts.values())


class Top(Value):
    """One open case that stands out; `carded`: its card stands already."""

    case: str
    title: Text
    subject: Subject
    severity: Severity
    alerts: int
    owner: str | None = None
    carded: bool = False


class Picture(Value):
    """A channel's cases opened `since` then: all, those that are open, those whose card waits."""

    channel: str
    since: datetime
    cases: int = 0
    open: int = 0
    waiting: int = 0
    groups: tuple[Group, ...] = ()
    top: tuple[Top, ...] = ()


class Called(Value):
    """A case whose ladder called `role`, by its event `seq`."""

    case: str
    seq: int
    role: Role
    severity: Severity


class Mention(Value):
    """A role is called for so many cases at once."""

    role: Role
    counts: dict[Severity, int] = Field(default_factory=dict)


def is_flooded(waiting: int) -> bool:
    """Whether so many waiting cards are a storm."""
    return waiting > MANY


def role_called(event: ev.Event) -> Role | None:
    """Whom a storm calls once for all cases, instead of in the thread of each; None for nobody.

    A call that a person asked for, or that names one, is made as ever; so is a direct message.
    """
    if not isinstance(event, ev.CaseEscalated) or event.step is None or event.person is not None:
        return None
    if event.via is Via.DIRECT:
        return None  # nobody is mentioned in the thread at all
    return event.role or _ROLES.get(event.notify)


def due_mentions(
    called: Iterable[Called], told_at: Mapping[Role, datetime], now: datetime
) -> tuple[Mention, ...]:
    """Which roles to call now: each for all that waited, and not again too soon."""
    counts: dict[Role, dict[Severity, int]] = {}
    for each in called:
        of_role = counts.setdefault(each.role, {})
        of_role[each.severity] = of_role.get(each.severity, 0) + 1
    return tuple(
        Mention(role=role, counts=counts[role])
        for role in sorted(counts)
        if role not in told_at or now - told_at[role] >= _pause(counts[role])
    )


def _pause(counts: Mapping[Severity, int]) -> timedelta:
    return CRITICAL_AGAIN if Severity.CRITICAL in counts else MENTION_AGAIN
