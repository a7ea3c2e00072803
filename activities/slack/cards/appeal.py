"""Card of an appeal: what was decided, what the person says, its buttons, and its thread."""

import re
from collections.abc import Callable
from typing import Any

from activities.slack import handles
from activities.slack.actions import element
from activities.slack.blocks import (
    MOST_TEXT,
    Block,
    Message,
    actions,
    context,
    fit,
    header,
    metadata,
    quote,
    section,
    strong,
)
from activities.slack.escape import Safe, mrkdwn, one_line, plain
from activities.slack.reader import Reader, problem_words
from workflows.domain.appeal import events as ev
from workflows.domain.appeal.model import WAITING, Appeal, AppealState
from workflows.domain.case.decision import Decision, PlannedAction
from workflows.domain.case.view import CardView
from workflows.domain.ids import appeal_workflow_id
from workflows.domain.values import Text


def outcome(appeal: Appeal, reader: Reader) -> list[Block]:
    """Whatever of it there is."""
    below = [*_undo(appeal, reader), *_notices(appeal, reader)]
    shown = [section(below)] if below else []
    if appeal.outcome is not None:
        person = reader.person(appeal.answered_by)
        said = reader.say(f"appeal.answered.{appeal.outcome.value}", person=person)
        return [section([f"*{said}*"]), *quote(appeal.reason), *shown]
    if appeal.dismissal is not None:
        why = f"appeal.dismissed.{appeal.dismissal.value}"
        said = reader.say(why, case=appeal.request.case)
        return [section([f"*{said}*"]), *shown]
    return shown


def _undo(appeal: Appeal, reader: Reader) -> list[str]:
    if appeal.left:
        return [f"⚠️ {reader.say('appeal.undo.left', count=appeal.left)}"]
    if appeal.state is AppealState.UNDOING:
        return [reader.say("appeal.undo.under_way")]
    if appeal.state is not AppealState.OVERTURNED:
        return []
    kept = [f"⚠️ {reader.say('appeal.undo.kept', count=appeal.kept)}"] if appeal.kept else []
    return [reader.say("appeal.undo.done"), *kept]


def _notices(appeal: Appeal, reader: Reader) -> list[str]:
    """Every notice that could not be sent, and whether the person knows the answer."""
    lines = [
        f"⚠️ {reader.say('appeal.notice.failed', problem=problem_words(notice.problem, reader))}"
        for notice in appeal.notices
        if notice.problem is not None
    ]
    if any(n.kind == appeal.state.value and n.problem is None for n in appeal.notices):
        lines.append(reader.say("appeal.line.appeal_notice_sent"))
    return lines


def on_case_card(view: CardView, reader: Reader) -> list[Block]:
    """What the card of a case says of the last appeal against it."""
    if view.appeal is None:
        return []
    person = reader.person(view.appeal.by)
    said = reader.say(f"appeal.answered.{view.appeal.outcome.value}", person=person)
    return [section([reader.say("appeal.on_case", id=view.appeal.appeal, answer=said)])]


def buttons(appeal: Appeal, reader: Reader) -> list[Block]:
    """The row of buttons; once it is answered, only for what could not be told."""
    notice = _press(appeal, "appeal.retry_notice", reader)
    tell = [] if appeal.undelivered is None else [notice]
    if appeal.state not in WAITING:
        return actions(appeal_workflow_id(appeal.id), tell)
    free = appeal.owner is None
    row = [
        *([_press(appeal, "appeal.claim", reader, "primary")] if free else []),
        _press(appeal, "appeal.uphold", reader),
        _press(appeal, "appeal.overturn", reader, "danger"),
        *([] if free else [_press(appeal, "appeal.release", reader)]),
        *tell,
    ]
    return actions(appeal_workflow_id(appeal.id), row)


def _press(
    appeal: Appeal, action_id: str, reader: Reader, style: str | None = None
) -> dict[str, Any]:
    return element(action_id, reader, handles.encode_appeal(appeal.id, appeal.version), style)


EVENT_TYPE = "koban_appeal"
_TITLES = 200


def appeal_card(appeal: Appeal, reader: Reader, link: str | None) -> Message:
    """The card as it should stand now; it mentions nobody. `link` leads to the case's card."""
    blocks: list[Block] = [
        header(_title(appeal, reader)),
        strong(sentence(appeal, reader, plain)),
        *_decision(appeal, reader),
        *_statement(appeal, reader),
        *_duty(appeal, reader),
        *outcome(appeal, reader),
        *_link(reader, link),
        *buttons(appeal, reader),
    ]
    return Message(spoken(appeal, reader), blocks, metadata(EVENT_TYPE, appeal=appeal.id))


def state_word(appeal: Appeal, reader: Reader) -> str:
    """Where it stands, in a word; an answer that is late says so first."""
    if appeal.overdue and appeal.state in WAITING:
        return reader.say("words.overdue")
    return reader.say(f"appeal.state.{appeal.state.value}")


def sentence(appeal: Appeal, reader: Reader, safe: Safe) -> str:
    """Who appeals against what."""
    subject = appeal.request.subject or (appeal.appealed.subject if appeal.appealed else None)
    if subject is None:
        return reader.say("appeal.sentence.nobody", case=appeal.request.case)
    said = reader.subject(subject, safe)
    return reader.say("appeal.sentence", subject=said, case=appeal.request.case)


def spoken(appeal: Appeal, reader: Reader) -> str:
    """The card in whole sentences: all that a screen reader or a phone's notification reads."""
    key = "appeal.spoken" if appeal.state in WAITING else "appeal.spoken.over"
    return reader.say(
        key,
        id=appeal.id,
        state=state_word(appeal, reader),
        sentence=sentence(appeal, reader, mrkdwn),
        due=reader.time(appeal.due_at, appeal.received_at),
    )


def _title(appeal: Appeal, reader: Reader) -> str:
    about = [reader.title(appeal.appealed.title, plain)] if appeal.appealed else []
    parts = [reader.say("appeal.name"), *about, appeal.id, state_word(appeal, reader)]
    return " · ".join(parts)


def _decision(appeal: Appeal, reader: Reader) -> list[Block]:
    decision = appeal.appealed.decision if appeal.appealed else None
    if decision is None:
        return []
    words = decision_words(appeal, decision, reader)
    lines = [reader.say("card.decision", person=reader.person(decision.by), decision=words)]
    others = tuple(person for person in appeal.deciders if person != decision.by)
    if others:
        lines.append(reader.say("appeal.approved", people=reader.people(others)))
    return [section([" · ".join(lines)]), *quote(decision.reason)]


def decision_words(appeal: Appeal, decision: Decision, reader: Reader) -> str:
    """The actions of the decision, with the rule that it names."""
    words = (_action(appeal, planned, reader) for planned in decision.actions)
    said = fit(words, reader.say("words.comma"), _TITLES)
    if not decision.policy:
        return said
    return reader.say("words.noted", what=said, note=mrkdwn(decision.policy, 60))


def _action(appeal: Appeal, planned: PlannedAction, reader: Reader) -> str:
    name = planned.action
    title = reader.title(appeal.titles.get(name) or Text(ja=name, en=name))
    if planned.lasts is None:
        return title
    lasts = reader.texts.duration(planned.lasts)
    return reader.say("action.lasting", action=title, duration=lasts)


def _statement(appeal: Appeal, reader: Reader) -> list[Block]:
    said = quote(appeal.request.statement)
    return [section([f"*{reader.say('appeal.statement')}*"]), *said] if said else []


def _duty(appeal: Appeal, reader: Reader) -> list[Block]:
    if appeal.state not in WAITING:
        return []
    owner = reader.say("card.owner.nobody")
    if appeal.owner is not None:
        owner = reader.say("card.owner", person=reader.person(appeal.owner))
    due = reader.say("words.due", time=reader.time(appeal.due_at, appeal.received_at))
    late = [f"*{reader.say('words.overdue')}*"] if appeal.overdue else []
    rule = context([reader.say("appeal.somebody_else")])
    return [section([" · ".join([owner, due, *late])]), rule]


def _link(reader: Reader, link: str | None) -> list[Block]:
    return [context([f"<{link}|{reader.say('appeal.open_case')}>"])] if link else []


LINES_TYPE = "koban_appeal_lines"
_IN_SECTION = 4
_REASON = 300
_PERSON = re.compile(r"[UW][A-Z0-9]{2,20}")


def appeal_lines(lines: tuple[ev.AppealRecorded, ...], appeal: Appeal, reader: Reader) -> Message:
    """Lines as one message; `through` is the last event that it tells of."""
    told = [_line(each.event, appeal, reader) for each in lines]
    head = reader.say("appeal.spoken.lines", id=appeal.id)
    blocks = [section(told[i : i + _IN_SECTION]) for i in range(0, len(told), _IN_SECTION)]
    through = metadata(LINES_TYPE, appeal=appeal.id, through=lines[-1].seq)
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


def _answered(event: ev.AnswerEvent, appeal: Appeal, reader: Reader) -> str:
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
