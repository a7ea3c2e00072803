"""Views of the modals that ask for one or two fields."""

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

from slack_sdk.models.blocks import (
    Block,
    DateTimePickerElement,
    InputBlock,
    Option,
    PlainTextObject,
    SectionBlock,
    StaticSelectElement,
    UserSelectElement,
)
from slack_sdk.models.blocks.block_elements import InputInteractiveElement
from slack_sdk.models.views import View

from activities.slack import handles
from activities.slack.blocks import actions, button
from activities.slack.cards.buttons import entries, preset_button, question, question_title
from activities.slack.escape import plain
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from bot.services.cases import CaseLine
from bot.slack.modals.decide import decide_blocks
from bot.slack.modals.form import (
    OPTION_TEXT,
    about,
    field,
    many_lines,
    modal,
    one_line,
    sentence_view,
)
from bot.slack.modals.metadata import Metadata
from bot.slack.modals.offer import Offer
from bot.slack.rendering import section
from workflows.domain.case.view import CardView, PresetView
from workflows.domain.values import format_duration

ALWAYS = ("note", "watch", "unwatch", "timeline")
"""What can be done with a case that sleeps: it was not asked what else fits."""

Element = dict[str, Any]


def all_view(offer: Offer, metadata: Metadata, texts: Catalog) -> View:
    """A row of decisions, and a row of everything else; each press is one on the card."""
    reader = Reader(texts=texts, zone=UTC)
    view = offer.view
    presets = [preset_button(view, each, reader) for each in view.presets] if view else []
    blocks: list[Any] = [
        about(offer, metadata, texts),
        *_row("bot.playbook.presets", presets, metadata, texts, 1),
        *_row("bot.all.rest", _rest(view, metadata, texts), metadata, texts, 2),
    ]
    return modal("all", blocks, metadata, texts, submit=None)


def _rest(view: CardView | None, metadata: Metadata, texts: Catalog) -> list[Element]:
    version = view.version if view is not None else metadata.version
    value = handles.encode(metadata.case, version)
    names = entries(view) if view is not None else ALWAYS
    return [button(f"case.{name}", texts.say(f"button.{name}"), value) for name in names]


def _row(
    title: str, shown: list[Element], metadata: Metadata, texts: Catalog, number: int
) -> list[Element]:
    if not shown:
        return []
    head = section(f"*{texts.say(title)}*")
    return [head, *actions(handles.row(metadata.workflow_id, number), shown)]


def sure_view(offer: Offer, metadata: Metadata, texts: Catalog) -> View:
    """What will be done to whom, and whether somebody has to agree; nothing has to be typed."""
    preset = _preset(offer, metadata)
    if preset is None or offer.view is None:
        return sentence_view("sure", texts.say("bot.sure.gone"), texts)
    reader = Reader(texts=texts, zone=UTC)
    asked = "\n".join((question_title(preset, reader), question(offer.view, preset, reader)))
    said = SectionBlock(block_id="sure", text=PlainTextObject(text=asked, emoji=False))
    label = texts.say("confirm.yes.asks" if preset.asks else "confirm.yes.does")
    return modal("sure", [about(offer, metadata, texts), said], metadata, texts, submit=label)


def _preset(offer: Offer, metadata: Metadata) -> PresetView | None:
    presets = offer.view.presets if offer.view is not None else ()
    return next((each for each in presets if each.id == metadata.preset), None)


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
    title, phase = line.title.in_(texts.language), texts.say(f"card.state.{line.phase}")
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
