"""The card of an appeal: what was decided, what the person says, and who answers until when."""

from activities.slack.appeals.answer import outcome
from activities.slack.appeals.buttons import buttons
from activities.slack.drawing import (
    Block,
    Message,
    context,
    fit,
    header,
    metadata,
    quote,
    section,
    strong,
)
from activities.slack.escape import Safe, mrkdwn, plain
from activities.slack.reader import Reader
from workflows.domain.appealing.state import WAITING, Appeal
from workflows.domain.decision import Decision, PlannedAction
from workflows.domain.text import Text

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
        return reader.say("appeal.overdue")
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
    return reader.say("card.rule", decision=said, rule=mrkdwn(decision.policy, 60))


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
    due = reader.say("appeal.due", time=reader.time(appeal.due_at, appeal.received_at))
    late = [f"*{reader.say('appeal.overdue')}*"] if appeal.overdue else []
    rule = context([reader.say("appeal.somebody_else")])
    return [section([" · ".join([owner, due, *late])]), rule]


def _link(reader: Reader, link: str | None) -> list[Block]:
    return [context([f"<{link}|{reader.say('appeal.open_case')}>"])] if link else []
