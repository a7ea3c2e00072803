"""The modal `sure`: a preset behind ⋯ that asks first, since a menu's question is for all of it."""

from datetime import UTC

from slack_sdk.models.blocks import PlainTextObject, SectionBlock
from slack_sdk.models.views import View

from activities.slack.cards.buttons import question
from activities.slack.escape import plain
from activities.slack.reader import Reader
from activities.slack.text.texts import Catalog
from bot.slack.modals.frame import about, modal, sentence_view
from bot.slack.modals.metadata import Metadata
from bot.slack.modals.offer import Offer
from workflows.domain.view import PresetView


def sure_view(offer: Offer, metadata: Metadata, texts: Catalog) -> View:
    """What will be done to whom, and whether somebody has to agree; nothing has to be typed."""
    preset = _preset(offer, metadata)
    if preset is None or offer.view is None:
        return sentence_view("sure", texts.say("bot.sure.gone"), texts)
    reader = Reader(texts=texts, zone=UTC)
    title = reader.say("confirm.preset.title", preset=reader.title(preset.title, plain))
    asked = "\n".join((title, question(offer.view, preset, reader)))
    said = SectionBlock(block_id="sure", text=PlainTextObject(text=asked, emoji=False))
    label = texts.say("bot.sure.asks" if preset.asks else "bot.sure.does")
    return modal("sure", [about(offer, metadata, texts), said], metadata, texts, submit=label)


def _preset(offer: Offer, metadata: Metadata) -> PresetView | None:
    presets = offer.view.presets if offer.view is not None else ()
    return next((each for each in presets if each.id == metadata.preset), None)
