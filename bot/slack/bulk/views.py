"""Views of a bulk decision."""

from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.models.blocks import (
    Block,
    CheckboxesElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    PlainTextObject,
)
from slack_sdk.models.views import View

from activities.slack.cards.decision import impact_line
from activities.slack.escape import plain
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from bot.slack.bulk.form import BulkMetadata
from bot.slack.modals.decide import action_select, duration_field
from bot.slack.modals.form import OPTION_TEXT, about, field, many_lines, modal
from bot.slack.modals.metadata import encode
from bot.slack.modals.offer import Offer
from bot.slack.rendering import section
from workflows.domain.case.bulk import Impact
from workflows.domain.policy.platform import RelatedSpec

_PREVIEW = "bulk_preview"

Counted = Sequence[tuple[str, RelatedSpec, int | None]]
"""Look-ups by name with their number of subjects; None without an answer."""


def bulk_view(offer: Offer, counted: Counted, metadata: BulkMetadata, texts: Catalog) -> View:
    """The modal `bulk` before anything is chosen."""
    blocks = [
        about(offer, metadata, texts),
        *_sources(counted, texts),
        field("ids", texts, _ids(), label="bot.bulk.ids", optional=True, hint="bot.bulk.ids.hint"),
        *_actions(offer, texts),
        field("reason", texts, many_lines(), label="bot.modal.reason", hint="bot.bulk.reason.hint"),
        {**section(texts.say("bot.bulk.first")), "block_id": _PREVIEW},
    ]
    return modal("bulk", blocks, texts, encode(metadata), texts.say("bot.bulk.preview"))


def redrawn(
    view: Mapping[str, Any], text: str, submit: str, metadata: BulkMetadata
) -> dict[str, Any]:
    """The modal with another last paragraph and submit button; entered values are kept."""
    kept = [block for block in view["blocks"] if block.get("block_id") != _PREVIEW]
    return {
        "type": "modal",
        "callback_id": "bulk",
        "title": view["title"],
        "submit": {"type": "plain_text", "text": submit},
        "close": view["close"],
        "private_metadata": encode(metadata),
        "blocks": [*kept, {**section(text), "block_id": _PREVIEW}],
    }


def sure(count: int, touched: Impact, asks: bool, reader: Reader) -> str:
    """The impact, shown before the decision is submitted."""
    line = impact_line(count, touched, reader)
    text = reader.say("bot.bulk.sure", impact=f"*{line}*", count=count)
    return f"{text}\n{reader.say('bot.bulk.asks')}" if asks else text


def _sources(counted: Counted, texts: Catalog) -> list[Block]:
    if not counted:
        return []
    options = [_source(name, spec, count, texts) for name, spec, count in counted]
    boxes = CheckboxesElement(options=options)
    hint = "bot.bulk.sources.hint"
    return [field("sources", texts, boxes, label="bot.bulk.sources", optional=True, hint=hint)]


def _source(name: str, spec: RelatedSpec, count: int | None, texts: Catalog) -> Option:
    title = plain(spec.title.in_(texts.language), OPTION_TEXT - 25)
    shown = texts.say("bot.bulk.source.unknown", title=title)
    if count is not None:
        shown = texts.say("bot.bulk.source", title=title, count=count)
    return Option(value=name, text=PlainTextObject(text=shown))


def _ids() -> PlainTextInputElement:
    return PlainTextInputElement(multiline=True, max_length=3000)


def _actions(offer: Offer, texts: Catalog) -> list[InputBlock]:
    blocks = [field("actions", texts, action_select(offer, texts))]
    return [*blocks, *duration_field(offer, texts)]
