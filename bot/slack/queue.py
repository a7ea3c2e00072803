"""Which open cases a list shows, and in which order."""

from collections.abc import Callable
from datetime import UTC, datetime

from bot.services.cases import CaseLine
from bot.slack.commands.parser import Which
from workflows.domain.case.model import Phase
from workflows.domain.people import Cover, Role

_NEVER = datetime.max.replace(tzinfo=UTC)


def ordered(lines: tuple[CaseLine, ...]) -> list[CaseLine]:
    """The worst first, then what is due soonest."""
    return sorted(lines, key=lambda line: (line.severity.rank, line.due or _NEVER, line.id))


def chosen(lines: tuple[CaseLine, ...], which: Which, person: str, now: datetime) -> list[CaseLine]:
    """The part of the queue that was asked for, in its order.

    Closed cases are in it only among the approvals, where their undo waits for one.
    """
    keep: dict[Which, Callable[[CaseLine], bool]] = {
        Which.ALL: _is_open,
        Which.MINE: lambda line: _is_open(line) and line.owner == person,
        Which.OVERDUE: lambda line: _is_open(line) and line.due is not None and line.due < now,
        Which.APPROVALS: lambda line: bool(line.approvers),
    }
    return [line for line in ordered(lines) if keep[which](line)]


def _is_open(line: CaseLine) -> bool:
    return line.phase is not Phase.CLOSED


def waiting_for(
    lines: tuple[CaseLine, ...],
    person: str,
    roles: frozenset[Role],
    covers: tuple[Cover, ...] = (),
) -> list[CaseLine]:
    """The cases whose approval `person` may give: never what they decided or agreed to."""
    return [line for line in ordered(lines) if _may_agree(line, person, roles, covers)]


def _may_agree(
    line: CaseLine, person: str, roles: frozenset[Role], covers: tuple[Cover, ...]
) -> bool:
    if person in line.barred:
        return False
    if line.approvers & roles:
        return True
    # Who stands in for the decider brings no second pair of eyes.
    return any(each.role in line.approvers and each.person not in line.barred for each in covers)
