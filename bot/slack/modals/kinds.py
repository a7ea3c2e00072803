"""The modals that come back: which command each one means, or what is wrong with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.slack.modals.deciding import read_decide
from bot.slack.modals.form import Fault, Faults, duration_in, moment_in, option_in, person_in
from bot.slack.modals.form import words_in as words
from bot.slack.modals.metadata import Metadata
from bot.slack.slash.wording import case_named
from workflows.domain import commands as cmd
from workflows.domain.people import Actor
from workflows.domain.rules.holding import MOST_SNOOZE

View = Mapping[str, Any]


@dataclass(frozen=True)
class Submitted:
    """A modal as it came back, and when."""

    view: View
    by: Actor
    metadata: Metadata
    now: datetime

    @property
    def seen(self) -> dict[str, Any]:
        """Who, and which version of the card they saw."""
        return {"by": self.by, "version": self.metadata.version}


Read = Callable[[Submitted], cmd.PersonCommand | Faults]


@dataclass(frozen=True)
class Kind:
    """What is wrong with the whole modal is said under the block `whole`.

    One without any field (None) has it said in a modal above.
    """

    read: Read
    whole: str | None


def _decide(given: Submitted) -> cmd.PersonCommand | Faults:
    return read_decide(given.view, given.metadata.limits, given.seen)


def _reject(given: Submitted) -> cmd.PersonCommand | Faults:
    reason = words(given.view, "reason")
    return cmd.Reject(**given.seen, reason=reason) if reason else _missing("reason")


def _handover(given: Submitted) -> cmd.PersonCommand | Faults:
    to, note = person_in(given.view, "person"), words(given.view, "note")
    if to is None or not note:
        return (_missing("person") if to is None else {}) | ({} if note else _missing("note"))
    return cmd.HandOver(**given.seen, to=Actor(id=to), note=note)


def _snooze(given: Submitted) -> cmd.PersonCommand | Faults:
    lasts, at = duration_in(given.view, "lasts"), moment_in(given.view, "until")
    if lasts is not None and at is not None:
        return {"until": Fault(key="bot.fault.until_twice")}
    until = at if lasts is None else given.now + lasts
    if until is None:
        return _missing("until")
    if until - given.now > MOST_SNOOZE:
        return {"until": Fault(key="bot.fault.until_too_late", limit=MOST_SNOOZE)}
    return _past(until, given) or cmd.Snooze(**given.seen, until=until)


def _wait(given: Submitted) -> cmd.PersonCommand | Faults:
    note, until = words(given.view, "note"), moment_in(given.view, "until")
    faults = ({} if note else _missing("note")) | _past(until, given)
    return faults or cmd.Wait(**given.seen, note=note, until=until)


def _past(until: datetime | None, given: Submitted) -> Faults:
    gone = until is not None and until <= given.now
    return {"until": Fault(key="bot.fault.until_past")} if gone else {}


def _note(given: Submitted) -> cmd.PersonCommand | Faults:
    note = words(given.view, "note")
    return cmd.AddNote(**given.seen, note=note) if note else _missing("note")


def _ask(given: Submitted) -> cmd.PersonCommand | Faults:
    question = words(given.view, "question")
    return cmd.AskBack(**given.seen, question=question) if question else _missing("question")


def _answer(given: Submitted) -> cmd.PersonCommand | Faults:
    answer = words(given.view, "answer")
    return cmd.AnswerBack(**given.seen, answer=answer) if answer else _missing("answer")


def _reopen(given: Submitted) -> cmd.PersonCommand | Faults:
    reason = words(given.view, "reason")
    if not reason:
        return {"reason": Fault(key="bot.fault.why_needed")}
    return cmd.Reopen(**given.seen, reason=reason)


def _merge(given: Submitted) -> cmd.PersonCommand | Faults:
    into = case_named(option_in(given.view, "into") or words(given.view, "into"))
    if into is None:
        return {"into": Fault(key="bot.fault.into_needed")}
    if into == given.metadata.case:
        return {"into": Fault(key="bot.fault.into_itself")}
    return cmd.Merge(**given.seen, into=into)


def _missing(block: str) -> Faults:
    return {block: Fault(key=f"bot.fault.{block}_needed")}


def _sure(given: Submitted) -> cmd.PersonCommand | Faults:
    assert given.metadata.preset is not None
    return cmd.ChoosePreset(**given.seen, preset=given.metadata.preset)


KINDS: dict[str, Kind] = {
    "decide": Kind(_decide, "reason"),
    "reject": Kind(_reject, "reason"),
    "handover": Kind(_handover, "note"),
    "snooze": Kind(_snooze, "until"),
    "wait": Kind(_wait, "note"),
    "note": Kind(_note, "note"),
    "ask": Kind(_ask, "question"),
    "answer": Kind(_answer, "answer"),
    "reopen": Kind(_reopen, "reason"),
    "merge": Kind(_merge, "into"),
    "sure": Kind(_sure, None),
}
"""By callback_id."""
