"""Injection checks: foreign text never mentions, links, formats or hides anything."""

import re
from collections.abc import Iterator

from tests.slack_shapes.sent import Kind, Sent
from tests.slack_shapes.words import MARK

PEOPLE = "U0SATO|U0TANAKA|U0SUZUKI|U0MORI|U0REED|U0CLARK"
_OURS = re.compile(
    r"<!date\^\d+\^[^|<>]*\|[^<>]*>"
    r"|<!subteam\^(?:S0SHIFT|S0LEAD)>"
    rf"|<@(?:{PEOPLE})>"
    r"|<https://koban-demo\.slack\.com/[^|<>]*\|[^<>]*>"
    r"|<https://rules\.example/4\.2\|[^<>]*>"
)
"""Markup that Koban itself uses."""
_ENTITY = re.compile(r"&(?:amp|lt|gt);")
_FORMATTED = re.compile(rf"a[*~`]+{MARK}|{MARK}[*~`]+b|a _{MARK}|{MARK}_ b")
_QUOTED = re.compile(rf"(?m)^\s*(?:>|&gt;)+ ?{MARK}")
_LINKED = re.compile(rf"(?i)https?://{MARK}|{MARK}\.(?:com|example|jp)|mailto:a@")
_SHOUTED = re.compile(r"(?i)[@＠](?:here|channel|everyone)\b")
_EMOJI = re.compile(rf":{MARK}:")
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def harm(sent: Sent) -> Iterator[str]:
    """Returns markup that Slack would interpret, and deceptive characters."""
    for pointer, text in mrkdwn_texts(sent):
        yield from (f"{pointer}: {what}" for what in _interpreted_harm(text))
    kept = tuple(_kept(sent))
    for pointer, text in every_text(sent):
        if pointer.startswith(kept):
            continue
        for what, found in (("a link", _LINKED), ("hides something", _INVISIBLE)):
            if match := found.search(text):
                yield f"{pointer}: {what}: {match[0]!r}"


def _interpreted_harm(text: str) -> Iterator[str]:
    rest = _OURS.sub("", text)
    bare = _ENTITY.sub("", rest)
    if marks := re.search("[<>&]", bare):
        yield f"{marks[0]} that is no token of Koban's in {rest[:200]!r}"
    for what, found in (
        ("formatting", _FORMATTED),
        ("a quotation", _QUOTED),
        ("a mention", _SHOUTED),
        ("an emoji", _EMOJI),
    ):
        if match := found.search(rest):
            yield f"{what}: {match[0]!r}"


def mrkdwn_texts(sent: Sent) -> Iterator[tuple[str, str]]:
    """The mrkdwn texts with their places, including a message's text."""
    if sent.kind is Kind.MESSAGE:
        yield "/text", sent.text
    for pointer, node in sent.nodes():
        if node.get("type") == "mrkdwn":
            yield pointer, node["text"]


def _kept(sent: Sent) -> Iterator[str]:
    """Preformatted texts, which Slack does not interpret."""
    for pointer, node in sent.nodes():
        if node.get("type") == "rich_text_preformatted":
            yield f"{pointer}/"


def every_text(sent: Sent) -> Iterator[tuple[str, str]]:
    """Every visible text."""
    if sent.text:
        yield "/text", sent.text
    for pointer, node in sent.nodes():
        if isinstance(node.get("text"), str) and "type" in node:
            yield f"{pointer}/text", node["text"]
