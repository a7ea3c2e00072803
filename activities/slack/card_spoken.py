"""The card in whole sentences: all that a screen reader or a phone's notification reads."""

from collections.abc import Iterator
from functools import reduce

from activities.slack.card_facts import spoken_sentence
from activities.slack.card_known import case_id
from activities.slack.card_state import hold_kind, pending, protecting, standing, state_word
from activities.slack.decision_words import decision_words
from activities.slack.drawing import MOST_TEXT
from activities.slack.escape import mrkdwn, units
from activities.slack.reader import Reader
from activities.slack.sent_back import sent_back
from workflows.domain.case_state import UNDECIDED
from workflows.domain.view import CardView


def spoken(view: CardView, reader: Reader) -> str:
    """Severity, kind, id, state and sentence, and then what there is to know and to do."""
    head = reader.say(
        "spoken.case",
        severity=reader.say(f"severity.{view.severity.value}"),
        title=reader.title(view.title),
        id=view.id,
        state=state_word(view, reader),
        sentence=spoken_sentence(view, reader),
    )
    return reduce(lambda said, more: _joined(said, more, reader), _rest(view, reader), head)


def _joined(said: str, more: str, reader: Reader) -> str:
    """One more sentence, where the text has room for it."""
    longer = reader.say("spoken.joined", head=said, rest=more)
    return longer if units(longer) <= MOST_TEXT else said


def _rest(view: CardView, reader: Reader) -> Iterator[str]:
    back = sent_back(view, reader)
    if back is not None:
        yield back
    yield reader.say(_key(view), **_values(view, reader))
    approval = pending(view)
    if approval is not None and approval.question is not None:
        yield reader.say("spoken.question", person=reader.person(approval.question.by))
    protected = protecting(view)
    if protected:
        what = reader.listed(dict.fromkeys(reader.title(each.title) for each in protected))
        yield reader.say("spoken.protecting", what=what)


def _key(view: CardView) -> str:
    where = standing(view)
    if where == "on_hold":
        return f"spoken.on_hold.{hold_kind(view)}"
    if where == "reopened":
        where = "claimed"  # that it was closed before is said already
    approval = pending(view)
    if approval is None or approval.question is None or where in ("enforcing", "failed"):
        return f"spoken.{where}"
    return f"spoken.{where}.asked"


def _values(view: CardView, reader: Reader) -> dict[str, str]:
    """Whatever the sentences of the states name."""
    near = view.opened_at
    values = {
        "claim": reader.time(view.clock.claim, near),
        "decide": reader.time(view.clock.decide, near),
        "person": reader.person(view.owner),
        "into": case_id(view.merged_into or ""),
    }
    if view.decision is not None and (view.phase not in UNDECIDED or view.undoing):
        values["person"] = reader.person(view.decision.by)
        values["decision"] = decision_words(view, view.decision, reader, mrkdwn)
    if view.approval is not None:
        values["due"] = reader.time(view.approval.expires_at, near)
    if view.hold is not None:
        values["until"] = reader.time(view.hold.until, near)
        values["person"] = reader.person(view.hold.by)
    return values
