"""Queue of open cases: its parts and its order."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

from bot.services.cases import CaseLine
from workflows.domain.case.model import Phase
from workflows.domain.people import Cover, Role


class Which(StrEnum):
    """A part of the queue."""

    ALL = "all"
    MINE = "mine"
    OVERDUE = "overdue"
    APPROVALS = "approvals"


_NEVER = datetime.max.replace(tzinfo=UTC)


def ordered(lines: tuple[CaseLine, ...]) -> list[CaseLine]:
    """The most severe first, then by due time."""
    return sorted(lines, key=lambda line: (line.severity.rank, line.due or _NEVER, line.id))


def chosen(lines: tuple[CaseLine, ...], which: Which, person: str, now: datetime) -> list[CaseLine]:
    """A part of the queue. Closed cases are only among the approvals: their undo needs one."""
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
    """The cases that `person` may approve: never their own decisions or approvals."""
    return [line for line in ordered(lines) if _may_agree(line, person, roles, covers)]


def _may_agree(
    line: CaseLine, person: str, roles: frozenset[Role], covers: tuple[Cover, ...]
) -> bool:
    if person in line.barred:
        return False
    if line.approvers & roles:
        return True
    # Somebody who covers for the decider is no second pair of eyes.
    return any(each.role in line.approvers and each.person not in line.barred for each in covers)
