"""The thread of a card: what happened, a line an event."""

from collections.abc import Callable, Iterable
from typing import Any

from activities.slack.card_decision import action_title, decision_words, problem_words
from activities.slack.card_people import ROLE_OF
from activities.slack.drawing import MOST_TEXT, Block, Message, fit, metadata, section
from activities.slack.escape import mrkdwn, one_line
from activities.slack.reader import Reader
from workflows.domain import events as ev
from workflows.domain.playbook.actions import OnExpiry
from workflows.domain.view import CardView

EVENT_TYPE = "koban_lines"
AT_ONCE = 100
"""Lines in one message: 25 sections of four, half of the 50 blocks that Slack takes."""
_IN_SECTION = 4
_REASON = 300

_News = ev.ActionRetrying | ev.ActionSucceeded | ev.ActionVerified | ev.ActionFailed


def lines_message(lines: tuple[ev.Recorded, ...], view: CardView, reader: Reader) -> Message:
    """At most `AT_ONCE` lines as one message; `through` is the last event that it tells of."""
    told = [_line(each, view, reader) for each in _worth_telling(lines)]
    head = reader.say("spoken.lines", id=view.id)
    text = fit([head, *told], "\n", MOST_TEXT)
    return Message(text, _blocks(told), metadata(EVENT_TYPE, case=view.id, through=lines[-1].seq))


def _blocks(told: list[str]) -> list[Block]:
    return [section(told[i : i + _IN_SECTION]) for i in range(0, len(told), _IN_SECTION)]


def _worth_telling(lines: Iterable[ev.Recorded]) -> list[ev.Recorded]:
    """Without what later news of the same action in the same message makes needless."""
    kept: list[ev.Recorded] = []
    newer: set[tuple[str, str]] = set()
    for each in reversed(tuple(lines)):
        event = each.event
        if isinstance(event, _News):
            action = (event.decision, event.action)
            passing = isinstance(event, ev.ActionRetrying | ev.ActionSucceeded)
            if passing and action in newer:
                continue
            newer.add(action)
        kept.append(each)
    return kept[::-1]


def _line(recorded: ev.Recorded, view: CardView, reader: Reader) -> str:
    event = recorded.event
    words = _WORDS[type(event)](event, view, reader)
    return reader.say("line.told", time=reader.time(event.at, event.at), text=words)


def _by(event: ev.Event, view: CardView, reader: Reader) -> str:
    return reader.say(f"line.{event.kind}", person=reader.person(event.by))


def _about(event: Any, view: CardView, reader: Reader) -> str:
    return reader.say(f"line.{event.kind}", action=_action(event.action, view, reader))


def _action(key: str, view: CardView, reader: Reader) -> str:
    return action_title(view, key.partition("/")[0], reader, mrkdwn)


def _released(event: ev.CaseReleased, view: CardView, reader: Reader) -> str:
    person = reader.person(event.by)
    if event.by == event.owner:
        return reader.say("line.case_released", person=person)
    return reader.say("line.case_released.other", person=person, owner=reader.person(event.owner))


def _escalated(event: ev.CaseEscalated, view: CardView, reader: Reader) -> str:
    mention = reader.mention(ROLE_OF[event.notify])
    if event.by is not None or event.unless is None:
        person = reader.person(event.by)
        return reader.say("line.case_escalated.asked", mention=mention, person=person)
    return reader.say(f"line.case_escalated.{event.unless.value}", mention=mention)


def _decided(event: ev.Decided, view: CardView, reader: Reader) -> str:
    words = decision_words(view, event.decision, reader, mrkdwn)
    line = reader.say("line.decided", person=reader.person(event.by), decision=words)
    return _with_reason(line, event.decision.reason, reader)


def _with_reason(line: str, reason: str, reader: Reader) -> str:
    shown = mrkdwn(one_line(reason), _REASON)
    return reader.say("line.with_reason", line=line, reason=shown) if shown else line


def _requested(event: ev.ApprovalRequested, view: CardView, reader: Reader) -> str:
    roles = reader.listed(reader.say(f"role.{need.role.value}") for need in event.approval.needs)
    due = reader.time(event.approval.expires_at, event.at)
    return reader.say("line.approval_requested", roles=roles, due=due)


def _approved(event: ev.Approved, view: CardView, reader: Reader) -> str:
    key = "line.approved" if event.granted else "line.approved.more"
    return reader.say(key, person=reader.person(event.by))


def _rejected(event: ev.Rejected, view: CardView, reader: Reader) -> str:
    return _with_reason(_by(event, view, reader), event.reason, reader)


def _expired(event: ev.ApprovalExpired, view: CardView, reader: Reader) -> str:
    if event.outcome is OnExpiry.REFUSE or event.renewed is None:
        return reader.say("line.approval_expired.refuse")
    needs = view.approval.needs if view.approval else ()
    mention = " ".join(reader.mention(need.role) for need in needs)
    due = reader.time(event.renewed, event.at)
    return reader.say("line.approval_expired.escalate", mention=mention, due=due).strip()


def _verified(event: ev.ActionVerified, view: CardView, reader: Reader) -> str:
    if event.matches:
        return _about(event, view, reader)
    action = _action(event.action, view, reader)
    return reader.say("line.action_verified.drifted", action=action)


def _failed(event: ev.ActionFailed, view: CardView, reader: Reader) -> str:
    key = "line.action_failed.undo" if event.undo else "line.action_failed"
    action = _action(event.action, view, reader)
    return reader.say(key, action=action, problem=problem_words(event.problem, reader))


def _appeal_answered(event: ev.AppealAnswered, view: CardView, reader: Reader) -> str:
    answer, person = event.answer, reader.person(event.by)
    key = f"line.appeal_answered.{answer.outcome.value}"
    return _with_reason(reader.say(key, id=answer.appeal, person=person), answer.reason, reader)


def _closed(event: ev.CaseClosed, view: CardView, reader: Reader) -> str:
    return reader.say("line.case_closed", verdict=reader.say(f"verdict.{event.verdict.value}"))


_WORDS: dict[type[Any], Callable[[Any, CardView, Reader], str]] = {
    ev.CaseClaimed: _by,
    ev.CaseReleased: _released,
    ev.CaseEscalated: _escalated,
    ev.Decided: _decided,
    ev.ApprovalRequested: _requested,
    ev.Approved: _approved,
    ev.Rejected: _rejected,
    ev.ApprovalExpired: _expired,
    ev.ActionRetrying: _about,
    ev.ActionSucceeded: _about,
    ev.ActionVerified: _verified,
    ev.ActionFailed: _failed,
    ev.ActionRetried: _by,
    ev.ActionsGivenUp: _by,
    ev.UndoRequested: _by,
    ev.ActionUndone: _about,
    ev.ActionLifted: _about,
    ev.AppealAnswered: _appeal_answered,
    ev.CaseClosed: _closed,
}
