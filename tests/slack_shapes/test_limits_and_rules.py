"""Tests of the checkers: every limit and every rule is violated once."""

from typing import Any

import pytest

from tests.slack_shapes.limits import (
    LIMITS,
    Limit,
    escaped,
    items,
    length,
    limit_faults,
    number,
    written,
)
from tests.slack_shapes.rules import RULES, emoji_alone
from tests.slack_shapes.sent import Json, Kind, Sent


def text(words: str = "x", kind: str = "plain_text") -> Json:
    return {"type": kind, "text": words, **({"verbatim": True} if kind == "mrkdwn" else {})}


def option(**more: Any) -> Json:
    return {"text": text(), "value": "v", **more}


def button(**more: Any) -> Json:
    return {"type": "button", "action_id": "a", "text": text(), **more}


CONFIRM = {"title": text(), "text": text(), "confirm": text(), "deny": text()}
SAMPLES: dict[str, Json] = {
    "section": {"type": "section", "text": text(), "fields": [text()]},
    "header": {"type": "header", "text": text()},
    "context": {"type": "context", "elements": [text()]},
    "actions": {"type": "actions", "elements": [button()]},
    "input": {"type": "input", "label": text(), "hint": text(), "element": {"type": "x"}},
    "image": {"type": "image", "alt_text": "x", "image_url": "x", "title": text()},
    "alert": {"type": "alert", "text": text()},
    "markdown": {"type": "markdown", "text": "x"},
    "table": {"type": "table", "rows": [[text()]]},
    "container": {
        "type": "container",
        "title": text(),
        "subtitle": text(),
        "child_blocks": [{"type": "divider"}],
    },
    "button": button(value="v", url="u", accessibility_label="x"),
    "option": {"options": [option(description=text(), url="u")]},
    "option_group": {"option_groups": [{"label": text(), "options": [option()]}]},
    "confirm": {"confirm": CONFIRM},
    "plain_text_input": {"type": "plain_text_input", "initial_value": "x", "max_length": 9},
    "any": {"type": "x", "block_id": "b", "action_id": "a", "placeholder": text()},
    **{
        kind: {"type": kind, "options": [option()], "option_groups": [{"label": text()}]}
        for kind in (
            "overflow",
            "static_select",
            "multi_static_select",
            "radio_buttons",
            "checkboxes",
        )
    },
    "plain_text": text(),
    "mrkdwn": text(kind="mrkdwn"),
}


def built(limit: Limit, value: Any) -> Sent:
    """A minimal message or view with `value` at the place of `limit`."""
    if limit.of in (Kind.MESSAGE, Kind.MODAL, Kind.HOME):
        return _outermost(limit, value)
    node = SAMPLES[limit.of]
    inner, prefix = node, limit.path
    if limit.of == "option":
        inner = node["options"][0]
    elif limit.of == "option_group":
        inner = node["option_groups"][0]
    elif limit.of == "confirm":
        inner = node["confirm"]
    changed = _with(inner, prefix, value)
    holder = {
        "option": {"options": [changed]},
        "option_group": {"option_groups": [changed]},
        "confirm": {"confirm": changed},
    }.get(limit.of, changed)
    return Sent(Kind.MESSAGE, "text", (holder,))


def _outermost(limit: Limit, value: Any) -> Sent:
    of = Kind(limit.of)
    if limit.path == "blocks":
        return Sent(of, "text", tuple(value))
    if of is Kind.MESSAGE:
        name, _, rest = limit.path.partition(".")
        given = {rest: value} if rest else value
        text_ = given if name == "text" else "text"
        return Sent(of, text_, metadata=given if name == "metadata" else {})
    blocks = ({"type": "divider"},)
    if not limit.path:
        return Sent(of, blocks=blocks, frame={"type": limit.of, "x": value})
    return Sent(of, blocks=blocks, frame=_with({"type": limit.of}, limit.path, value))


def _with(node: Json, path: str, value: Any) -> Json:
    name, _, rest = path.partition(".")
    if name.endswith("[]"):
        name, inner = name[:-2], _with({}, rest, value) if rest else value
        return {**node, name: [inner]}
    held = node.get(name)
    inner = _with(held if isinstance(held, dict) else {}, rest, value) if rest else value
    return {**node, name: inner}


def amount(limit: Limit, size: int) -> Any:
    """A value of the given size."""
    if limit.measure is length:
        return "𠮷" * (size // 2) + "x" * (size % 2)
    if limit.measure is items:
        return [{"type": "divider"}] * size
    if limit.measure is number:
        return size
    if limit.measure is escaped:
        return "&" * (size // 5) + "x" * (size % 5)
    around = written({"type": limit.of, "x": "", "blocks": [{"type": "divider"}]})
    if limit.path == "metadata":
        return {"x": "x" * (size - written({"x": ""}))}
    return "x" * (size - around)


def broken(limit: Limit, sent: Sent) -> list[str]:
    return [fault for fault in limit_faults(sent) if f": {limit.name} is " in fault]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_each_limit_is_kept_and_broken(limit: Limit):
    """The limits themselves pass; one more or one less fails."""
    assert broken(limit, built(limit, amount(limit, limit.most))) == []
    over = broken(limit, built(limit, amount(limit, limit.most + 1)))
    assert [fault.partition(": ")[2] for fault in over] == [
        f"{limit.name} is {limit.most + 1}, at most {limit.most}"
    ]
    if limit.least:
        under = broken(limit, built(limit, amount(limit, limit.least - 1)))
        assert [fault.partition(": ")[2] for fault in under] == [
            f"{limit.name} is {limit.least - 1}, at least {limit.least}"
        ]


def test_every_limit_is_unique_and_has_a_source():
    """The source is a URL."""
    assert all(limit.source.startswith("docs.slack.dev/") for limit in LIMITS)
    assert len({limit.name for limit in LIMITS}) == len(LIMITS)


def message(*blocks: Json, **more: Any) -> Sent:
    return Sent(Kind.MESSAGE, "text", blocks, **more)


def modal(*blocks: Json, **frame: Any) -> Sent:
    return Sent(Kind.MODAL, blocks=blocks, frame={"type": "modal", **frame})


def actions(*elements: Json, **more: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **more}


def field(**more: Any) -> Json:
    return {"type": "input", "label": text(), "element": {"type": "x", "action_id": "a", **more}}


SELECT = {"type": "static_select", "action_id": "s", "options": [option()]}
TABLE = {"type": "table", "rows": [[text()]]}
AGAINST: dict[str, list[tuple[Sent, str]]] = {
    "every block stands where it may": [
        (message({"type": "alert", "text": text()}), "/blocks/0: no alert in a message"),
        (message(field()), "/blocks/0: no input in a message"),
        (modal(TABLE), "/blocks/0: no table in a modal"),
        (
            Sent(Kind.HOME, blocks=({"type": "container", "child_blocks": []},)),
            "/blocks/0: no container in a home",
        ),
    ],
    "block ids are unique": [
        (message(actions(block_id="b"), actions(block_id="b")), "block_id b stands 2 times"),
    ],
    "action ids are unique in a block": [
        (message(actions(button(), button())), "/blocks/0: action_id a twice"),
    ],
    "whatever acts has a name": [
        (
            message(actions({"type": "button", "text": text()})),
            "/blocks/0/elements/0: no action_id",
        ),
    ],
    "option values are unique": [
        (
            message(actions({**SELECT, "options": [option(), option()]})),
            "/blocks/0/elements/0: value v stands 2 times",
        ),
    ],
    "what is chosen is offered": [
        (
            message(actions({**SELECT, "initial_option": option(value="w")})),
            "/blocks/0/elements/0: chosen at first, but not offered",
        ),
        (
            message(actions({**SELECT, "initial_options": [option(value="w")]})),
            "/blocks/0/elements/0: chosen at first, but not offered",
        ),
    ],
    "inputs can be submitted": [(modal(field()), "fields without a button to submit them")],
    "sections say something": [
        (message({"type": "section", "fields": []}), "/blocks/0: neither text nor fields"),
    ],
    "the focus is in one place": [
        (
            modal(field(focus_on_load=True), field(focus_on_load=True), submit=text()),
            "two fields want the focus",
        ),
    ],
    "one table a message": [(message(TABLE, TABLE), "more than one table")],
    "metadata is opaque": [
        (
            message(metadata={"event_type": "x", "event_payload": {"name": "佐藤"}}),
            "metadata name is no opaque id",
        ),
    ],
    "one button is the first": [
        (
            message(
                actions(button(style="primary"), button(action_id="b", style="primary")),
            ),
            "/blocks/0: 2 primary buttons",
        ),
    ],
    "danger asks first": [
        (
            message(actions(button(style="danger"))),
            "/blocks/0/elements/0: danger without a question",
        ),
    ],
    "mrkdwn is verbatim": [
        (
            message({"type": "section", "text": {"type": "mrkdwn", "text": "x"}}),
            "/blocks/0/text: not verbatim",
        ),
    ],
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_is_broken_once(rule):
    """The sentence has the violation and its place."""
    for sent, told in AGAINST[rule.name]:
        assert list(rule.faults(sent)) == [told]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_lets_a_good_message_pass(rule):
    """A valid message has no faults."""
    asks = button(style="danger", confirm=CONFIRM)
    first = button(action_id="b", style="primary")
    opaque = {"event_type": "koban_case", "event_payload": {"case": "K7Q2F9XM0", "through": 3}}
    whole = message(
        {"type": "section", "text": text(kind="mrkdwn")},
        actions(asks, first, {**SELECT, "initial_option": option()}, block_id="b"),
        TABLE,
        metadata=opaque,
    )
    fields = modal(field(focus_on_load=True), submit=text())
    assert [*rule.faults(whole), *rule.faults(fields)] == []


def test_an_emoji_alone_is_found():
    """A colour without its word is a fault."""
    assert list(emoji_alone(message({"type": "header", "text": text("🔴")}))) == [
        "/blocks/0/text: no words in '🔴'"
    ]
