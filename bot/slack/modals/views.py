"""Views of the modals about a case."""

from datetime import UTC
from typing import Any

from slack_sdk.models.views import View

from activities.slack import handles
from activities.slack.actions import element, entries
from activities.slack.blocks import actions
from activities.slack.cards.buttons import preset_button
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from bot.slack.modals.form import about, modal, sentence_view
from bot.slack.modals.forms import FORMS
from bot.slack.modals.metadata import Metadata, encode
from bot.slack.modals.offer import Offer
from bot.slack.rendering import Block, section


def view_of(name: str, offer: Offer, metadata: Metadata, texts: Catalog) -> View:
    """The modal with the callback_id `name`. Raises `KeyError` for an unknown one."""
    if name == "all":
        return all_view(offer, metadata, texts)
    offer = offer.model_copy(update={"preset": _preset(offer, metadata)})
    fields = FORMS[name].blocks(offer, texts)
    if not fields:
        return sentence_view(name, texts.say(f"bot.{name}.gone"), texts)
    blocks, submit = [about(offer, metadata, texts), *fields], ""
    if offer.preset is not None:
        submit = texts.say("confirm.yes.asks" if offer.preset.asks else "confirm.yes.does")
    return modal(name, blocks, texts, encode(metadata), submit)


def _preset(offer: Offer, metadata: Metadata) -> Any:
    presets = offer.view.presets if offer.view is not None else ()
    return next((each for each in presets if each.id == metadata.preset), None)


def all_view(offer: Offer, metadata: Metadata, texts: Catalog) -> View:
    """A row of presets and a row of everything else; a press does the same as on the card."""
    view, reader = offer.view, Reader(texts=texts, zone=UTC)
    presets = [preset_button(view, each, reader) for each in view.presets] if view else []
    version = view.version if view is not None else metadata.version
    value = handles.encode(metadata.case, version)
    rest = [element(f"case.{name}", texts, value) for name in entries(view)]
    blocks = [
        about(offer, metadata, texts),
        *_row("bot.playbook.presets", presets, metadata, texts, 1),
        *_row("bot.all.rest", rest, metadata, texts, 2),
    ]
    return modal("all", blocks, texts, encode(metadata), submit=None)


def _row(
    title: str, shown: list[dict[str, Any]], metadata: Metadata, texts: Catalog, number: int
) -> list[Block]:
    if not shown:
        return []
    head = section(f"*{texts.say(title)}*")
    return [head, *actions(handles.row(metadata.workflow_id, number), shown)]
