"""What is left to decide after the ledger told what happened already."""

from collections.abc import Collection, Sequence

from workflows.domain import events as ev
from workflows.domain.commands import AnswerAppeal, Asked, Command, JoinAlert
from workflows.domain.events import Recorded


def without(commands: Sequence[Command], known: Collection[str]) -> tuple[Command, ...]:
    """The commands but for those that only bring an alert that the ledger knows."""
    return tuple(
        command
        for command in commands
        if not (isinstance(command, JoinAlert) and command.alert.key in known)
    )


def left_of(commands: Sequence[Command], stands: Sequence[Recorded]) -> tuple[Command, ...]:
    """The commands that an earlier try of this task had not come to."""
    return tuple(command for command in commands if not _done(command, stands))


def _done(command: Command, stands: Sequence[Recorded]) -> bool:
    if isinstance(command, Asked):
        return any(each.event.by == command.by.id for each in stands)
    if isinstance(command, JoinAlert):
        joined = (e.event for e in stands if isinstance(e.event, ev.AlertJoined))
        return any(event.alert.key == command.alert.key for event in joined)
    if isinstance(command, AnswerAppeal):
        answered = (e.event for e in stands if isinstance(e.event, ev.AppealAnswered))
        return any(event.answer.appeal == command.answer.appeal for event in answered)
    return False
