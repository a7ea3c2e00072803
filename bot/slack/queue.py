"""Which open cases a list shows, and in which order."""

from collections.abc import Callable
from datetime import UTC, datetime

from bot.slack.doors import CaseLine
from bot.slack.slash.grammar import Which
from workflows.domain.case_state import Phase
from workflows.domain.people import Role

_NEVER = datetime.max.replace(tzinfo=UTC)


def ordered(lines: tuple[CaseLine, ...]) -> list[CaseLine]:
    """The worst first, then what is due soonest."""
    return sorted(lines, key=lambda line: (line.severity.rank, line.due or _NEVER, line.id))


def chosen(lines: tuple[CaseLine, ...], which: Which, person: str, now: datetime) -> list[CaseLine]:
    """The part of the queue that was asked for, in its order."""
    keep: dict[Which, Callable[[CaseLine], bool]] = {
        Which.ALL: lambda line: True,
        Which.MINE: lambda line: line.owner == person,
        Which.OVERDUE: lambda line: line.due is not None and line.due < now,
        Which.APPROVALS: lambda line: line.phase is Phase.AWAITING_APPROVAL,
    }
    open_ = [line for line in ordered(lines) if line.phase is not Phase.CLOSED]
    return [line for line in open_ if keep[which](line)]


def waiting_for(lines: tuple[CaseLine, ...], person: str, roles: frozenset[Role]) -> list[CaseLine]:
    """The cases that `person` may approve: never one's own decision."""
    return [
        line
        for line in ordered(lines)
        if line.phase is Phase.AWAITING_APPROVAL
        and line.decider != person
        and line.approvers & roles
    ]
