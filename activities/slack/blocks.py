"""Block Kit blocks as data, cut to Slack's limits: https://docs.slack.dev/reference/block-kit."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from activities.slack.escape import one_line, plain, shorten, units

Block = dict[str, Any]

MOST_SECTION = 3000
MOST_HEADER = 150
MOST_BUTTON = 75
MOST_CONFIRM_TITLE = 100
MOST_CONFIRM_TEXT = 300
MOST_CONFIRM_BUTTON = 30
MOST_OPTION = 75
MOST_ALT = 2000
# chat.update refuses texts over 4,000 bytes (msg_too_long); a character takes up to 3 a unit.
MOST_TEXT = 1300
MOST_QUOTE = 500
NOTHING = "–"
"""Text in place of an empty one, for which Slack would refuse the whole message."""
MOST_LINES = 6
"""Lines of a quote: more would push the buttons off the screen."""


@dataclass(frozen=True)
class Message:
    """Arguments of chat.postMessage and chat.update; `text` is whole sentences of mrkdwn."""

    text: str
    blocks: list[Block]
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Characters of its blocks as JSON."""
        return len(json.dumps(self.blocks, ensure_ascii=False))


def fit(pieces: Iterable[str], between: str, limit: int) -> str:
    """Joins as many whole `pieces` as fit into `limit` UTF-16 units."""
    kept: list[str] = []
    room = limit
    for piece in pieces:
        cost = units(piece) + (units(between) if kept else 0)
        if cost > room:
            break
        kept.append(piece)
        room -= cost
    return between.join(kept)


def header(text: str) -> Block:
    """A large title line, as plain text."""
    return {"type": "header", "text": _plain_text(text, MOST_HEADER)}


def section(lines: Iterable[str]) -> Block:
    """Lines of escaped mrkdwn; lines that do not fit are left out."""
    return {"type": "section", "text": _mrkdwn(fit(lines, "\n", MOST_SECTION))}


def sections(lines: list[str]) -> list[Block]:
    """Many lines in sections of four, or of fewer long ones; a message has at most 50 blocks."""
    parts: list[list[str]] = []
    for line in lines:
        last = parts[-1] if parts else None
        if last is None or len(last) == 4 or units("\n".join([*last, line])) > MOST_SECTION:
            parts.append([line])
        else:
            last.append(line)
    return [section(part) for part in parts]


def context(facts: Iterable[str]) -> Block:
    """Small print of escaped mrkdwn, in one line."""
    return {"type": "context", "elements": [_mrkdwn(fit(facts, " · ", MOST_SECTION))]}


def strong(text: str) -> Block:
    """One bold line of rich text, in which Slack parses nothing, so ids stay as they are."""
    return _rich("rich_text_section", [{"type": "text", "text": text, "style": {"bold": True}}])


def quote(text: str) -> list[Block]:
    """A quote of external text, defanged and unparsed; none where nothing is visible."""
    *first, last = text.strip().split("\n", MOST_LINES - 1)
    shown = plain("\n".join([*first, one_line(last)]), MOST_QUOTE).strip()
    return [_rich("rich_text_quote", [{"type": "text", "text": shown}])] if shown else []


def quote_whole(part: str) -> Block:
    """A quote of one of `escape.pieces`."""
    return _rich("rich_text_quote", [{"type": "text", "text": part}])


def picture(file: str, alt: str) -> Block:
    """An image by the id of its Slack file; `alt` is for screen readers."""
    return {
        "type": "image",
        "slack_file": {"id": file},
        "alt_text": shorten(alt, MOST_ALT),
    }


def beside(text: str, element: dict[str, Any]) -> Block:
    """A line of escaped mrkdwn with a button."""
    return {**section([text]), "accessory": element}


def _rich(kind: str, elements: list[dict[str, Any]]) -> Block:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": elements}]}


def actions(block_id: str, elements: list[dict[str, Any]]) -> list[Block]:
    """A row of buttons; none without buttons."""
    if not elements:
        return []
    return [{"type": "actions", "block_id": block_id, "elements": elements}]


def button(
    action_id: str,
    label: str,
    value: str,
    style: str | None = None,
    confirm: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A button; `style` is `primary`, `danger` or None."""
    made: dict[str, Any] = {
        "type": "button",
        "action_id": action_id,
        "text": _plain_text(label, MOST_BUTTON),
        "value": value,
    }
    return {**made, **_given(style=style, confirm=confirm)}


def overflow(action_id: str, options: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The ⋯ menu: (label, value), at most five."""
    return {
        "type": "overflow",
        "action_id": action_id,
        "options": [
            {"text": _plain_text(label, MOST_OPTION), "value": value}
            for label, value in list(options)[:5]
        ],
    }


def confirm(title: str, text: str, yes: str, no: str, style: str | None = None) -> dict[str, Any]:
    """Confirmation dialog, as plain text."""
    asked = {
        "title": _plain_text(title, MOST_CONFIRM_TITLE),
        "text": _plain_text(text, MOST_CONFIRM_TEXT),
        "confirm": _plain_text(yes, MOST_CONFIRM_BUTTON),
        "deny": _plain_text(no, MOST_CONFIRM_BUTTON),
    }
    return {**asked, **_given(style=style)}


def metadata(event_type: str, **payload: object) -> dict[str, Any]:
    """Message metadata; only opaque ids, because the whole workspace can read it."""
    return {"event_type": event_type, "event_payload": payload}


def _plain_text(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": shorten(text, limit) or NOTHING, "emoji": False}


def _mrkdwn(text: str) -> dict[str, Any]:
    # verbatim: Slack makes no links or mentions out of plain words.
    return {"type": "mrkdwn", "text": text or NOTHING, "verbatim": True}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
