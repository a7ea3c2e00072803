"""Messages and views in one format for every check."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from slack_sdk.models.views import View

from activities.slack.blocks import Message
from bot.slack.replies import Said

Json = dict[str, Any]


class Kind(StrEnum):
    """Place of display. `WORDS` is the error of a modal's field: no blocks, no mrkdwn."""

    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"
    WORDS = "words"


@dataclass(frozen=True)
class Sent:
    """`frame` is a view without its blocks; a message has `text` and metadata."""

    kind: Kind
    text: str = ""
    blocks: tuple[Json, ...] = ()
    frame: Json = field(default_factory=dict)
    metadata: Json = field(default_factory=dict)

    @property
    def whole(self) -> Json:
        """The view, or the message, as one value."""
        if self.kind in (Kind.MODAL, Kind.HOME):
            return {**self.frame, "blocks": list(self.blocks)}
        return {"text": self.text, "blocks": list(self.blocks), "metadata": self.metadata}

    def nodes(self) -> Iterator[tuple[str, Json]]:
        """Every object in it with its JSON pointer, outermost first."""
        yield from _nodes("", self.whole)


def _nodes(pointer: str, node: object) -> Iterator[tuple[str, Json]]:
    if isinstance(node, dict):
        yield pointer, node
        for name, inner in node.items():
            yield from _nodes(f"{pointer}/{name}", inner)
    elif isinstance(node, list | tuple):
        for index, inner in enumerate(node):
            yield from _nodes(f"{pointer}/{index}", inner)


def message(drawn: Message) -> Sent:
    """A card, a thread's lines or a direct message."""
    return Sent(Kind.MESSAGE, drawn.text, tuple(drawn.blocks), metadata=drawn.metadata)


def said(answer: Said) -> Sent:
    """An ephemeral answer."""
    return Sent(Kind.MESSAGE, answer.text, tuple(answer.blocks))


def post_ephemeral(text: str) -> Sent:
    """An ephemeral message of text alone."""
    return Sent(Kind.MESSAGE, text)


def words(text: str) -> Sent:
    """The error of a field."""
    return Sent(Kind.WORDS, text)


def view(drawn: View | Json) -> Sent:
    """A modal or a home, as it is sent."""
    whole = drawn.to_dict() if isinstance(drawn, View) else dict(drawn)
    blocks = tuple(whole.pop("blocks"))
    return Sent(Kind(whole["type"]), blocks=blocks, frame=whole)
