"""Visible text and controls of a message or view, in reading order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.sandbox.slack.blockkit.blocks import elements_of

_DATE = re.compile(r"<!date\^\d+\^[^|>]*\|([^>]*)>")


@dataclass(frozen=True)
class Control:
    """A button, menu or input; `label` is its visible text."""

    block_id: str
    element: dict
    label: str

    @property
    def action_id(self) -> str:
        return str(self.element.get("action_id"))

    @property
    def kind(self) -> str:
        return str(self.element.get("type"))


def visible_text(message: dict) -> str:
    """Visible text, one line a block; the message's text if it has no blocks.

    A date is shown as its fallback: the seconds in it are not visible.
    """
    blocks = message.get("blocks") or []
    lines = [" ".join(_words(block)) for block in blocks] or [str(message.get("text") or "")]
    return _DATE.sub(r"\1", "\n".join(line for line in lines if line))


def controls(message: dict) -> list[Control]:
    """All controls in reading order, also in containers."""
    return [
        Control(_block_of(block, where)["block_id"], element, _label(block, element))
        for block in message.get("blocks") or []
        for where, element in elements_of(block)
    ]


def _block_of(block: dict, where: str) -> dict:
    parts = where.split("/")
    return block["child_blocks"][int(parts[2])] if parts[1] == "child_blocks" else block


def _label(block: dict, element: dict) -> str:
    for text in (element.get("text"), block.get("label"), element.get("placeholder")):
        if isinstance(text, dict):
            return str(text.get("text"))
    return "⋯" if element.get("type") == "overflow" else str(element.get("action_id"))


def _words(node: object) -> Iterator[str]:
    """Texts in reading order, without those inside menus, dialogs and values."""
    if isinstance(node, list):
        for inner in node:
            yield from _words(inner)
    elif isinstance(node, dict):
        yield from _own_words(node)


_READ_IN_ORDER = (
    "title",
    "label",
    "text",
    "fields",
    "rows",
    "elements",
    "child_blocks",
    "accessory",
    "element",
    "hint",
)


def _own_words(node: dict) -> Iterator[str]:
    kind = node.get("type")
    if kind == "overflow":
        yield "[⋯]"
    elif kind == "button":
        yield f"[{node['text']['text']}]"
    elif kind == "image" and node.get("alt_text"):
        yield f"({node['alt_text']})"
    elif isinstance(node.get("text"), str):
        yield node["text"]
    else:
        for name in _READ_IN_ORDER:
            yield from _words(node.get(name))
