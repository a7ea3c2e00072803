"""Layer 3: Slack's published limits, as a table with sources.

Slack does not document how it counts characters. The table counts UTF-16 units, which are never
fewer than characters, so that passing texts are valid either way.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from activities.slack.escape import units
from tests.slack_shapes.sent import Json, Sent

_BLOCKS = "docs.slack.dev/reference/block-kit/blocks"
_ELEMENTS = "docs.slack.dev/reference/block-kit/block-elements"
_OBJECTS = "docs.slack.dev/reference/block-kit/composition-objects"
_VIEWS = "docs.slack.dev/reference/views"
_METHODS = "docs.slack.dev/reference/methods"

Measure = Callable[[Any], int]


def length(text: str) -> int:
    """UTF-16 units."""
    return units(text)


def items(values: list[Any]) -> int:
    """Number of elements."""
    return len(values)


def number(value: int) -> int:
    """The number itself."""
    return value


def written(value: Any) -> int:
    """Bytes of JSON."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def escaped(text: str) -> int:
    """Length in bytes with &, < and > as entities, as chat.update counts."""
    grown = 4 * text.count("&") + 3 * (text.count("<") + text.count(">"))
    return len(text.encode()) + grown


@dataclass(frozen=True)
class Limit:
    """At most `most` and at least `least` of the value at `path` in every `of`.

    `of` is a `type`, a role (`option`, `confirm`, `option_group`), `message`, `modal` or `home`, or
    `any`. A path's `[]` stands for every item of a list.
    """

    of: str
    path: str
    most: int
    source: str
    measure: Measure = length
    least: int = 0

    @property
    def name(self) -> str:
        """`button.text.text`."""
        return f"{self.of}.{self.path}" if self.path else self.of


def _texts(of: str, source: str, **most: int) -> tuple[Limit, ...]:
    return tuple(Limit(of, f"{name}.text", limit, source, least=1) for name, limit in most.items())


_SECTION = f"{_BLOCKS}/section-block"
_CONTEXT = f"{_BLOCKS}/context-block"
_IMAGE = f"{_BLOCKS}/image-block"
_INPUT = f"{_BLOCKS}/input-block"
_TABLE = f"{_BLOCKS}/table-block"
_CONTAINER = f"{_BLOCKS}/container-block"
_BUTTON = f"{_ELEMENTS}/button-element"
_SELECT = f"{_ELEMENTS}/select-menu-element"
_MULTI = f"{_ELEMENTS}/multi-select-menu-element"
_OPTION = f"{_OBJECTS}/option-object"
_CONFIRM = f"{_OBJECTS}/confirmation-dialog-object"
_TYPED = f"{_ELEMENTS}/plain-text-input-element"

MESSAGES = (
    Limit("message", "blocks", 50, f"{_BLOCKS}: 50 in a message", items),
    # The text of a card has to fit into chat.update, which is how it changes.
    Limit("message", "text", 4_000, f"{_METHODS}/chat.update: msg_too_long", escaped, least=1),
    Limit("message", "metadata", 16_384, "docs.slack.dev/messaging/message-metadata", written),
    Limit("message", "metadata.event_type", 255, "docs.slack.dev/messaging/message-metadata"),
)
BLOCKS = (
    Limit("any", "block_id", 255, f"{_BLOCKS}: block_id", least=1),
    *_texts("section", _SECTION, text=3000),
    Limit("section", "fields", 10, _SECTION, items, least=1),
    Limit("section", "fields[].text", 2000, _SECTION, least=1),
    *_texts("header", f"{_BLOCKS}/header-block", text=150),
    Limit("context", "elements", 10, _CONTEXT, items, least=1),
    Limit("context", "elements[].text", 3000, _CONTEXT, least=1),
    Limit("actions", "elements", 25, f"{_BLOCKS}/actions-block", items, least=1),
    *_texts("input", _INPUT, label=2000, hint=2000),
    Limit("image", "alt_text", 2000, _IMAGE, least=1),
    Limit("image", "image_url", 3000, _IMAGE, least=1),
    *_texts("image", _IMAGE, title=2000),
    *_texts("alert", f"{_BLOCKS}/alert-block", text=200),
    Limit("markdown", "text", 12_000, f"{_BLOCKS}/markdown-block", least=1),
    Limit("table", "rows", 100, _TABLE, items, least=1),
    Limit("table", "rows[]", 20, _TABLE, items, least=1),
    Limit("container", "child_blocks", 10, _CONTAINER, items, least=1),
    *_texts("container", _CONTAINER, title=150, subtitle=150),
)
ELEMENTS = (
    Limit("any", "action_id", 255, f"{_ELEMENTS}: action_id", least=1),
    *_texts("button", _BUTTON, text=75),
    Limit("button", "value", 2000, _BUTTON),
    Limit("button", "url", 3000, _BUTTON, least=1),
    Limit("button", "accessibility_label", 75, _BUTTON, least=1),
    Limit("overflow", "options", 5, f"{_ELEMENTS}/overflow-menu-element", items, least=1),
    Limit("static_select", "options", 100, _SELECT, items, least=1),
    Limit("static_select", "option_groups", 100, _SELECT, items, least=1),
    Limit("multi_static_select", "options", 100, _MULTI, items, least=1),
    Limit("multi_static_select", "option_groups", 100, _MULTI, items, least=1),
    Limit("radio_buttons", "options", 10, f"{_ELEMENTS}/radio-button-group-element", items, 1),
    Limit("checkboxes", "options", 10, f"{_ELEMENTS}/checkboxes-element", items, 1),
    Limit("any", "placeholder.text", 150, f"{_ELEMENTS}: placeholder", least=1),
    Limit("plain_text_input", "initial_value", 3000, _TYPED),
    Limit("plain_text_input", "max_length", 3000, _TYPED, number, least=1),
)
OBJECTS = (
    Limit("plain_text", "text", 3000, f"{_OBJECTS}/text-object", least=1),
    Limit("mrkdwn", "text", 3000, f"{_OBJECTS}/text-object", least=1),
    *_texts("option", _OPTION, text=75, description=75),
    Limit("option", "value", 150, _OPTION, least=1),
    Limit("option", "url", 3000, _OPTION, least=1),
    *_texts("option_group", f"{_OBJECTS}/option-group-object", label=75),
    Limit("option_group", "options", 100, f"{_OBJECTS}/option-group-object", items, least=1),
    *_texts("confirm", _CONFIRM, title=100, text=300, confirm=30, deny=30),
)
VIEWS = tuple(
    limit
    for of in ("modal", "home")
    for limit in (
        Limit(of, "blocks", 100, _VIEWS, items, least=1),
        Limit(of, "private_metadata", 3000, _VIEWS),
        Limit(of, "callback_id", 255, _VIEWS),
        Limit(of, "external_id", 255, _VIEWS),
        Limit(of, "", 250 * 1024, f"{_METHODS}/views.open: view_too_large", written),
    )
) + _texts("modal", _VIEWS, title=24, submit=24, close=24)

LIMITS = (*MESSAGES, *BLOCKS, *ELEMENTS, *OBJECTS, *VIEWS)


def limit_faults(sent: Sent) -> Iterator[str]:
    """Returns every exceeded limit with its place."""
    for pointer, node, roles in _roles(sent):
        for limit in LIMITS:
            if limit.of in roles:
                for value in values_at(node, limit.path):
                    yield from _measured(limit, pointer, value)


def _measured(limit: Limit, pointer: str, value: Any) -> Iterator[str]:
    measured = limit.measure(value)
    if measured > limit.most:
        yield f"{pointer}: {limit.name} is {measured}, at most {limit.most}"
    if measured < limit.least:
        yield f"{pointer}: {limit.name} is {measured}, at least {limit.least}"


def _roles(sent: Sent) -> Iterator[tuple[str, Json, tuple[str, ...]]]:
    """Every object with its type, or its place."""
    for pointer, node in sent.nodes():
        if pointer == "":
            yield pointer, node, (sent.kind.value,)
        else:
            yield pointer, node, ("any", str(node.get("type")), _place(pointer, node))


_PLACES = {
    "options": "option",
    "initial_option": "option",
    "initial_options": "option",
    "option_groups": "option_group",
}


def _place(pointer: str, node: Json) -> str:
    *_, before, last = ["", *pointer.split("/")]
    name = before if last.isdigit() else last
    # A dialog's button is called as the dialog is.
    if name == "confirm":
        return "" if "type" in node else "confirm"
    return _PLACES.get(name, "")


def values_at(node: Any, path: str) -> Iterator[Any]:
    """The values at a path."""
    if not path:
        yield node
        return
    name, _, rest = path.partition(".")
    inner = node.get(name.removesuffix("[]")) if isinstance(node, dict) else None
    if inner is None:
        return
    for each in inner if name.endswith("[]") else [inner]:
        yield from values_at(each, rest)
