"""The thread of an appeal's card: what happened, a line an event."""

import re
from collections.abc import Callable
from typing import Any

from activities.slack.drawing import MOST_TEXT, Message, fit, metadata, section
from activities.slack.escape import mrkdwn, one_line
from activities.slack.problems import problem_words
from activities.slack.reader import Reader
from workflows.domain.appealing import events as ev
from workflows.domain.appealing.state import Appeal

EVENT_TYPE = "koban_appeal_lines"
AT_ONCE = 100
_IN_SECTION = 4
_REASON = 300
_PERSON = re.compile(r"[UW][A-Z0-9]{2,20}")


def lines_message(lines: tuple[ev.AppealRecorded, ...], appeal: Appeal, reader: Reader) -> Message:
    """At most `AT_ONCE` lines as one message; `through` is the last event that it tells of."""
    told = [_line(each.event, appeal, reader) for each in lines]
    head = reader.say("appeal.spoken.lines", id=appeal.id)
    blocks = [section(told[i : i + _IN_SECTION]) for i in range(0, len(told), _IN_SECTION)]
    through = metadata(EVENT_TYPE, appeal=appeal.id, through=lines[-1].seq)
    return Message(fit([head, *told], "\n", MOST_TEXT), blocks, through)


def _line(event: ev.AppealEvent, appeal: Appeal, reader: Reader) -> str:
    words = _WORDS[type(event)](event, appeal, reader)
    return reader.say("line.told", time=reader.time(event.at, event.at), text=words)


def _by(event: Any, appeal: Appeal, reader: Reader) -> str:
    return reader.say(f"appeal.line.{event.kind}", person=reader.person(event.by))


def _plainly(event: Any, appeal: Appeal, reader: Reader) -> str:
    return reader.say(f"appeal.line.{event.kind}")


def _call(appeal: Appeal, reader: Reader) -> str:
    """The reviewer, or everybody who may become one."""
    if appeal.owner is not None and _PERSON.fullmatch(appeal.owner):
        return f"<@{appeal.owner}>"
    return reader.mention(appeal.rules.reviewers)


def _filed(event: ev.AppealFiled, appeal: Appeal, reader: Reader) -> str:
    due = reader.time(event.due, event.at)
    mention = reader.mention(appeal.rules.reviewers)
    return reader.say("appeal.line.appeal_filed", mention=mention, due=due)


def _released(event: ev.AppealReleased, appeal: Appeal, reader: Reader) -> str:
    person = reader.person(event.by)
    if event.by == event.owner:
        return reader.say("line.case_released", person=person)
    return reader.say("line.case_released.other", person=person, owner=reader.person(event.owner))


def _claimed(event: ev.AppealClaimed, appeal: Appeal, reader: Reader) -> str:
    return reader.say("line.case_claimed", person=reader.person(event.by))


def _reminded(event: ev.AppealReminded, appeal: Appeal, reader: Reader) -> str:
    due = reader.time(event.due, event.at)
    return reader.say("appeal.line.appeal_reminded", mention=_call(appeal, reader), due=due)


def _overdue(event: ev.AppealOverdue, appeal: Appeal, reader: Reader) -> str:
    mention = reader.mention(appeal.rules.overdue)
    return reader.say("appeal.line.appeal_overdue", mention=mention)


def _answered(event: ev.AppealUpheld | ev.AppealOverturned, appeal: Appeal, reader: Reader) -> str:
    line = _by(event, appeal, reader)
    reason = mrkdwn(one_line(event.reason), _REASON)
    return reader.say("line.with_reason", line=line, reason=reason) if reason else line


def _dismissed(event: ev.AppealDismissed, appeal: Appeal, reader: Reader) -> str:
    return reader.say(f"appeal.dismissed.{event.why.value}", case=appeal.request.case)


def _undo_failed(event: ev.AppealUndoFailed, appeal: Appeal, reader: Reader) -> str:
    return reader.say("appeal.undo.left", count=event.left)


def _not_told(event: ev.NoticeFailed, appeal: Appeal, reader: Reader) -> str:
    return reader.say("appeal.notice.failed", problem=problem_words(event.problem, reader))


_WORDS: dict[type[Any], Callable[[Any, Appeal, Reader], str]] = {
    ev.AppealFiled: _filed,
    ev.AppealDismissed: _dismissed,
    ev.AppealClaimed: _claimed,
    ev.AppealReleased: _released,
    ev.AppealReminded: _reminded,
    ev.AppealOverdue: _overdue,
    ev.AppealUpheld: _answered,
    ev.AppealOverturned: _answered,
    ev.AppealCarriedOut: _plainly,
    ev.AppealUndoFailed: _undo_failed,
    ev.AppealWithdrawn: _plainly,
    ev.NoticeSent: _plainly,
    ev.NoticeFailed: _not_told,
    ev.NoticeRetried: _by,
    ev.NoticeGivenUp: _plainly,
}
