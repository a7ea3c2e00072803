"""A ring in words: whom it is about, what it touches, and how far it has got."""

from collections.abc import Iterator

from activities.slack.escape import Safe, mrkdwn
from activities.slack.reader import Reader
from workflows.domain.decision import Decision, PlannedAction
from workflows.domain.ring import RING, Blast, RingState, Tally
from workflows.domain.view import CardView

_SUMS = 6
"""Sums that are shown; a card has no room for more."""
_OTHERS = (
    *("failed", "drifted", "retrying", "rehearsed"),
    *("skipped", "given_up", "undone", "lifted"),
)
"""The counts that are told where there are any."""


def target(view: CardView, planned: PlannedAction, reader: Reader, safe: Safe = mrkdwn) -> str:
    """Whom an action is done to: `ユーザー u_123`, of a ring `対象 60件`."""
    decision = view.decision
    if planned.subject.type != RING or decision is None or decision.ring is None:
        return reader.subject(planned.subject, safe)
    return reader.say("ring.subjects", count=decision.ring.count)


def whom(view: CardView, reader: Reader, safe: Safe) -> str:
    """Whom the last decision is about."""
    if view.decision is not None and view.decision.ring is not None:
        return reader.say("ring.subjects", count=view.decision.ring.count)
    return reader.subject(view.subject, safe)


def with_count(words: str, decision: Decision, reader: Reader) -> str:
    """A decision's words with the number of its subjects."""
    if decision.ring is None:
        return words
    return reader.say("ring.decision", decision=words, count=decision.ring.count)


def blast(decision: Decision, reader: Reader) -> list[str]:
    """What acting on all of them touches, in one line; nothing where it is no ring."""
    ring = decision.ring
    return [] if ring is None else [blast_line(ring.count, ring.blast, reader)]


def blast_line(count: int, touched: Blast, reader: Reader) -> str:
    """`対象 60件(措置中 4件)・出品中 812・フォロワー 12,345`."""
    parts = [reader.say("ring.subjects", count=count)]
    if touched.sanctioned:
        parts.append(reader.say("ring.blast.sanctioned", count=touched.sanctioned))
    for each in touched.sums[:_SUMS]:
        total = reader.texts.number(each.total)
        parts.append(reader.say("ring.blast.sum", title=reader.title(each.title), total=total))
    if touched.unknown:
        parts.append(reader.say("ring.blast.unknown", count=touched.unknown))
    if touched.dropped:
        parts.append(reader.say("ring.blast.dropped", count=touched.dropped))
    return reader.say("ring.blast", parts=" · ".join(parts))


def progress(view: CardView, reader: Reader) -> list[str]:
    """How far it has got: `312/1,000 完了・失敗 3`, and who stopped it."""
    if view.ring is None:
        return []
    lines = [f"*{tally_words(view.ring.tally, reader)}*"]
    return [*lines, *_stopped(view.ring, reader)]


def tally_words(tally: Tally, reader: Reader) -> str:
    """The counts, in words: those that say something."""
    return reader.say("ring.joint").join(_counts(tally, reader))


def _counts(tally: Tally, reader: Reader) -> Iterator[str]:
    taken_back = tally.undone or tally.lifted
    if not taken_back or tally.done:
        yield reader.say("ring.done", done=tally.done, total=tally.total)
    for name in _OTHERS:
        count = getattr(tally, name)
        if count:
            yield reader.say(f"ring.{name}", count=count)


def _stopped(state: RingState, reader: Reader) -> list[str]:
    if state.stopped_by is None:
        return []
    key = "ring.stopping" if state.tally.left else "ring.stopped"
    return [reader.say(key, person=reader.person(state.stopped_by))]
