"""The card of a case: one message, updated in place, that says everything at a glance."""

from activities.slack.appeals.answer import on_case_card
from activities.slack.card_buttons import buttons
from activities.slack.card_decision import decision, decision_words
from activities.slack.card_facts import (
    evidence,
    facts,
    sentence,
    spoken_sentence,
    standing,
    state_word,
    title,
)
from activities.slack.card_people import duty, sent_back
from activities.slack.drawing import Block, Message, metadata, strong
from activities.slack.escape import mrkdwn, plain
from activities.slack.reader import Reader
from workflows.domain.case_state import Phase
from workflows.domain.view import CardView

EVENT_TYPE = "koban_case"


def case_card(view: CardView, reader: Reader) -> Message:
    """The card as it should stand now. It mentions nobody."""
    blocks: list[Block] = [
        title(view, reader),
        strong(sentence(view, reader, plain)),
        *facts(view, reader),
        *evidence(view, reader),
        *decision(view, reader),
        *on_case_card(view, reader),
        *duty(view, reader),
        *buttons(view, reader),
    ]
    return Message(spoken(view, reader), blocks, metadata(EVENT_TYPE, case=view.id))


def spoken(view: CardView, reader: Reader) -> str:
    """The card in whole sentences: all that a screen reader or a phone's notification reads."""
    head = reader.say(
        "spoken.case",
        severity=reader.say(f"severity.{view.severity.value}"),
        title=reader.title(view.title),
        id=view.id,
        state=state_word(view, reader),
        sentence=spoken_sentence(view, reader),
    )
    return reader.say("spoken.joined", head=head, rest=_rest(view, reader))


def _rest(view: CardView, reader: Reader) -> str:
    near = view.opened_at
    key, values = "spoken.open", {"decide": reader.time(view.clock.decide, near)}
    if view.phase is Phase.OPEN:
        values["claim"] = reader.time(view.clock.claim, near)
    elif view.phase is Phase.CLAIMED:
        key, values["person"] = "spoken.claimed", reader.person(view.owner)
    elif view.decision is not None:
        key = f"spoken.{standing(view)}"
        values["person"] = reader.person(view.decision.by)
        values["decision"] = decision_words(view, view.decision, reader, mrkdwn)
    if view.phase is Phase.AWAITING_APPROVAL and view.approval is not None:
        values["due"] = reader.time(view.approval.expires_at, near)
    back = sent_back(view, reader)
    rest = reader.say(key, **values)
    return rest if back is None else reader.say("spoken.joined", head=back, rest=rest)
