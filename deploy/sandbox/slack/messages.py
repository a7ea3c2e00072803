"""Message store: post, edit, delete, find."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.sandbox.slack.blockkit.blocks import elements_of, unpacked
from deploy.sandbox.slack.blockkit.values import carried_over, initial_values
from deploy.sandbox.slack.model import Message


def with_ids(blocks: list[dict]) -> list[dict]:
    """Copies with the block_id and action_id that Slack generates for missing ones."""
    return [_with_ids(block) for block in blocks]


def _with_ids(block: dict) -> dict:
    named = {**block, "block_id": block.get("block_id") or secrets.token_urlsafe(4)}
    for name in ("accessory", "element"):
        if isinstance(named.get(name), dict):
            named[name] = _with_action_id(named[name])
    if named.get("type") in ("actions", "context_actions"):
        named["elements"] = [_with_action_id(item) for item in named["elements"]]
    if "child_blocks" in named:
        named["child_blocks"] = with_ids(named["child_blocks"])
    return named


def _with_action_id(element: dict) -> dict:
    if element.get("type") == "image" or element.get("action_id"):
        return element
    return {**element, "action_id": secrets.token_urlsafe(4)}


@dataclass
class Messages:
    clock: Callable[[], float] = time.time
    by_channel: dict[str, dict[str, Message]] = field(default_factory=dict)
    _last_ts: float = 0.0

    def next_ts(self) -> str:
        """Next timestamp, unique and increasing in the whole workspace."""
        self._last_ts = max(self.clock(), self._last_ts + 0.000001)
        text = f"{self._last_ts:.6f}"
        self._last_ts = float(text)
        return text

    def post(self, message: Message) -> Message:
        message.blocks = with_ids(message.blocks)
        message.values = initial_values(message.blocks)
        self.by_channel.setdefault(message.channel, {})[message.ts] = message
        return message

    def edit(self, message: Message, text: str, blocks: list[dict]) -> None:
        message.earlier.append(message.blocks)
        message.text, message.blocks = text, with_ids(blocks)
        message.values = carried_over(message.values, initial_values(message.blocks))
        message.edited_ts = self.next_ts()

    def delete(self, message: Message) -> None:
        """Deletes a message; a parent with replies stays as a tombstone, as in Slack."""
        message.deleted = True
        if message.ephemeral_to or not self.replies(message.channel, message.ts):
            del self.by_channel[message.channel][message.ts]

    def find(self, channel: str, ts: str) -> Message | None:
        return self.by_channel.get(channel, {}).get(ts)

    def visible(self, channel: str, ts: str) -> Message | None:
        """A message that everyone can see: not deleted, not ephemeral."""
        message = self.find(channel, ts)
        return None if message is None or message.deleted or message.ephemeral_to else message

    def all(self, channel: str) -> list[Message]:
        """All messages, oldest first."""
        return list(self.by_channel.get(channel, {}).values())

    def history(self, channel: str) -> list[Message]:
        return [
            m
            for m in self.all(channel)
            if not m.ephemeral_to and (not m.is_reply or m.broadcast) and not m.deleted
        ]

    def replies(self, channel: str, ts: str) -> list[Message]:
        return [
            m
            for m in self.all(channel)
            if m.thread_ts == ts and m.is_reply and not m.ephemeral_to and not m.deleted
        ]

    def seen_by(self, channel: str, user: str) -> list[Message]:
        return [m for m in self.all(channel) if m.ephemeral_to in (None, user)]


def find_element(message_blocks: list[list[dict]], block_id: str, wanted: dict) -> dict | None:
    """The element in the newest version that has it, and with the same value if one is given."""
    for blocks in message_blocks:
        for block in unpacked(blocks):
            if block.get("block_id") != block_id:
                continue
            for _, element in elements_of(block):
                if _same(element, wanted):
                    return element
    return None


def _same(element: dict, wanted: dict) -> bool:
    if element.get("action_id") != wanted.get("action_id"):
        return False
    value = wanted.get("value")
    return element.get("type") != "button" or value is None or element.get("value") == value
