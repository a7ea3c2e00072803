"""Whom or what something acts upon: named in the question before it, since a case's own subject
is often not it.
"""

from collections.abc import Iterable

from activities.slack.escape import Safe, plain, units
from activities.slack.reader import Reader
from activities.slack.ring_words import target, whom
from workflows.domain.alert import Subject
from workflows.domain.enforcement import ActionState
from workflows.domain.view import CardView

MOST = 3
"""Targets that are named; the rest is counted."""
_EACH = 60
"""Characters of one: a question has 300, and what becomes of them has to fit as well."""


def targets_of(subjects: Iterable[Subject], reader: Reader, safe: Safe = plain) -> str:
    """`メッセージ m_77、ユーザー u_123`."""
    return _named((reader.subject(each, safe) for each in subjects), reader)


def acted_upon(view: CardView, actions: Iterable[ActionState], reader: Reader) -> str:
    """Whom these actions act upon; whom the decision is about, where there are none."""
    words = (target(view, action.planned, reader, plain) for action in actions)
    return _named(words, reader) or whom(view, reader, plain)


def _named(words: Iterable[str], reader: Reader) -> str:
    every = tuple(dict.fromkeys(words))
    named = [each for each in every[:MOST] if units(each) <= _EACH]
    left = len(every) - len(named)
    if not named:
        return every[0] if every else ""
    listed = reader.listed(named)
    return reader.say("words.and_more", list=listed, count=left) if left else listed
