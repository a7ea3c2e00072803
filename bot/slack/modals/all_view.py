"""The modal `all`: every preset and everything else that a card's ⋯ has no room for."""

from datetime import UTC
from typing import Any

from slack_sdk.models.views import View

from activities.slack import handles
from activities.slack.cards.buttons import entries, preset_button
from activities.slack.drawing import actions, button
from activities.slack.reader import Reader
from activities.slack.text.texts import Catalog
from bot.slack.drawing import section
from bot.slack.modals.frame import about, modal
from bot.slack.modals.metadata import Metadata
from bot.slack.modals.offer import Offer
from workflows.domain.view import CardView

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
        *_row("bot.all.presets", presets, metadata, texts, 1),
        *_row("bot.all.rest", _rest(view, metadata, texts), metadata, texts, 2),
    ]
    return modal("all", blocks, metadata, texts, submit=None)


def _rest(view: CardView | None, metadata: Metadata, texts: Catalog) -> list[Element]:
    version = view.version if view is not None else metadata.version
    value = handles.encode(metadata.case, version)
    names = entries(view) if view is not None else ALWAYS
    return [button(f"case.{name}", texts.say(f"more.{name}"), value) for name in names]


def _row(
    title: str, shown: list[Element], metadata: Metadata, texts: Catalog, number: int
) -> list[Element]:
    if not shown:
        return []
    head = section(f"*{texts.say(title)}*")
    return [head, *actions(handles.row(metadata.route, number), shown)]
