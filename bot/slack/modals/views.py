"""The modals as they are drawn, in their reader's language."""

from collections.abc import Callable
from datetime import timedelta

from slack_sdk.models.blocks import (
    Block,
    DateTimePickerElement,
    InputBlock,
    Option,
    PlainTextObject,
    StaticSelectElement,
    UserSelectElement,
)
from slack_sdk.models.blocks.block_elements import InputInteractiveElement
from slack_sdk.models.views import View

from activities.slack.escape import plain
from activities.slack.text.texts import Catalog
from bot.services.cases import CaseLine
from bot.slack.modals.all_view import all_view
from bot.slack.modals.decide_view import decide_blocks
from bot.slack.modals.frame import OPTION_TEXT, about, field, many_lines, modal, one_line
from bot.slack.modals.metadata import Metadata
from bot.slack.modals.offer import Offer
from bot.slack.modals.sure_view import sure_view
from workflows.domain.playbook.durations import format_duration

SOON = (
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=3),
)
"""For how long a case is usually put off, chosen with one tap."""


WHOLE: dict[str, Callable[[Offer, Metadata, Catalog], View]] = {
    "all": all_view,
    "sure": sure_view,
}
"""Modals that are drawn from the card, and not from fields."""


def view_of(name: str, offer: Offer, metadata: Metadata, texts: Catalog) -> View:
    """The modal with the callback_id `name`. Raises `KeyError` where there is none."""
    if name in WHOLE:
        return WHOLE[name](offer, metadata, texts)
    blocks = _BLOCKS[name](offer, texts)
    return modal(name, [about(offer, metadata, texts), *blocks], metadata, texts)


def _reject(offer: Offer, texts: Catalog) -> list[Block]:
    return [field("reason", texts, many_lines(), hint="bot.reject.reason.hint")]


def _handover(offer: Offer, texts: Catalog) -> list[Block]:
    return [
        field("person", texts, UserSelectElement(), hint="bot.handover.person.hint"),
        field(
            "note",
            texts,
            many_lines(),
            label="bot.handover.note",
            hint="bot.handover.note.hint",
        ),
    ]


def _snooze(offer: Offer, texts: Catalog) -> list[Block]:
    soon = StaticSelectElement(
        options=[
            Option(
                value=format_duration(each),
                text=PlainTextObject(text=texts.say("bot.snooze.in", lasts=texts.duration(each))),
            )
            for each in SOON
        ],
        placeholder=PlainTextObject(text=texts.say("bot.snooze.choose")),
    )
    return [
        field("lasts", texts, soon, optional=True),
        field("until", texts, _moment(), optional=True, hint="bot.snooze.until.hint"),
    ]


def _wait(offer: Offer, texts: Catalog) -> list[Block]:
    return [
        field("note", texts, many_lines(), label="bot.wait.note", hint="bot.wait.note.hint"),
        field("until", texts, _moment(), optional=True, hint="bot.wait.until.hint"),
    ]


def _moment() -> DateTimePickerElement:
    """Slack shows it in its reader's zone."""
    return DateTimePickerElement()


def _note(offer: Offer, texts: Catalog) -> list[Block]:
    return [field("note", texts, many_lines(), hint="bot.note.note.hint")]


def _ask(offer: Offer, texts: Catalog) -> list[Block]:
    return [field("question", texts, many_lines(), hint="bot.ask.question.hint")]


def _answer(offer: Offer, texts: Catalog) -> list[Block]:
    return [field("answer", texts, many_lines(), hint="bot.answer.answer.hint")]


def _reopen(offer: Offer, texts: Catalog) -> list[Block]:
    label, hint = "bot.reopen.reason", "bot.reopen.reason.hint"
    return [field("reason", texts, many_lines(), label=label, hint=hint)]


def _merge(offer: Offer, texts: Catalog) -> list[Block]:
    return [_into(offer.others, texts)]


def _into(others: tuple[CaseLine, ...], texts: Catalog) -> InputBlock:
    """A choice among the subject's open cases; where none is known, an id can be typed."""
    element: InputInteractiveElement = one_line()
    if others:
        element = StaticSelectElement(
            options=[_other(line, texts) for line in others],
            placeholder=PlainTextObject(text=texts.say("bot.merge.choose")),
        )
    return field("into", texts, element, hint="bot.merge.into.hint")


def _other(line: CaseLine, texts: Catalog) -> Option:
    title, phase = line.title.in_(texts.language), texts.say(f"bot.phase.{line.phase}")
    shown = plain(f"{line.id} · {phase} · {title}", OPTION_TEXT)
    return Option(value=line.id, text=PlainTextObject(text=shown))


_BLOCKS: dict[str, Callable[[Offer, Catalog], list[Block]]] = {
    "decide": decide_blocks,
    "reject": _reject,
    "handover": _handover,
    "snooze": _snooze,
    "wait": _wait,
    "note": _note,
    "ask": _ask,
    "answer": _answer,
    "reopen": _reopen,
    "merge": _merge,
}
