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
_MADE_CODE = re.compile(rf"a[*~`]*`+{MARK}|{MARK}`+[*~`]*b")
_QUOTED = re.compile(rf"(?m)^\s*(?:>|&gt;)+ ?{MARK}")
_CODE = re.compile(r"`[^`\n]+`")
"""Code, in which Slack formats nothing and links no bare domain; it still parses `<…>`."""
_ADDRESS = re.compile(rf"(?i)https?://{MARK}|mailto:a@")
_LINKED = re.compile(rf"(?i)https?://{MARK}|{MARK}\.(?:com|example|jp)|mailto:a@")
_SHOUTED = re.compile(r"(?i)[@＠](?:here|channel|everyone)\b")
_EMOJI = re.compile(rf":{MARK}:")
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def harm(sent: Sent) -> Iterator[str]:
    """Returns markup that Slack would interpret, and deceptive characters."""
    for pointer, text in mrkdwn_texts(sent):
        yield from (f"{pointer}: {what}" for what in _interpreted_harm(text))
    kept = tuple(_kept(sent))
    formatted = {"/text", *(f"{pointer}/text" for pointer, _ in mrkdwn_texts(sent))}
    for pointer, text in every_text(sent):
        if pointer.startswith(kept):
            continue
        code = " ".join(_CODE.findall(text)) if pointer in formatted else ""
        plain = _CODE.sub("", text) if pointer in formatted else text
        for what, found, shown in (
            ("a link", _LINKED, plain),
            ("a link", _ADDRESS, code),
            ("hides something", _INVISIBLE, text),
        ):
            if match := found.search(shown):
                yield f"{pointer}: {what}: {match[0]!r}"


def _interpreted_harm(text: str) -> Iterator[str]:
    rest = _OURS.sub("", text)
    bare = _ENTITY.sub("", rest)
    if marks := re.search("[<>&]", bare):
        yield f"{marks[0]} that is no token of Koban's in {rest[:200]!r}"
    plain = _CODE.sub("", rest)
    for what, found, shown in (
        ("formatting", _FORMATTED, plain),
        ("formatting", _MADE_CODE, rest),
        ("a quotation", _QUOTED, plain),
        ("a mention", _SHOUTED, rest),
        ("an emoji", _EMOJI, plain),
    ):
        if match := found.search(shown):
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
