"""Block Kit limits, with Slack's error messages and pointers."""

import pytest

from deploy.sandbox.slack.blockkit.blocks import Surface, check_blocks
from deploy.sandbox.slack.blockkit.views import check_view
from tests.sandbox.slack.tiny_bot import CARD, modal, option


def text(words: str, kind: str = "plain_text") -> dict:
    return {"type": kind, "text": words}


def button(**more: object) -> dict:
    return {"type": "button", "action_id": "a", "text": text("押す"), **more}


def section(**more: object) -> dict:
    return {"type": "section", "text": text("x", "mrkdwn"), **more}


def actions(*elements: dict) -> dict:
    return {"type": "actions", "elements": list(elements)}


def options(count: int) -> list[dict]:
    return [option(str(n), str(n)) for n in range(count)]


def confirm(**more: object) -> dict:
    base = {"title": text("確認"), "text": text("?"), "confirm": text("はい"), "deny": text("戻る")}
    return base | more


LESS = "must be less than {} characters"
FAULTY = [
    (section(text=text("x" * 3001, "mrkdwn")), "/0/text/text", LESS.format(3001)),
    (section(text=text("")), "/0/text/text", "must be more than 0 characters"),
    (section(fields=[text("x")] * 11), "/0/fields", "no more than 10 items allowed"),
    (section(fields=[text("x" * 2001)]), "/0/fields/0/text", LESS.format(2001)),
    (section(colour="red"), "/0", "invalid additional property: colour"),
    (section(block_id="b" * 256), "/0/block_id", LESS.format(256)),
    ({"type": "section"}, "/0", "must provide either text or fields"),
    ({"type": "header", "text": text("x" * 151)}, "/0/text/text", LESS.format(151)),
    ({"type": "header", "text": text("x", "mrkdwn")}, "/0/text/type", "unsupported type: mrkdwn"),
    ({"type": "header"}, "/0", "missing required field: text"),
    ({"type": "video"}, "/0/type", "unsupported type: video"),
    ({"type": "alert", "text": text("x")}, "/0/type", "unsupported type: alert"),
    (
        {"type": "context", "elements": [text("x")] * 11},
        "/0/elements",
        "no more than 10 items allowed",
    ),
    (actions(), "/0/elements", "no fewer than 1 items allowed"),
    (
        actions(*[button(action_id=str(n)) for n in range(26)]),
        "/0/elements",
        "no more than 25 items allowed",
    ),
    (actions(button(text=text("x" * 76))), "/0/elements/0/text/text", LESS.format(76)),
    (actions(button(value="x" * 2001)), "/0/elements/0/value", LESS.format(2001)),
    (actions(button(url="https://" + "x" * 3000)), "/0/elements/0/url", LESS.format(3001)),
    (actions(button(url="javascript:x")), "/0/elements/0/url", "must be a valid URL"),
    (
        actions(button(style="red")),
        "/0/elements/0/style",
        "must be a valid enum value: primary, danger",
    ),
    (actions(button(action_id="a" * 256)), "/0/elements/0/action_id", LESS.format(256)),
    (
        actions(button(confirm=confirm(title=text("x" * 101)))),
        "/0/elements/0/confirm/title/text",
        LESS.format(101),
    ),
    (
        actions(button(confirm=confirm(text=text("x" * 301)))),
        "/0/elements/0/confirm/text/text",
        LESS.format(301),
    ),
    (
        actions(button(confirm=confirm(deny=text("x" * 31)))),
        "/0/elements/0/confirm/deny/text",
        LESS.format(31),
    ),
    (
        actions({"type": "overflow", "options": options(6)}),
        "/0/elements/0/options",
        "no more than 5 items allowed",
    ),
    (
        actions({"type": "static_select", "options": options(101)}),
        "/0/elements/0/options",
        "no more than 100 items allowed",
    ),
    (
        actions({"type": "static_select", "options": [option("x", "v" * 151)]}),
        "/0/elements/0/options/0/value",
        LESS.format(151),
    ),
    (
        actions({"type": "radio_buttons", "options": options(11)}),
        "/0/elements/0/options",
        "no more than 10 items allowed",
    ),
    (
        actions({"type": "datepicker", "initial_date": "23/11/2026"}),
        "/0/elements/0/initial_date",
        "must match format: YYYY-MM-DD",
    ),
    (
        actions({"type": "plain_text_input"}),
        "/0/elements/0/type",
        "unsupported type: plain_text_input",
    ),
    (
        {"type": "image", "alt_text": "x"},
        "/0",
        "must provide exactly one of: image_url, slack_file",
    ),
    (
        actions(button(), button()),
        "/0/elements/1/action_id",
        '`action_id` "a" already exists for another action',
    ),
]


@pytest.mark.parametrize(("block", "where", "what"), FAULTY)
def test_each_limit_is_named_where_it_is_broken(block: dict, where: str, what: str):
    """One fault gives one message with its pointer."""
    assert check_blocks([block], Surface.MESSAGE) == [
        f"[ERROR] {what} [json-pointer:/blocks{where}]"
    ]


def test_what_koban_draws_passes():
    """A card, a modal, a container, a table and rich text are valid."""
    rich = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}],
    }
    table = {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}, rich]]}
    container = {"type": "container", "title": text("根拠"), "child_blocks": [section()]}
    assert check_blocks([*CARD, rich, table, container], Surface.MESSAGE) == []
    assert check_view(modal(), Surface.MODAL) == []


def test_a_message_holds_fifty_blocks_and_a_modal_a_hundred():
    """One more block is refused."""
    many = [section()] * 51
    assert check_blocks(many, Surface.MESSAGE) == [
        "[ERROR] no more than 50 items allowed [json-pointer:/blocks]"
    ]
    assert check_blocks(many, Surface.MODAL) == []
    assert check_blocks([section()] * 101, Surface.HOME) == [
        "[ERROR] no more than 100 items allowed [json-pointer:/blocks]"
    ]


def test_block_ids_are_unique():
    """The second use is the fault."""
    twice = [section(block_id="b"), section(block_id="b")]
    assert check_blocks(twice, Surface.MESSAGE) == [
        '[ERROR] `block_id` "b" already exists [json-pointer:/blocks/1/block_id]'
    ]


def test_one_action_id_may_stand_in_several_blocks():
    """Lists on App Home repeat their buttons, each in its own block."""
    assert check_blocks([actions(button()), actions(button())], Surface.HOME) == []


def test_alerts_belong_to_modals_and_tables_come_one_a_message():
    """These are rules of the surface."""
    alert = {"type": "alert", "text": text("注意"), "level": "warning"}
    assert check_blocks([alert], Surface.MODAL) == []
    table = {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}
    assert check_blocks([table, table], Surface.MESSAGE) == [
        "[ERROR] only one table allowed [json-pointer:/blocks/1]"
    ]


def test_a_list_that_is_none_is_refused():
    """Invalid JSON gives a message, not a crash."""
    assert check_blocks("x", Surface.MESSAGE) == [
        "[ERROR] must provide an array [json-pointer:/blocks]"
    ]
    assert check_blocks([None, {"type": ["x"]}, {}], Surface.MESSAGE) == [
        "[ERROR] must provide an object [json-pointer:/blocks/0]",
        "[ERROR] unsupported type: ['x'] [json-pointer:/blocks/1/type]",
        "[ERROR] missing required field: type [json-pointer:/blocks/2]",
    ]


def test_view_frames_have_their_own_limits():
    """Faults of title and metadata have a pointer below /view."""
    assert check_view(modal("x" * 25, private_metadata="x" * 3001), Surface.MODAL) == [
        "[ERROR] must be less than 3001 characters [json-pointer:/view/private_metadata]",
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]",
    ]
