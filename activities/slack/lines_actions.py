"""How the thread tells of what became of actions and protections at the platform."""

from typing import Any

from activities.slack.card_decision import would_words
from activities.slack.decision_words import action_on
from activities.slack.line_words import Words, about, action, by
from activities.slack.problems import problem_words
from activities.slack.reader import Reader
from workflows.domain import events as ev
from workflows.domain.view import CardView


def _verified(event: ev.ActionVerified, view: CardView, reader: Reader) -> str:
    if event.matches:
        return about(event, view, reader)
    return reader.say("line.action_verified.drifted", action=action(event.action, view, reader))


def _failed(event: ev.ActionFailed, view: CardView, reader: Reader) -> str:
    key = "line.action_failed.undo" if event.undo else "line.action_failed"
    named = action(event.action, view, reader)
    return reader.say(key, action=named, problem=problem_words(event.problem, reader))


def _rehearsed(event: ev.ActionRehearsed, view: CardView, reader: Reader) -> str:
    return would_words(about(event, view, reader), event.would, reader)


def _started(event: ev.ProtectionStarted, view: CardView, reader: Reader) -> str:
    what = action_on(view, event.action.planned, reader)
    return reader.say("line.protection_started", what=what)


def _withheld(event: ev.ProtectionWithheld, view: CardView, reader: Reader) -> str:
    return reader.say("line.protection_withheld", person=reader.person(event.halt.by))


def _protection(event: Any, view: CardView, reader: Reader) -> str:
    """What becomes of a protection."""
    return _which(event.protection, reader.say(f"line.{event.kind}"), view, reader)


def _dismissed(event: ev.ProtectionDismissed, view: CardView, reader: Reader) -> str:
    if event.by is None:
        return _protection(event, view, reader)
    line = reader.say("line.protection_dismissed.by", person=reader.person(event.by))
    return _which(event.protection, line, view, reader)


def _which(protection: str, line: str, view: CardView, reader: Reader) -> str:
    """Names the protection; one that is over by now goes without its title."""
    for each in view.protections:
        if each.id == protection:
            return reader.say("line.protection", line=line, what=reader.title(each.title))
    return line


WORDS: Words = {
    ev.ActionRetrying: about,
    ev.ActionSucceeded: about,
    ev.ActionVerified: _verified,
    ev.ActionFailed: _failed,
    ev.ActionSkipped: about,
    ev.ActionRolledBack: about,
    ev.ActionRehearsed: _rehearsed,
    ev.ActionRetried: by,
    ev.ActionsGivenUp: by,
    ev.UndoRequested: by,
    ev.ActionUndone: about,
    ev.ActionLifted: about,
    ev.ProtectionStarted: _started,
    ev.ProtectionWithheld: _withheld,
    ev.ProtectionHeld: _protection,
    ev.ProtectionResumed: _protection,
    ev.ProtectionConfirmed: _protection,
    ev.ProtectionDismissed: _dismissed,
    ev.ProtectionLifted: about,
    ev.ProtectionKept: about,
}
