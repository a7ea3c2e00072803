"""What is left to decide after the ledger told what happened to an appeal already."""

from collections.abc import Sequence

from workflows.domain.appealing import commands as cmd
from workflows.domain.appealing import events as ev
from workflows.domain.appealing.commands import AppealCommand
from workflows.domain.appealing.events import AppealRecorded
from workflows.domain.commands import Asked

_MADE: dict[type[Asked], type[ev.AppealEvent]] = {
    cmd.ClaimAppeal: ev.AppealClaimed,
    cmd.ReleaseAppeal: ev.AppealReleased,
    cmd.Uphold: ev.AppealUpheld,
    cmd.Overturn: ev.AppealOverturned,
    cmd.RetryNotice: ev.NoticeRetried,
}


def left_of(
    commands: Sequence[AppealCommand], stands: Sequence[AppealRecorded]
) -> tuple[AppealCommand, ...]:
    """The commands that an earlier try of this task had not come to.

    Everything but what a person wants changes nothing the second time.
    """
    return tuple(command for command in commands if not _done(command, stands))


def _done(command: AppealCommand, stands: Sequence[AppealRecorded]) -> bool:
    if not isinstance(command, Asked):
        return False
    theirs = (each.event for each in stands if each.event.by == command.by.id)
    return any(isinstance(event, _MADE[type(command)]) for event in theirs)
