"""Views of a bulk decision."""

from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.models.blocks import (
    Block,
    CheckboxesElement,
    InputBlock,
    MarkdownTextObject,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    SectionBlock,
    StaticMultiSelectElement,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from activities.slack.cards.decision import impact_line
from activities.slack.escape import plain
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from bot.slack.bulk.form import BulkMetadata, encode
from bot.slack.modals.decide import action_option
from bot.slack.modals.form import OPTION_TEXT, about, field, many_lines
from bot.slack.modals.offer import Offer
from bot.slack.rendering import section
from workflows.domain.case.bulk import Impact
from workflows.domain.policy.platform import RelatedSpec
from workflows.domain.values import format_duration

# A redrawn modal keeps what a person chose and typed, since its fields keep their names.

CALLBACK = "bulk"
_PREVIEW = "ring_preview"

Counted = Sequence[tuple[str, RelatedSpec, int | None]]
"""Look-ups by name, with how many subjects each finds; None where it did not answer."""


def loading_view(texts: Catalog) -> View:
    """What opens at once."""
    return View(
        type="modal",
        callback_id="ring_loading",
        title=PlainTextObject(text=texts.say("bot.bulk.title")),
        close=PlainTextObject(text=texts.say("bot.modal.close")),
        blocks=[_sentence(texts.say("bot.bulk.loading"))],
    )


def sentence_view(text: str, texts: Catalog) -> View:
    """Why there is nothing to choose."""
    view = loading_view(texts)
    view.blocks = [_sentence(text)]
    return view


def bulk_view(offer: Offer, counted: Counted, metadata: BulkMetadata, texts: Catalog) -> View:
    """The modal `ring`, before anything was chosen."""
    blocks: list[Block] = [
        about(offer, metadata, texts),
        *_sources(counted, texts),
        field("ids", texts, _ids(), label="bot.bulk.ids", optional=True, hint="bot.bulk.ids.hint"),
        *_actions(offer, texts),
        field("reason", texts, many_lines(), label="bot.modal.reason", hint="bot.bulk.reason.hint"),
        _sentence(texts.say("bot.bulk.first")),
    ]
    return View(
        type="modal",
        callback_id=CALLBACK,
        title=PlainTextObject(text=texts.say("bot.bulk.title")),
        submit=PlainTextObject(text=texts.say("bot.bulk.preview")),
        close=PlainTextObject(text=texts.say("bot.modal.close")),
        private_metadata=encode(metadata),
        blocks=blocks,
    )


def redrawn(
    view: Mapping[str, Any], text: str, submit: str, metadata: BulkMetadata
) -> dict[str, Any]:
    """The same modal with another last paragraph and another button."""
    kept = [block for block in view["blocks"] if block.get("block_id") != _PREVIEW]
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": view["title"],
        "submit": {"type": "plain_text", "text": submit},
        "close": view["close"],
        "private_metadata": encode(metadata),
        "blocks": [*kept, {**section(text), "block_id": _PREVIEW}],
    }


def sure(count: int, touched: Impact, asks: bool, reader: Reader) -> str:
    """What is read before the last press."""
    line = impact_line(count, touched, reader)
    told = reader.say("bot.bulk.sure", impact=f"*{line}*", count=count)
    return f"{told}\n{reader.say('bot.bulk.asks')}" if asks else told


def _sentence(text: str) -> SectionBlock:
    words = MarkdownTextObject(text=text, verbatim=True)
    return SectionBlock(block_id=_PREVIEW, text=words)


def _sources(counted: Counted, texts: Catalog) -> list[Block]:
    if not counted:
        return []
    options = [_source(name, spec, count, texts) for name, spec, count in counted]
    boxes = CheckboxesElement(options=options)
    hint = "bot.bulk.sources.hint"
    return [field("sources", texts, boxes, label="bot.bulk.sources", optional=True, hint=hint)]


def _source(name: str, spec: RelatedSpec, count: int | None, texts: Catalog) -> Option:
    title = plain(spec.title.in_(texts.language), OPTION_TEXT - 25)
    known = count is not None
    shown = (
        texts.say("bot.bulk.source", title=title, count=count)
        if known
        else texts.say("bot.bulk.source.unknown", title=title)
    )
    return Option(value=name, text=PlainTextObject(text=shown))


def _ids() -> PlainTextInputElement:
    return PlainTextInputElement(multiline=True, max_length=3000)


def _actions(offer: Offer, texts: Catalog) -> list[InputBlock]:
    options = [action_option(name, spec, texts) for name, spec in offer.actions.items()]
    chosen = StaticMultiSelectElement(
        options=options, placeholder=PlainTextObject(text=texts.say("bot.modal.actions.choose"))
    )
    blocks = [field("actions", texts, chosen, label="bot.modal.actions")]
    if offer.durations:
        lasting = StaticSelectElement(
            options=[
                Option(value=format_duration(each), text=PlainTextObject(text=texts.duration(each)))
                for each in offer.durations
            ],
            placeholder=PlainTextObject(text=texts.say("bot.modal.duration.choose")),
        )
        hint = "bot.modal.duration.hint"
        blocks.append(field("duration", texts, lasting, optional=True, hint=hint))
    return blocks
