"""Case forms: the fields of every modal about a case, and the command of its submission."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.models.blocks import (
    Block,
    DateTimePickerElement,
    Option,
    PlainTextObject,
    SectionBlock,
    StaticSelectElement,
    UserSelectElement,
)
from slack_sdk.models.blocks.block_elements import InputInteractiveElement

from activities.slack.actions import MODALS
from activities.slack.cards.buttons import question, question_title
from activities.slack.escape import plain
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from bot.services.cases import CaseLine
from bot.slack.commands.parser import case_named
from bot.slack.modals.base import ModalListener, Submitted
from bot.slack.modals.decide import decide_blocks, read_decide
from bot.slack.modals.form import (
    OPTION_TEXT,
    Fault,
    Faults,
    Invalid,
    duration_in,
    field,
    many_lines,
    moment_in,
    one_line,
    option_in,
    person_in,
    words_in,
)
from bot.slack.modals.metadata import Metadata
from bot.slack.modals.offer import Offer
from workflows.domain.case.rules.holds import MOST_SNOOZE
from workflows.domain.people import Actor
from workflows.domain.values import format_duration

SOON = (timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1), timedelta(hours=3))
"""The usual times to put a case on hold, one tap each."""

Sent = Submitted[Metadata]
Values = dict[str, Any]


@dataclass(frozen=True)
class Form:
    """A modal of a case.

    blocks: its fields. read: the fields of its command (`activities.slack.actions`), raises
      `Invalid`. whole: the block that shows errors about the whole modal.
    """

    blocks: Callable[[Offer, Catalog], list[Block]]
    read: Callable[[Sent], Values]
    whole: str | None


def _text(modal: str, block: str, label: str | None = None, missing: str | None = None) -> Form:
    """A form with one text field, which is required."""

    def blocks(offer: Offer, texts: Catalog) -> list[Block]:
        hint = f"bot.{modal}.{block}.hint"
        return [field(block, texts, many_lines(), label=label, hint=hint)]

    def read(sent: Sent) -> Values:
        text = words_in(sent.view, block)
        _refuse_any({} if text else {block: Fault(key=missing or f"bot.fault.{block}_needed")})
        return {block: text}

    return Form(blocks, read, block)


def _refuse_any(faults: Faults) -> None:
    if faults:
        raise Invalid(faults)


def _needed(block: str) -> Faults:
    return {block: Fault(key=f"bot.fault.{block}_needed")}


def _handover(offer: Offer, texts: Catalog) -> list[Block]:
    label, hint = "bot.handover.note", "bot.handover.note.hint"
    return [
        field("person", texts, UserSelectElement(), hint="bot.handover.person.hint"),
        field("note", texts, many_lines(), label=label, hint=hint),
    ]


def _read_handover(sent: Sent) -> Values:
    to, note = person_in(sent.view, "person"), words_in(sent.view, "note")
    _refuse_any((_needed("person") if to is None else {}) | ({} if note else _needed("note")))
    return {"to": Actor(id=to or ""), "note": note}


def _snooze(offer: Offer, texts: Catalog) -> list[Block]:
    options = [
        Option(
            value=format_duration(each),
            text=PlainTextObject(text=texts.say("bot.snooze.in", lasts=texts.duration(each))),
        )
        for each in SOON
    ]
    choose = PlainTextObject(text=texts.say("bot.snooze.choose"))
    soon = StaticSelectElement(options=options, placeholder=choose)
    return [field("lasts", texts, soon, optional=True), _until("bot.snooze.until.hint", texts)]


def _read_snooze(sent: Sent) -> Values:
    lasts, at = duration_in(sent.view, "lasts"), moment_in(sent.view, "until")
    if lasts is not None and at is not None:
        raise Invalid({"until": Fault(key="bot.fault.until_twice")})
    until = at if lasts is None else sent.now + lasts
    if until is None:
        raise Invalid(_needed("until"))
    if until - sent.now > MOST_SNOOZE:
        raise Invalid({"until": Fault(key="bot.fault.until_too_late", limit=MOST_SNOOZE)})
    _refuse_any(_past(until, sent))
    return {"until": until}


def _wait(offer: Offer, texts: Catalog) -> list[Block]:
    note = field("note", texts, many_lines(), label="bot.wait.note", hint="bot.wait.note.hint")
    return [note, _until("bot.wait.until.hint", texts)]


def _read_wait(sent: Sent) -> Values:
    note, until = words_in(sent.view, "note"), moment_in(sent.view, "until")
    _refuse_any(({} if note else _needed("note")) | _past(until, sent))
    return {"note": note, "until": until}


def _until(hint: str, texts: Catalog) -> Block:
    """A time, which Slack shows in its reader's zone."""
    return field("until", texts, DateTimePickerElement(), optional=True, hint=hint)


def _past(until: datetime | None, sent: Sent) -> Faults:
    gone = until is not None and until <= sent.now
    return {"until": Fault(key="bot.fault.until_past")} if gone else {}


def _merge(offer: Offer, texts: Catalog) -> list[Block]:
    """The subject's open cases as options; a line to type an id if none are known."""
    into: InputInteractiveElement = one_line()
    if offer.others:
        options = [_other(line, texts) for line in offer.others]
        choose = PlainTextObject(text=texts.say("bot.merge.choose"))
        into = StaticSelectElement(options=options, placeholder=choose)
    return [field("into", texts, into, hint="bot.merge.into.hint")]


def _other(line: CaseLine, texts: Catalog) -> Option:
    title, phase = line.title.in_(texts.language), texts.say(f"card.state.{line.phase}")
    shown = plain(f"{line.id} · {phase} · {title}", OPTION_TEXT)
    return Option(value=line.id, text=PlainTextObject(text=shown))


def _read_merge(sent: Sent) -> Values:
    into = case_named(option_in(sent.view, "into") or words_in(sent.view, "into"))
    if into is None:
        raise Invalid({"into": Fault(key="bot.fault.into_needed")})
    if into == sent.carried.case:
        raise Invalid({"into": Fault(key="refusal.same_case")})
    return {"into": into}


def _sure(offer: Offer, texts: Catalog) -> list[Block]:
    """The question about a preset; empty if the case no longer offers it."""
    if offer.preset is None or offer.view is None:
        return []
    reader = Reader(texts=texts, zone=UTC)
    title, asked = (
        question_title(offer.preset, reader),
        question(offer.view, offer.preset, reader),
    )
    words = PlainTextObject(text=f"{title}\n{asked}", emoji=False)
    return [SectionBlock(block_id="sure", text=words)]


FORMS: dict[str, Form] = {
    "decide": Form(decide_blocks, read_decide, "reason"),
    "reject": _text("reject", "reason"),
    "handover": Form(_handover, _read_handover, "note"),
    "snooze": Form(_snooze, _read_snooze, "until"),
    "wait": Form(_wait, _read_wait, "note"),
    "note": _text("note", "note"),
    "ask": _text("ask", "question"),
    "answer": _text("answer", "answer"),
    "reopen": _text("reopen", "reason", "bot.reopen.reason", "bot.fault.why_needed"),
    "merge": Form(_merge, _read_merge, "into"),
    "sure": Form(_sure, lambda sent: {"preset": sent.carried.preset}, None),
}
"""By callback_id."""


class Submissions(ModalListener[Metadata]):
    """The listener of every form in `FORMS`."""

    carries = Metadata

    def _whole_of(self, view: Mapping[str, Any]) -> str | None:
        return FORMS[str(view["callback_id"])].whole

    async def _take(self, ack: AsyncAck, sent: Submitted[Metadata]) -> None:
        name, carried = str(sent.view["callback_id"]), sent.carried
        make = MODALS[name].command
        assert make is not None
        command = make(by=sent.by, version=carried.version, **FORMS[name].read(sent))
        await self._send(ack, sent, command, carried)
