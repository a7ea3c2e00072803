"""Mentions in a text and its blocks, as Slack's clients highlight them.

Only mrkdwn and rich text mention; plain_text and escaped `&lt;` never do.
https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_TOKEN = re.compile(r"<(@[UWB][A-Z0-9]+|!subteam\^S[A-Z0-9]+|!channel|!here|!everyone)(\|[^>]*)?>")


class Cause(StrEnum):
    POSTED = "posted"
    EDITED = "edited"
    EPHEMERAL = "ephemeral"
    VIEW = "view"


@dataclass(frozen=True)
class Notification:
    """One mention: `target` as written (`<!channel>`, `<@U1>`, `<!subteam^S1>`)."""

    cause: Cause
    target: str
    users: tuple[str, ...]
    by: str
    channel: str
    ts: str
    text: str


def mentions_in(text: str, blocks: list[dict]) -> list[str]:
    """Every distinct mention in order: `<@U…>`, `<!subteam^S…>`, `<!channel>` and similar.

    The top-level text counts as mrkdwn even with blocks, because notifications are made from it.
    """
    found = [target for piece in _mrkdwn(text, blocks) for target in _tokens(piece)]
    found += [target for block in blocks for target in _rich(block)]
    return list(dict.fromkeys(found))


def _tokens(text: str) -> list[str]:
    return [f"<{match.group(1)}>" for match in _TOKEN.finditer(text)]


def _mrkdwn(text: str, blocks: list[dict]) -> Iterator[str]:
    yield text
    for node in _walk(blocks):
        if node.get("type") in ("mrkdwn", "markdown") and isinstance(node.get("text"), str):
            yield node["text"]


def _rich(block: dict) -> Iterator[str]:
    for node in _walk([block]):
        if node.get("type") == "user" and "user_id" in node:
            yield f"<@{node['user_id']}>"
        elif node.get("type") == "usergroup" and "usergroup_id" in node:
            yield f"<!subteam^{node['usergroup_id']}>"
        elif node.get("type") == "broadcast" and "range" in node:
            yield f"<!{node['range']}>"


def _walk(value: object) -> Iterator[dict]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)
