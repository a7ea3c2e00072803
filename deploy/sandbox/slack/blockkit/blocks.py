"""Layout blocks and the check of a whole list of them.

Limits: https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from deploy.sandbox.slack.blockkit.elements import (
    FILE_INPUT,
    IMAGE,
    IN_ACTIONS,
    IN_CONTEXT_ACTIONS,
    IN_INPUT,
    IN_SECTION,
)
from deploy.sandbox.slack.blockkit.objects import SLACK_FILE, any_text, exactly_one, plain
from deploy.sandbox.slack.blockkit.shape import (
    Check,
    Spot,
    anything,
    boolean,
    integer,
    items,
    one_of,
    shape,
    string,
    tagged,
    url,
)


class Surface(StrEnum):
    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"


MOST_BLOCKS = {Surface.MESSAGE: 50, Surface.MODAL: 100, Surface.HOME: 100}
# One message's markdown blocks together: docs.slack.dev, markdown block.
MOST_MARKDOWN = 12_000


def block(
    required: Mapping[str, Check] | None = None,
    optional: Mapping[str, Check] | None = None,
    also: Check | None = None,
) -> Check:
    return shape(
        {"type": string(), **(required or {})}, {"block_id": string(255), **(optional or {})}, also
    )


def _text_or_fields(value: object, spot: Spot) -> None:
    if isinstance(value, dict) and not (value.get("text") or value.get("fields")):
        spot.fault("must provide either text or fields")


def _input(kinds: Mapping[str, Check]) -> Check:
    return block(
        {"label": plain(2000), "element": tagged(kinds)},
        {"hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    )


_RICH_PART = one_of(
    "rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"
)


def _rich_part(value: object, spot: Spot) -> None:
    if not isinstance(value, dict):
        spot.fault("must provide an object")
        return
    _RICH_PART(value.get("type"), spot.at("type"))
    items(anything, least=0)(value.get("elements"), spot.at("elements"))


RICH_TEXT = block({"elements": items(_rich_part, least=0)})
_CELL = tagged(
    {
        "raw_text": shape({"type": string(), "text": string()}),
        "raw_number": shape({"type": string(), "value": anything}, {"text": string()}),
        "rich_text": RICH_TEXT,
    }
)
_COLUMN = shape({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean})

COMMON: dict[str, Check] = {
    "section": block(
        {},
        {
            "text": any_text(3000),
            "fields": items(any_text(2000), most=10),
            "accessory": tagged(IN_SECTION),
            "expand": boolean,
        },
        _text_or_fields,
    ),
    "header": block({"text": plain(150)}, {"level": integer(1, 4)}),
    "divider": block(),
    "context": block(
        {
            "elements": items(
                tagged({"image": IMAGE, "mrkdwn": any_text(3000), "plain_text": plain(3000)}),
                most=10,
            )
        }
    ),
    "actions": block({"elements": items(tagged(IN_ACTIONS), most=25)}),
    "image": block(
        {"alt_text": string(2000)},
        {"image_url": url(), "slack_file": SLACK_FILE, "title": plain(2000)},
        exactly_one("image_url", "slack_file"),
    ),
    "rich_text": RICH_TEXT,
}
_CONTAINED = tagged(COMMON)
ONLY_IN_MESSAGES: dict[str, Check] = {
    "input": _input(IN_INPUT),
    "file": block({"external_id": string(), "source": one_of("remote")}),
    "context_actions": block({"elements": items(tagged(IN_CONTEXT_ACTIONS), most=5)}),
    "markdown": block({"text": string(MOST_MARKDOWN)}),
    "table": block(
        {"rows": items(items(_CELL, most=20), most=100)},
        {"column_settings": items(anything, most=20, least=0)},
    ),
    "container": block(
        {"child_blocks": items(_CONTAINED, most=10)},
        {
            "title": plain(150),
            "rich_text_title": RICH_TEXT,
            "subtitle": any_text(150),
            "width": one_of("narrow", "standard", "wide", "full"),
            "icon": tagged({"image": IMAGE}),
            "is_collapsible": boolean,
            "default_collapsed": boolean,
            "has_header_divider": boolean,
        },
    ),
}
_ALERT = block(
    {"text": any_text(200)},
    {"level": one_of("default", "info", "warning", "error", "success")},
)
BLOCKS: dict[Surface, dict[str, Check]] = {
    Surface.MESSAGE: {**COMMON, **ONLY_IN_MESSAGES},
    Surface.MODAL: {
        **COMMON,
        "input": _input({**IN_INPUT, "file_input": FILE_INPUT}),
        "alert": _ALERT,
    },
    Surface.HOME: {**COMMON, "input": _input(IN_INPUT)},
}


def check_blocks(blocks: object, surface: Surface, pointer: str = "/blocks") -> list[str]:
    """Faults of a block list in Slack's words (`response_metadata.messages`), [] if valid.

    `video`, `call` and other block types that need more scopes or a richer client are refused
    as unsupported.
    """
    spot = Spot(pointer)
    items(tagged(BLOCKS[surface]), most=MOST_BLOCKS[surface], least=0)(blocks, spot)
    if isinstance(blocks, list):
        dicts = [(i, b) for i, b in enumerate(blocks) if isinstance(b, dict)]
        _unique_block_ids(dicts, spot)
        _unique_action_ids(dicts, spot)
        _once_a_message(dicts, spot)
    return spot.faults


Numbered = list[tuple[int, dict]]


def _unique_block_ids(blocks: Numbered, spot: Spot) -> None:
    seen: set[object] = set()
    for index, one in blocks:
        name = one.get("block_id")
        if isinstance(name, str) and name in seen:
            spot.at(index).at("block_id").fault(f'`block_id` "{name}" already exists')
        seen.add(name if isinstance(name, str) else None)


def _unique_action_ids(blocks: Numbered, spot: Spot) -> None:
    for index, one in blocks:
        seen: set[str] = set()
        for where, item in elements_of(one):
            name = item.get("action_id")
            if isinstance(name, str) and name in seen:
                spot.at(f"{index}{where}/action_id").fault(
                    f'`action_id` "{name}" already exists for another action'
                )
            seen.add(str(name))


def _once_a_message(blocks: Numbered, spot: Spot) -> None:
    tables = [index for index, one in blocks if one.get("type") == "table"]
    for index in tables[1:]:
        spot.at(index).fault("only one table allowed")
    texts = [str(one.get("text")) for _, one in blocks if one.get("type") == "markdown"]
    if len(texts) > 1 and sum(map(len, texts)) > MOST_MARKDOWN:
        spot.fault(f"markdown blocks must be less than {MOST_MARKDOWN + 1} characters together")


def elements_of(block: dict) -> Iterator[tuple[str, dict]]:
    """(pointer within the block, element) of every interactive element."""
    for name in ("accessory", "element"):
        if isinstance(block.get(name), dict):
            yield f"/{name}", block[name]
    if block.get("type") in ("actions", "context_actions") and isinstance(
        block.get("elements"), list
    ):
        for index, item in enumerate(block["elements"]):
            if isinstance(item, dict):
                yield f"/elements/{index}", item
    if isinstance(block.get("child_blocks"), list):
        for index, child in enumerate(block["child_blocks"]):
            if isinstance(child, dict):
                for where, item in elements_of(child):
                    yield f"/child_blocks/{index}{where}", item


def unpacked(blocks: list[dict]) -> list[dict]:
    """The blocks, with containers replaced by their contents."""
    return [inner for block in blocks for inner in block.get("child_blocks", [block])]
