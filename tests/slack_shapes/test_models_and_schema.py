"""Tests of the models and schema layers."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.slack_shapes.models import model_faults
from tests.slack_shapes.schema import SCHEMA, schema_faults
from tests.slack_shapes.sent import Json, Kind, Sent

SECTION: Json = {"type": "section", "text": {"type": "mrkdwn", "text": "x", "verbatim": True}}
MODAL: Json = {"type": "modal", "title": {"type": "plain_text", "text": "x"}}


def message(*blocks: Json) -> Sent:
    return Sent(Kind.MESSAGE, "text", blocks)


def modal(*blocks: Json, **frame: Any) -> Sent:
    return Sent(Kind.MODAL, blocks=blocks, frame={**MODAL, **frame})


def test_a_good_message_and_a_good_modal_pass_both():
    """A valid message has no faults."""
    for sent in (message(SECTION), modal(SECTION)):
        assert [*model_faults(sent), *schema_faults(sent)] == []


def test_a_block_that_the_sdk_skips_is_found():
    """`Block.parse` would drop it silently."""
    assert list(model_faults(message({"type": "sectoin"}))) == [
        "/blocks/0: slack_sdk does not know a block of type sectoin"
    ]


def test_a_key_that_the_sdk_does_not_keep_is_found():
    """Keys that are lost in the round trip are unknown to Slack."""
    assert list(model_faults(message({**SECTION, "colour": "red"}))) == [
        "/blocks/0: slack_sdk writes {'text': {'text': 'x', 'type': 'mrkdwn', 'verbatim': True}, "
        "'type': 'section'} at / and not {'type': 'section', 'text': {'type': 'mrkdwn', "
        "'text': 'x', 'verbatim': True}, 'colour': 'red'}"
    ]


def test_what_the_sdk_refuses_is_found():
    """The classes check their own limits."""
    long = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}
    assert list(model_faults(message(long))) == [
        "/blocks/0: text attribute cannot exceed 150 characters"
    ]


def _actions(element: Json) -> Json:
    return {"type": "actions", "elements": [element]}


_TEXT = {"type": "plain_text", "text": "x"}
_BUTTON = {"type": "button", "action_id": "a", "text": _TEXT}


@pytest.mark.parametrize(
    ("block", "told"),
    [
        (
            {**SECTION, "colour": "red"},
            "/blocks/0: Additional properties are not allowed ('colour' was unexpected)",
        ),
        (
            {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
            "/blocks/0/text/type: 'plain_text' was expected",
        ),
        (
            _actions({**_BUTTON, "style": "red"}),
            "/blocks/0/elements/0/style: 'red' is not one of ['primary', 'danger']",
        ),
        (
            _actions({**_BUTTON, "confirm": {"text": _TEXT, "title": _TEXT, "deny": _TEXT}}),
            "/blocks/0/elements/0/confirm: 'confirm' is a required property",
        ),
        (
            _actions({"type": "overflow", "action_id": "a", "options": [{"text": _TEXT}]}),
            "/blocks/0/elements/0/options/0: 'value' is a required property",
        ),
        (
            {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": ["x"]}]},
            "/blocks/0/elements/0/elements/0: 'x' is not of type 'object'",
        ),
    ],
)
def test_what_slacks_types_do_not_have_is_found(block: Json, told: str):
    """The fault has its place at any depth."""
    assert told in list(schema_faults(message(block)))


def test_a_type_that_slack_does_not_have_is_found():
    """It is found among the blocks of a message and of a modal."""
    for sent in (message({"type": "sectoin"}), modal({"type": "sectoin"})):
        (fault,) = schema_faults(sent)
        assert fault.startswith("/blocks/0/type: 'sectoin' is not one of ['actions', ")


def test_a_key_that_a_modal_does_not_have_is_found():
    """Slack would refuse the whole message."""
    assert list(schema_faults(modal(SECTION, callback="x"))) == [
        ": Additional properties are not allowed ('callback' was unexpected)"
    ]


def test_whole_numbers_are_whole():
    """The types only have numbers."""
    element = {"type": "plain_text_input", "action_id": "a", "max_length": 1.5}
    field = {"type": "input", "label": _TEXT, "element": element}
    assert list(schema_faults(modal(field))) == [
        "/blocks/0/element/max_length: 1.5 is not of type 'integer'"
    ]


def test_the_schema_is_closed_and_says_where_it_is_from():
    """A misspelt key fails in every object; nothing in it leads to a download."""
    definitions = SCHEMA["definitions"].values()
    objects = [one for one in definitions if "properties" in one and "allOf" not in one]
    assert len(objects) > 60
    assert all(one["additionalProperties"] is False for one in objects)
    assert SCHEMA["$comment"] == "@slack/types 3.2.0, MIT licence"
    written = json.dumps(SCHEMA)
    assert written.count("://") == written.count("://json-schema.org/")
    script = (Path(__file__).parent / "make_schema.mjs").read_text(encoding="utf-8")
    assert "const TYPES = '3.2.0'" in script
