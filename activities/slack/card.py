"""The card of a case: one message, updated in place, that says everything at a glance."""

from activities.slack.appeals.answer import on_case_card
from activities.slack.card_buttons import buttons
from activities.slack.card_decision import decision
from activities.slack.card_facts import evidence, facts, manner, sentence, title
from activities.slack.card_hand import by_hand
from activities.slack.card_hold import hold, protections, withheld
from activities.slack.card_known import absorbed
from activities.slack.card_people import duty
from activities.slack.card_spoken import spoken
from activities.slack.drawing import Block, Message, metadata, strong
from activities.slack.escape import plain
from activities.slack.reader import Reader
from workflows.domain.view import CardView

EVENT_TYPE = "koban_case"


def case_card(view: CardView, reader: Reader) -> Message:
    """The card as it should stand now. It mentions nobody."""
    blocks: list[Block] = [
        title(view, reader),
        strong(sentence(view, reader, plain)),
        *facts(view, reader),
        *evidence(view, reader),
        *by_hand(view, reader),
        *absorbed(view, reader),
        *decision(view, reader),
        *on_case_card(view, reader),
        *protections(view, reader),
        *withheld(view, reader),
        *hold(view, reader),
        *duty(view, reader),
        *manner(view, reader),
        *buttons(view, reader),
    ]
    return Message(spoken(view, reader), blocks, metadata(EVENT_TYPE, case=view.id))
