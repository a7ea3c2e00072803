"""Submissions of modals: each kind becomes a command of its case."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.slack.i18n.catalog import Catalog
from bot.slack.commands.parser import case_named
from bot.slack.context import Listener
from bot.slack.interactions import Unreadable, submission_id
from bot.slack.modals.decide import read_decide
from bot.slack.modals.form import (
    Fault,
    Faults,
    duration_in,
    moment_in,
    option_in,
    person_in,
    sentence_view,
)
from bot.slack.modals.form import words_in as words
from bot.slack.modals.metadata import Metadata, decode
from bot.slack.replies import store
from workflows.domain.case import commands as cmd
from workflows.domain.case.commands import Click, PersonCommand
from workflows.domain.case.rules.holds import MOST_SNOOZE
from workflows.domain.people import Actor

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
    return cmd.AskRequester(**given.seen, question=question) if question else _missing("question")


def _answer(given: Submitted) -> cmd.PersonCommand | Faults:
    answer = words(given.view, "answer")
    return cmd.AnswerApprover(**given.seen, answer=answer) if answer else _missing("answer")


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
        return {"into": Fault(key="refusal.same_case")}
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


_log = structlog.get_logger(__name__)


class Submissions(Listener):
    """The listener of every modal. What a person typed survives every refusal."""

    async def submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes a modal: its command is stored, or what is wrong stands under its field."""
        view = body["view"]
        kind = KINDS[str(view["callback_id"])]
        metadata = await self._metadata(ack, view, kind)
        if metadata is None:
            return
        by = Actor(id=str(body["user"]["id"]))
        read = kind.read(Submitted(view=view, by=by, metadata=metadata, now=self._now()))
        if isinstance(read, dict):
            texts = self._services.texts(metadata.language)
            await _refuse(ack, {block: _worded(fault, texts) for block, fault in read.items()})
            return
        await self._send(ack, view, metadata, read)

    async def _metadata(self, ack: AsyncAck, view: dict[str, Any], kind: Kind) -> Metadata | None:
        try:
            return decode(str(view.get("private_metadata", "")))
        except Unreadable as error:
            _log.warning("modal_unreadable", error=str(error))
            texts = self._services.texts(self._services.language)
            await _refuse_whole(ack, view, kind, "bot.modal.unreadable", texts)
            return None

    async def _send(
        self, ack: AsyncAck, view: dict[str, Any], metadata: Metadata, command: PersonCommand
    ) -> None:
        click = Click(
            id=submission_id(view),
            case=metadata.case,
            command=command,
            place=metadata.place,
            received_at=self._now(),
        )
        if await store(self._services.cases, metadata.workflow_id, click):
            await ack()
            return
        _log.warning("submission_not_stored", case=metadata.case, command=command.kind)
        kind = KINDS[str(view["callback_id"])]
        texts = self._services.texts(metadata.language)
        await _refuse_whole(ack, view, kind, "bot.modal.not_taken", texts)


def _worded(fault: Fault, texts: Catalog) -> str:
    if fault.limit is None:
        return texts.say(fault.key)
    return texts.say(fault.key, limit=texts.duration(fault.limit))


async def _refuse_whole(
    ack: AsyncAck, view: dict[str, Any], kind: Kind, key: str, texts: Catalog
) -> None:
    """Says what is wrong with all of it; the modal stays as it is."""
    if kind.whole is not None:
        await _refuse(ack, {kind.whole: texts.say(key)})
        return
    above = sentence_view(str(view["callback_id"]), texts.say(key), texts)
    await ack(response_action="push", view=above)


async def _refuse(ack: AsyncAck, errors: dict[str, str]) -> None:
    await ack(response_action="errors", errors=errors)
