"""Screen reader output: the text of a message, then its blocks in order."""

import re
from collections.abc import Iterator

from tests.slack_shapes.sent import Json, Kind, Sent

_DATE = re.compile(r"<!date\^\d+\^[^|]*\|([^>]*)>")
_ORDER = ("title", "label", "text", "fields", "elements", "child_blocks", "accessory", "element")


def spoken(sent: Sent) -> Iterator[str]:
    """Yields lines; times are in Tokyo's zone."""
    for line in _lines(sent):
        yield from _DATE.sub(r"\1", line).split("\n")


def _lines(sent: Sent) -> Iterator[str]:
    if sent.kind in (Kind.MESSAGE, Kind.WORDS):
        yield f"text: {sent.text}"
    title = sent.frame.get("title")
    if title is not None:
        yield f"title: {title['text']}"
    for block in sent.blocks:
        if line := "".join(_words(block)):
            yield f"{_MARKS.get(block['type'], '')}{line}"
    for name in ("submit", "close"):
        if name in sent.frame:
            yield f"{name}: {sent.frame[name]['text']}"


_MARKS = {"header": "# ", "context": "~ "}


def _words(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for inner in node:
            yield from _words(inner)
    elif isinstance(node, dict):
        yield from _OWN.get(str(node.get("type")), _others)(node)


def _others(node: Json) -> Iterator[str]:
    if isinstance(node.get("text"), str):
        yield node["text"]
        return
    quote = "> " if node.get("type") == "rich_text_quote" else ""
    yield quote
    for name in _ORDER:
        yield from _words(node.get(name))
    if "hint" in node:
        yield f" ({node['hint']['text']})"


def _button(node: Json) -> Iterator[str]:
    style = f" {node['style']}" if "style" in node else ""
    yield f"[{node['text']['text']}{style}]"
    if "confirm" in node:
        asked = [node["confirm"][name]["text"] for name in ("title", "text", "confirm", "deny")]
        yield f"{{{' | '.join(asked)}}}"
    yield " "


def _choice(node: Json) -> Iterator[str]:
    first = f" {node['placeholder']['text']}:" if "placeholder" in node else ""
    options = [_option(each) for each in node.get("options", [])]
    shown = [*options[:8], *([f"+{len(options) - 8}"] if len(options) > 8 else [])]
    yield f" <{node['type']}{first} {' | '.join(shown)}>"


def _option(node: Json) -> str:
    more = f" ({node['description']['text']})" if "description" in node else ""
    return f"{node['text']['text']}{more}"


def _image(node: Json) -> Iterator[str]:
    yield f"({node['alt_text']})"


def _typed(node: Json) -> Iterator[str]:
    yield f" <{node['type']} {node.get('initial_value', '')}>".replace(" >", ">")


_OWN = {
    "button": _button,
    "image": _image,
    **dict.fromkeys(
        ("overflow", "static_select", "multi_static_select", "radio_buttons", "checkboxes"), _choice
    ),
    **dict.fromkeys(("plain_text_input", "users_select", "datetimepicker"), _typed),
}
