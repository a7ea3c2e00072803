"""How an appeal ended: the answer, the undo, and what the person was told."""

from activities.slack.drawing import Block, quote, section
from activities.slack.problems import problem_words
from activities.slack.reader import Reader
from workflows.domain.appealing.state import Appeal, AppealState
from workflows.domain.view import CardView


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
        lines.append(reader.say("appeal.notice.sent"))
    return lines


def on_case_card(view: CardView, reader: Reader) -> list[Block]:
    """What the card of a case says of the last appeal against it."""
    if view.appeal is None:
        return []
    person = reader.person(view.appeal.by)
    said = reader.say(f"appeal.answered.{view.appeal.outcome.value}", person=person)
    return [section([reader.say("appeal.on_case", id=view.appeal.appeal, answer=said)])]
