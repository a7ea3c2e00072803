"""Layer 3, rules: uniqueness, placement and style."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deploy.sandbox.slack.blockkit.blocks import elements_of
from tests.slack_shapes.sent import Json, Kind, Sent

Faults = Iterator[str]

_COMMON = frozenset({"actions", "context", "divider", "header", "image", "rich_text", "section"})
# docs.slack.dev/reference/block-kit/blocks gives the surfaces of each block. Home keeps to
# the classic ones: newer clients first learn new blocks in messages.
PLACED = {
    Kind.MESSAGE: _COMMON | {"container", "context_actions", "file", "markdown", "table", "video"},
    Kind.MODAL: _COMMON | {"alert", "input", "video"},
    Kind.HOME: _COMMON | {"input", "video"},
    Kind.WORDS: frozenset(),
}


@dataclass(frozen=True)
class Rule:
    """A rule with its `source`; `faults` returns violations."""

    name: str
    source: str
    faults: Callable[[Sent], Faults]


def _blocks(sent: Sent) -> Iterator[tuple[str, Json]]:
    """Every block, including nested ones."""
    for index, block in enumerate(sent.blocks):
        yield f"/blocks/{index}", block
        for at, child in enumerate(block.get("child_blocks", [])):
            yield f"/blocks/{index}/child_blocks/{at}", child


def _allowed_on_its_surface(sent: Sent) -> Faults:
    for pointer, block in _blocks(sent):
        if block["type"] not in PLACED[sent.kind]:
            yield f"{pointer}: no {block['type']} in a {sent.kind}"


def _block_ids_are_unique(sent: Sent) -> Faults:
    named = Counter(b["block_id"] for _, b in _blocks(sent) if "block_id" in b)
    yield from (f"block_id {name} stands {n} times" for name, n in named.items() if n > 1)


def _action_ids_are_unique(sent: Sent) -> Faults:
    for pointer, block in _blocks(sent):
        named = Counter(e["action_id"] for _, e in elements_of(block) if "action_id" in e)
        yield from (f"{pointer}: action_id {n} twice" for n, times in named.items() if times > 1)


def _interactive_elements_have_an_action_id(sent: Sent) -> Faults:
    """Slack generates a missing action_id, which no listener handles."""
    for pointer, block in _blocks(sent):
        for where, element in elements_of(block):
            if element["type"] != "image" and "action_id" not in element:
                yield f"{pointer}{where}: no action_id"


def _option_values_are_unique(sent: Sent) -> Faults:
    for pointer, node in sent.nodes():
        values = Counter(option.get("value") for option in node.get("options", []))
        yield from (f"{pointer}: value {v} stands {n} times" for v, n in values.items() if n > 1)


def _what_is_chosen_is_offered(sent: Sent) -> Faults:
    for pointer, node in sent.nodes():
        chosen = [*([node["initial_option"]] if "initial_option" in node else [])]
        chosen += node.get("initial_options", [])
        if any(each not in node.get("options", []) for each in chosen):
            yield f"{pointer}: chosen at first, but not offered"


def _inputs_can_be_submitted(sent: Sent) -> Faults:
    inputs = any(block["type"] == "input" for block in sent.blocks)
    if sent.kind is Kind.MODAL and inputs and "submit" not in sent.frame:
        yield "fields without a button to submit them"


def _sections_say_something(sent: Sent) -> Faults:
    for pointer, block in _blocks(sent):
        if block["type"] == "section" and not (block.get("text") or block.get("fields")):
            yield f"{pointer}: neither text nor fields"


def _focus_is_in_one_place(sent: Sent) -> Faults:
    if sum(bool(node.get("focus_on_load")) for _, node in sent.nodes()) > 1:
        yield "two fields want the focus"


def _one_table(sent: Sent) -> Faults:
    if sum(block["type"] == "table" for _, block in _blocks(sent)) > 1:
        yield "more than one table"


def _metadata_is_opaque(sent: Sent) -> Faults:
    """Metadata is readable for the whole workspace: ids and numbers only."""
    for name, value in sent.metadata.get("event_payload", {}).items():
        if not isinstance(value, int) and not re.fullmatch(r"[A-Za-z0-9/:_.-]{1,160}", str(value)):
            yield f"metadata {name} is no opaque id"


def _buttons(sent: Sent) -> Iterator[tuple[str, Json]]:
    for pointer, block in _blocks(sent):
        for where, element in elements_of(block):
            if element["type"] == "button":
                yield pointer + where, element


def _one_button_is_first(sent: Sent) -> Faults:
    for pointer, block in _blocks(sent):
        first = [e for _, e in elements_of(block) if e.get("style") == "primary"]
        if len(first) > 1:
            yield f"{pointer}: {len(first)} primary buttons"


def _danger_asks_first(sent: Sent) -> Faults:
    """A button that opens a dialog or a modal ends with an ellipsis."""
    for pointer, button in _buttons(sent):
        asks = "confirm" in button or button["text"]["text"].endswith("…")
        if button.get("style") == "danger" and not asks:
            yield f"{pointer}: danger without a question"


def _mrkdwn_is_verbatim(sent: Sent) -> Faults:
    """Otherwise Slack turns plain words into links and mentions."""
    for pointer, node in sent.nodes():
        if node.get("type") == "mrkdwn" and node.get("verbatim") is not True:
            yield f"{pointer}: not verbatim"


def emoji_alone(sent: Sent) -> Faults:
    """Symbols without words, except in texts of policies and people."""
    for pointer, node in sent.nodes():
        if node.get("type") in ("mrkdwn", "plain_text") and not re.search(r"\w", node["text"]):
            yield f"{pointer}: no words in {node['text']!r}"


_BLOCK = "docs.slack.dev/reference/block-kit/blocks"
_ELEMENT = "docs.slack.dev/reference/block-kit/block-elements"
_HOUSE = "our own: what a good card is"

RULES = (
    Rule("every block stands where it may", _BLOCK, _allowed_on_its_surface),
    Rule("block ids are unique", f"{_BLOCK}: block_id", _block_ids_are_unique),
    Rule("action ids are unique in a block", f"{_ELEMENT}: action_id", _action_ids_are_unique),
    Rule("whatever acts has a name", _HOUSE, _interactive_elements_have_an_action_id),
    Rule("option values are unique", _HOUSE, _option_values_are_unique),
    Rule("what is chosen is offered", f"{_ELEMENT}: initial_option", _what_is_chosen_is_offered),
    Rule("inputs can be submitted", "docs.slack.dev/surfaces/modals", _inputs_can_be_submitted),
    Rule("sections say something", f"{_BLOCK}/section-block", _sections_say_something),
    Rule("the focus is in one place", f"{_ELEMENT}: focus_on_load", _focus_is_in_one_place),
    Rule("one table a message", f"{_BLOCK}/table-block", _one_table),
    Rule("metadata is opaque", _HOUSE, _metadata_is_opaque),
    Rule("one button is the first", _HOUSE, _one_button_is_first),
    Rule("danger asks first", _HOUSE, _danger_asks_first),
    Rule("mrkdwn is verbatim", _HOUSE, _mrkdwn_is_verbatim),
)


def rule_faults(sent: Sent) -> Faults:
    """Returns every violation."""
    for rule in RULES:
        yield from rule.faults(sent)
