"""Card of an appeal with its buttons, and the lines of its thread."""

from collections.abc import Callable
from datetime import datetime
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
    sections,
    strong,
)
from activities.slack.cards.decision import actions_words
from activities.slack.escape import Safe, mrkdwn, plain
from activities.slack.reader import Reader, is_user, limit_values, problem_words
from workflows.domain.appeal import events as ev
from workflows.domain.appeal.model import WAITING, Appeal, AppealState, Dismissal
from workflows.domain.case.appeal_outcome import AppealOutcome
from workflows.domain.case.enforcement import Problem
from workflows.domain.case.view import CardView
from workflows.domain.ids import appeal_workflow_id


def outcome(appeal: Appeal, reader: Reader) -> list[Block]:
    """Answer or dismissal, undo and notices."""
    below = [*_undo(appeal, reader), *_notices(appeal, reader)]
    shown = [section(below)] if below else []
    if appeal.outcome is not None:
        by, at = appeal.answered_by, appeal.answered_at
        text = _answer(appeal.outcome, by, at, appeal.received_at, reader)
        return [section([f"*{text}*"]), *quote(appeal.reason), *shown]
    if appeal.turn is None:
        return shown
    time = reader.time(appeal.turn.at, appeal.received_at)
    if appeal.dismissal is not None:
        text = _dismissal(appeal.dismissal, appeal, reader)
    elif appeal.state is AppealState.WITHDRAWN:
        text = reader.say("appeal.withdrawn")
    else:
        return shown
    return [section([f"*{reader.noted(text, time)}*"]), *shown]


def _answer(
    answer: AppealOutcome, by: str | None, at: datetime | None, near: datetime, reader: Reader
) -> str:
    text = reader.say(f"appeal.answered.{answer}", person=reader.person(by))
    return text if at is None else reader.noted(text, reader.time(at, near))


def _dismissal(why: Dismissal, appeal: Appeal, reader: Reader) -> str:
    return reader.say(f"appeal.dismissed.{why}", case=appeal.request.case)


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
    """Failed notices, and whether the answer was sent."""
    problems = [each.problem for each in appeal.notices if each.problem is not None]
    lines = [f"⚠️ {_notice_problem(problem, reader)}" for problem in problems]
    if any(n.kind == appeal.state.value and n.problem is None for n in appeal.notices):
        lines.append(reader.say("appeal.line.appeal_notice_sent"))
    return lines


def _notice_problem(problem: Problem, reader: Reader) -> str:
    return reader.say("appeal.notice.failed", problem=problem_words(problem, reader))


def on_case_card(view: CardView, reader: Reader) -> list[Block]:
    """The last appeal, on the card of its case."""
    if view.appeal is None:
        return []
    answer = view.appeal
    text = _answer(answer.outcome, answer.by, answer.at, view.opened_at, reader)
    return [section([reader.say("appeal.on_case", id=view.appeal.appeal, answer=text)])]


def buttons(appeal: Appeal, reader: Reader) -> list[Block]:
    """The row of buttons; after the answer only for a failed notice."""
    value = handles.encode(appeal.id, appeal.version)
    row = []
    if appeal.state in WAITING:
        row = [
            element("appeal.uphold", reader, value),
            element("appeal.overturn", reader, value, "danger"),
        ]
        if appeal.owner is None:
            row.insert(0, element("appeal.claim", reader, value, "primary"))
        else:
            row.append(element("appeal.release", reader, value))
    if appeal.undelivered is not None:
        row.append(element("appeal.retry_notice", reader, value))
    return actions(appeal_workflow_id(appeal.id), row)


EVENT_TYPE = "koban_appeal"


def appeal_card(
    appeal: Appeal, reader: Reader, link: str | None, thread_refused: bool = False
) -> Message:
    """Draws the card; it mentions nobody. `link` is that of the case's card."""
    blocks: list[Block] = [
        header(_title(appeal, reader)),
        strong(sentence(appeal, reader, plain)),
        *_decision(appeal, reader),
        *_statement(appeal, reader),
        *_duty(appeal, reader),
        *outcome(appeal, reader),
        *[context([each]) for each in reader.link(link, "appeal.open_case")],
        *([context([reader.say("appeal.thread_refused")])] if thread_refused else []),
        *buttons(appeal, reader),
    ]
    return Message(spoken(appeal, reader), blocks, metadata(EVENT_TYPE, appeal=appeal.id))


def state_word(appeal: Appeal, reader: Reader) -> str:
    """The state in a word, or that the answer is overdue."""
    if appeal.overdue and appeal.state in WAITING:
        return reader.say("words.overdue")
    return reader.say(f"appeal.state.{appeal.state.value}")


def sentence(appeal: Appeal, reader: Reader, safe: Safe) -> str:
    """The subject and the case."""
    subject = appeal.request.subject or (appeal.appealed.subject if appeal.appealed else None)
    if subject is None:
        return reader.say("appeal.sentence.nobody", case=appeal.request.case)
    text = reader.subject(subject, safe)
    return reader.say("appeal.sentence", subject=text, case=appeal.request.case)


def spoken(appeal: Appeal, reader: Reader) -> str:
    """The card in whole sentences, for screen readers and notifications."""
    key = "appeal.fallback" if appeal.state in WAITING else "appeal.fallback.over"
    return reader.say(
        key,
        id=appeal.id,
        state=state_word(appeal, reader),
        sentence=sentence(appeal, reader, mrkdwn),
        due=reader.time(appeal.due_at, appeal.received_at),
    )


def _title(appeal: Appeal, reader: Reader) -> str:
    about = [reader.title(appeal.appealed.title, plain)] if appeal.appealed else []
    return " · ".join([reader.say("appeal.name"), *about, appeal.id, state_word(appeal, reader)])


def _decision(appeal: Appeal, reader: Reader) -> list[Block]:
    """The decision under appeal, with its rule and approvers."""
    decision = appeal.appealed.decision if appeal.appealed else None
    if decision is None:
        return []
    words = actions_words(decision, appeal.titles, reader)
    if decision.policy:
        words = reader.noted(words, mrkdwn(decision.policy, 60))
    lines = [reader.say("card.decision", person=reader.person(decision.by), decision=words)]
    others = tuple(person for person in appeal.deciders if person != decision.by)
    if others:
        lines.append(reader.say("appeal.approved", people=reader.people(others)))
    return [section([" · ".join(lines)]), *quote(decision.reason)]


def _statement(appeal: Appeal, reader: Reader) -> list[Block]:
    text = quote(appeal.request.statement)
    return [section([f"*{reader.say('appeal.statement')}*"]), *text] if text else []


def _duty(appeal: Appeal, reader: Reader) -> list[Block]:
    if appeal.state not in WAITING:
        return []
    due = reader.say("words.due", time=reader.time(appeal.due_at, appeal.received_at))
    late = [f"*{reader.say('words.overdue')}*"] if appeal.overdue else []
    rule = context([reader.say("appeal.somebody_else")])
    return [section([" · ".join([reader.owner(appeal.owner), due, *late])]), rule]


LINES_TYPE = "koban_appeal_lines"


def appeal_lines(lines: tuple[ev.AppealRecorded, ...], appeal: Appeal, reader: Reader) -> Message:
    """Draws lines of the thread; `through` in the metadata is the last event."""
    drawn = [_line(each.event, appeal, reader) for each in lines]
    text = fit([reader.say("appeal.fallback.lines", id=appeal.id), *drawn], "\n", MOST_TEXT)
    named = metadata(LINES_TYPE, appeal=appeal.id, through=lines[-1].seq)
    return Message(text, sections(drawn), named)


def _line(event: ev.AppealEvent, appeal: Appeal, reader: Reader) -> str:
    return reader.timed(event.at, _WORDS.get(type(event), _by)(event, appeal, reader))


def _by(event: ev.AppealEvent, appeal: Appeal, reader: Reader, **values: object) -> str:
    person = reader.person(event.by)
    return reader.say(f"appeal.line.{event.kind}", person=person, **values)


def _filed(event: ev.AppealFiled, appeal: Appeal, reader: Reader) -> str:
    mention = reader.mention(appeal.rules.reviewers)
    return _by(event, appeal, reader, mention=mention, due=reader.time(event.due, event.at))


def _released(event: ev.AppealReleased, appeal: Appeal, reader: Reader) -> str:
    return reader.released(event.by, event.owner)


def _claimed(event: ev.AppealClaimed, appeal: Appeal, reader: Reader) -> str:
    return reader.say("line.case_claimed", person=reader.person(event.by))


def _reminded(event: ev.AppealReminded, appeal: Appeal, reader: Reader) -> str:
    """Mentions the reviewer, else everybody who may become one."""
    owner = appeal.owner if appeal.owner is not None and is_user(appeal.owner) else None
    mention = reader.call(owner) if owner else reader.mention(appeal.rules.reviewers)
    return _by(event, appeal, reader, mention=mention, due=reader.time(event.due, event.at))


def _overdue(event: ev.AppealOverdue, appeal: Appeal, reader: Reader) -> str:
    return _by(event, appeal, reader, mention=reader.mention(appeal.rules.overdue))


def _answered(event: ev.AnswerEvent, appeal: Appeal, reader: Reader) -> str:
    return reader.with_reason(_by(event, appeal, reader), event.reason)


def _dismissed(event: ev.AppealDismissed, appeal: Appeal, reader: Reader) -> str:
    return _dismissal(event.why, appeal, reader)


def _undo_failed(event: ev.AppealUndoFailed, appeal: Appeal, reader: Reader) -> str:
    return reader.say("appeal.undo.left", count=event.left)


def _notice_failed(event: ev.NoticeFailed, appeal: Appeal, reader: Reader) -> str:
    return _notice_problem(event.problem, reader)


def _limit_reached(event: ev.AppealLimitReached, appeal: Appeal, reader: Reader) -> str:
    person, values = reader.person(event.by), limit_values(event.limit, reader)
    return reader.say("line.limit_reached", person=person, **values)


_WORDS: dict[type[Any], Callable[[Any, Appeal, Reader], str]] = {
    ev.AppealFiled: _filed,
    ev.AppealDismissed: _dismissed,
    ev.AppealClaimed: _claimed,
    ev.AppealReleased: _released,
    ev.AppealReminded: _reminded,
    ev.AppealOverdue: _overdue,
    ev.AppealUpheld: _answered,
    ev.AppealOverturned: _answered,
    ev.AppealUndoFailed: _undo_failed,
    ev.AppealLimitReached: _limit_reached,
    ev.NoticeFailed: _notice_failed,
}
"""mrkdwn of events in the thread; the line of the others names at most the person."""
