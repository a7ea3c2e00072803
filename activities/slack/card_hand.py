"""What a card says of an alert that a person made: who, in their words, and about which message."""

import re

from activities.slack.drawing import Block, context
from activities.slack.escape import mrkdwn, one_line
from activities.slack.reader import Reader
from workflows.domain.by_hand import REPORTS, ByHand
from workflows.domain.view import CardView

_NOTE = 300
# Koban writes these itself; whatever else stands there is not linked.
_PERMALINK = re.compile(r"https://[A-Za-z0-9.-]{1,200}/archives/[A-Z0-9]{2,30}/p[0-9]{6,30}")


def by_hand(view: CardView, reader: Reader) -> list[Block]:
    """The last person who said something, unless a detector did after them."""
    hand = view.latest.hand
    if hand is None:
        return []
    reported = view.latest.key.startswith(f"{REPORTS}/")
    key = "card.hand.reported" if reported else "card.hand.opened"
    return [context([reader.say(key, person=reader.person(hand.by)), *_more(hand, reader)])]


def _more(hand: ByHand, reader: Reader) -> list[str]:
    note = mrkdwn(one_line(hand.note), _NOTE)
    told = [reader.say("card.hand.note", note=note)] if note else []
    if hand.link is not None and _PERMALINK.fullmatch(hand.link):
        told.append(f"<{hand.link}|{reader.say('card.hand.message')}>")
    return told
