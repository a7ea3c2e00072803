"""Modals of a case: their views and fields, and the command of a submission."""

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
    UserSelectElement,
)
from slack_sdk.models.blocks.block_elements import InputInteractiveElement
from slack_sdk.models.views import View

from activities.slack import handles
from activities.slack.actions import MODALS, element, entries
from activities.slack.blocks import actions
from activities.slack.cards.buttons import preset_button, question, question_title
from activities.slack.escape import plain
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from bot.services.cases import CaseLine
from bot.slack.commands.parser import case_named
from bot.slack.modals.base import ModalListener, Submitted
from bot.slack.modals.choices import MOST_OPTIONS, Choices
from bot.slack.modals.decide import decide_blocks, read_decide
from bot.slack.modals.form import (
    OPTION_TEXT,
    Fault,
    Faults,
    Invalid,
    about,
    duration_in,
    field,
    many_lines,
    menu,
    modal,
    moment_in,
    needed,
    one_line,
    option,
    option_in,
    person_in,
    sentence_view,
    words_in,
)
from bot.slack.modals.metadata import Metadata, encode
from bot.slack.rendering import section
from workflows.domain.case.rules.holds import MOST_BY_SPECIALISTS, MOST_SNOOZE
from workflows.domain.people import Actor
from workflows.domain.values import format_duration

SOON = (timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1), timedelta(hours=3))
"""The usual times to put a case on hold, one tap each."""

BY_SPECIALISTS = (timedelta(hours=1), timedelta(hours=8), MOST_BY_SPECIALISTS)
BY_LEADS = (timedelta(days=3), timedelta(days=7), MOST_SNOOZE)
"""The times for which a detector is snoozed."""

Sent = Submitted[Metadata]
Values = dict[str, Any]


@dataclass(frozen=True)
class Form:
    """A modal of a case.

    blocks: its fields. read: the fields of its command (`activities.slack.actions`), raises
      `Invalid`. whole: the block that shows errors about the whole modal.
    """

    blocks: Callable[[Choices, Catalog], list[Block]]
    read: Callable[[Sent], Values]
    whole: str | None


def _text(modal: str, block: str, label: str | None = None, missing: str | None = None) -> Form:
    """A form with one text field, which is required."""

    def blocks(choices: Choices, texts: Catalog) -> list[Block]:
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


def _handover(choices: Choices, texts: Catalog) -> list[Block]:
    label, hint = "bot.handover.note", "bot.handover.note.hint"
    return [
        field("person", texts, UserSelectElement(), hint="bot.handover.person.hint"),
        field("note", texts, many_lines(), label=label, hint=hint),
    ]


def _read_handover(sent: Sent) -> Values:
    to, note = person_in(sent.view, "person"), words_in(sent.view, "note")
    _refuse_any((needed("person") if to is None else {}) | ({} if note else needed("note")))
    return {"to": Actor(id=to or ""), "note": note}


def _snooze(choices: Choices, texts: Catalog) -> list[Block]:
    options = [
        option(format_duration(each), texts.say("bot.snooze.in", lasts=texts.duration(each)))
        for each in SOON
    ]
    soon = menu(options, texts.say("bot.snooze.choose"))
    return [field("lasts", texts, soon, optional=True), _until("bot.snooze.until.hint", texts)]


def _read_snooze(sent: Sent) -> Values:
    lasts, at = duration_in(sent.view, "lasts"), moment_in(sent.view, "until")
    if lasts is not None and at is not None:
        raise Invalid({"until": Fault(key="bot.fault.until_twice")})
    until = at if lasts is None else sent.now + lasts
    if until is None:
        raise Invalid(needed("until"))
    if until - sent.now > MOST_SNOOZE:
        raise Invalid({"until": Fault(key="bot.fault.until_too_late", limit=MOST_SNOOZE)})
    _refuse_any(_past(until, sent))
    return {"until": until}


def _snooze_detector(choices: Choices, texts: Catalog) -> list[Block]:
    """Detector, duration and reason; empty if no detector is known."""
    if not choices.detectors:
        return []
    named = [
        option(name, plain(title.in_(texts.language) if title else "", OPTION_TEXT) or name)
        for name, title in choices.detectors.items()
    ][:MOST_OPTIONS]
    times = [*BY_SPECIALISTS, *(BY_LEADS if choices.lead else ())]
    lasts = menu(
        [option(format_duration(each), texts.duration(each)) for each in times],
        texts.say("bot.snooze.choose"),
    )
    label, hint = "bot.snooze_detector.reason", "bot.snooze_detector.reason.hint"
    which = menu(named, texts.say("bot.snooze_detector.choose"))
    return [
        *([field("detector", texts, which)] if len(named) > 1 else []),
        field("lasts", texts, lasts, label="bot.snooze_detector.lasts"),
        field("reason", texts, many_lines(), label=label, hint=hint),
    ]


def _read_snooze_detector(sent: Sent) -> Values:
    detector = option_in(sent.view, "detector") or sent.carried.detector
    lasts, reason = duration_in(sent.view, "lasts"), words_in(sent.view, "reason")
    why = {} if reason else {"reason": Fault(key="bot.fault.snooze_reason_needed")}
    missing = {} if lasts is not None else needed("lasts")
    _refuse_any(({} if detector else needed("detector")) | missing | why)
    return {"detector": detector, "lasts": lasts, "reason": reason}


def _wait(choices: Choices, texts: Catalog) -> list[Block]:
    note = field("note", texts, many_lines(), label="bot.wait.note", hint="bot.wait.note.hint")
    return [note, _until("bot.wait.until.hint", texts)]


def _read_wait(sent: Sent) -> Values:
    note, until = words_in(sent.view, "note"), moment_in(sent.view, "until")
    _refuse_any(({} if note else needed("note")) | _past(until, sent))
    return {"note": note, "until": until}


def _until(hint: str, texts: Catalog) -> Block:
    """A time, which Slack shows in its reader's zone."""
    return field("until", texts, DateTimePickerElement(), optional=True, hint=hint)


def _past(until: datetime | None, sent: Sent) -> Faults:
    gone = until is not None and until <= sent.now
    return {"until": Fault(key="bot.fault.until_past")} if gone else {}


def _merge(choices: Choices, texts: Catalog) -> list[Block]:
    """The subject's open cases as options; a line to type an id if none are known."""
    into: InputInteractiveElement = one_line()
    if choices.others:
        options = [_other(line, texts) for line in choices.others]
        into = menu(options, texts.say("bot.merge.choose"))
    return [field("into", texts, into, hint="bot.merge.into.hint")]


def _other(line: CaseLine, texts: Catalog) -> Option:
    title, phase = line.title.in_(texts.language), texts.say(f"card.state.{line.phase}")
    return option(line.id, plain(f"{line.id} · {phase} · {title}", OPTION_TEXT))


def _read_merge(sent: Sent) -> Values:
    into = case_named(option_in(sent.view, "into") or words_in(sent.view, "into"))
    if into is None:
        raise Invalid(needed("into"))
    if into == sent.carried.case:
        raise Invalid({"into": Fault(key="refusal.same_case")})
    return {"into": into}


def _confirm_preset(choices: Choices, texts: Catalog) -> list[Block]:
    """The question about a preset; empty if the case no longer offers it."""
    if choices.preset is None or choices.view is None:
        return []
    reader = Reader(texts=texts, zone=UTC)
    title = question_title(choices.preset, reader)
    asked = f"{title}\n{question(choices.view, choices.preset, reader)}"
    words = PlainTextObject(text=asked, emoji=False)
    return [SectionBlock(block_id="confirm_preset", text=words)]


FORMS: dict[str, Form] = {
    "decide": Form(decide_blocks, read_decide, "reason"),
    "reject": _text("reject", "reason"),
    "handover": Form(_handover, _read_handover, "note"),
    "snooze": Form(_snooze, _read_snooze, "until"),
    "snooze_detector": Form(_snooze_detector, _read_snooze_detector, "reason"),
    "wait": Form(_wait, _read_wait, "note"),
    "note": _text("note", "note"),
    "ask": _text("ask", "question"),
    "answer": _text("answer", "answer"),
    "reopen": _text("reopen", "reason", "bot.reopen.reason", "bot.fault.why_needed"),
    "merge": Form(_merge, _read_merge, "into"),
    "confirm_preset": Form(_confirm_preset, lambda sent: {"preset": sent.carried.preset}, None),
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


def view_of(name: str, choices: Choices, metadata: Metadata, texts: Catalog) -> View:
    """The modal with the callback_id `name`. Raises `KeyError` for an unknown one."""
    if name == "all":
        return all_view(choices, metadata, texts)
    choices = choices.model_copy(update={"preset": _preset(choices, metadata)})
    fields = FORMS[name].blocks(choices, texts)
    if not fields:
        return sentence_view(name, texts.say(f"bot.{name}.gone"), texts)
    if len(choices.detectors) == 1:
        metadata = metadata.model_copy(update={"detector": next(iter(choices.detectors))})
    blocks, submit = [about(choices, metadata, texts), *fields], ""
    if choices.preset is not None:
        submit = texts.say("confirm.yes.asks" if choices.preset.asks else "confirm.yes.does")
    return modal(name, blocks, texts, encode(metadata), submit)


def _preset(choices: Choices, metadata: Metadata) -> Any:
    presets = choices.view.presets if choices.view is not None else ()
    return next((each for each in presets if each.id == metadata.preset), None)


def all_view(choices: Choices, metadata: Metadata, texts: Catalog) -> View:
    """A row of presets and a row of everything else; a press does the same as on the card."""
    view, reader = choices.view, Reader(texts=texts, zone=UTC)
    presets = [preset_button(view, each, reader) for each in view.presets] if view else []
    version = view.version if view is not None else metadata.version
    value = handles.encode(metadata.case, version)
    rest = [element(f"case.{name}", texts, value) for name in entries(view)]
    blocks = [
        about(choices, metadata, texts),
        *_row("bot.playbook.presets", presets, metadata, texts, 1),
        *_row("bot.all.rest", rest, metadata, texts, 2),
    ]
    return modal("all", blocks, texts, encode(metadata), submit=None)


def _row(
    title: str, shown: list[dict[str, Any]], metadata: Metadata, texts: Catalog, number: int
) -> list[dict[str, Any]]:
    if not shown:
        return []
    head = section(f"*{texts.say(title)}*")
    return [head, *actions(handles.row(metadata.workflow_id, number), shown)]
