"""Completeness: every builder, state, button and modal is checked."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest

from activities.slack import handles
from activities.slack.actions import ACTIONS, MENU, MODALS, OPEN, POLICY_CONFIRM, find
from activities.slack.cards.approval import approval_card
from activities.slack.cards.case import case_card
from activities.slack.cards.case_facts import STATE_COLOUR, card_state
from activities.slack.i18n import catalog as module
from activities.slack.i18n.catalog import Catalog, texts
from activities.slack.thread import WORDS, people_of
from bot.slack.commands.automation import RESUME
from bot.slack.commands.buttons import ACTIONS as OF_ANSWERS
from bot.slack.commands.reveal import subject_pressed
from bot.slack.evidence.reveal import ACTIONS as OF_EVIDENCE
from bot.slack.home.view import LANGUAGE
from bot.slack.interactions import read_press
from bot.slack.manual.open import REPORT
from bot.slack.modals.decide import PREVIEWED
from tests.slack_shapes.registry import SURFACES
from tests.slack_shapes.scene import Scene
from tests.slack_shapes.sent import Kind, Sent
from tests.slack_shapes.stories import STORIES
from tests.slack_shapes.words import USUAL
from workflows.domain.case.approval import ApprovalState, Purpose
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import HoldKind, Phase
from workflows.domain.case.view import view_of
from workflows.domain.people import Role
from workflows.domain.values import Language

pytestmark = pytest.mark.long

ROOT = Path(module.__file__).parents[3]
FOLDERS = ("activities/slack", "bot/slack")
MADE = re.compile(r"\b(?:Message|View|Said)\b")

# What returns one of these and draws nothing by itself, or only from what others draw.
NOT_DRAWN = {
    "bot/slack/modals/form.py:modal": "the frame within every modal; called by each of them",
    "bot/slack/samples.py:storms": "samples for Slack itself; their own test checks them",
}
PAGERS = ("find", "related", "history", "timeline", "bulk", "evidence")
NOWHERE_PRESSED: dict[str, str] = {}
_KEPT = "for a turn after it that decides nothing; there is none today"
NEVER_SPOKEN: dict[str, str] = {
    "approval.state.pending": "what is waited for is drawn as a request, without its state",
    "card.rejected.decision.somebody": _KEPT,
    "evidence.seen": "a refusal with numbers of its own: the stories of evidence read it",
    "card.rejected.review.somebody": _KEPT,
    "card.withdrawn.decision.somebody": _KEPT,
    "notice.automated.decided": "in notices of automatic decisions, which have no form: their "
    "story reads it",
}


def builders() -> Iterator[str]:
    """Every public function of a module that returns a message, a view or an answer."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                made = isinstance(node, ast.FunctionDef) and node.returns is not None
                if made and MADE.search(ast.unparse(node.returns)) and node.name[0] != "_":
                    yield f"{name}:{node.name}"


class Drawn:
    """All drawn surfaces, and the functions that they called."""

    def __init__(self) -> None:
        self.called: set[str] = set()
        self.spoken: set[str] = set()
        self.sent: list[Sent] = []
        before = sys.gettrace()
        sys.settrace(self._note)
        try:
            for surface in SURFACES:
                self.sent += [sent for _, sent in surface.draw(Scene())]
        finally:
            sys.settrace(before)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        """Records calls."""
        self.called.add(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")
        if frame.f_code is Catalog.say.__code__:
            self.spoken.add(frame.f_locals["key"])

    def elements(self) -> Iterator[dict]:
        for sent in self.sent:
            yield from (node for _, node in sent.nodes() if "action_id" in node)

    def pressed(self) -> set[str]:
        """The action_ids outside of modals' fields, including menu entries."""
        found = set()
        for node in self.elements():
            if node["action_id"] == MENU:
                entries = (option["value"].partition(":")[0] for option in node["options"])
                found |= {f"case.{entry}" for entry in entries}
            elif node["type"] == "button":
                found.add(node["action_id"])
        return found

    def chosen(self) -> set[str]:
        """The action_ids of elements with `dispatch_action`."""
        found = set()
        for sent in self.sent:
            for _, node in sent.nodes():
                at_once = node.get("element") if node.get("dispatch_action") else None
                chosen = at_once or node.get("accessory") or {}
                found |= (
                    {chosen["action_id"]} if chosen.get("type") != "button" and chosen else set()
                )
        return found

    def callbacks(self) -> set[str]:
        return {sent.frame["callback_id"] for sent in self.sent if sent.kind is Kind.MODAL}


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return Drawn()


def test_every_builder_is_called(drawn: Drawn):
    """Another builder needs a surface in registry.py."""
    called = {each.removeprefix(f"{ROOT}/") for each in drawn.called}
    left_out = set(builders()) - called - NOT_DRAWN.keys()
    assert sorted(left_out) == []
    assert NOT_DRAWN.keys() <= set(builders())


def test_every_button_with_a_listener_is_drawn(drawn: Drawn):
    """An action without a button is dead code, or a surface is missing."""
    drawn_presets = {"case.preset", "case.confirm_preset"}
    turns = {f"{pager}.page.{way}" for pager in PAGERS for way in ("before", "next")}
    heard = ACTIONS.keys() - drawn_presets | turns
    assert sorted(heard - drawn.pressed() - NOWHERE_PRESSED.keys()) == []


def test_every_button_has_a_listener(drawn: Drawn):
    """Slack shows an error for a button without a listener."""
    deaf = [name for name in drawn.pressed() if not _listened_to(name)]
    assert sorted(deaf) == []


def _listened_to(name: str) -> bool:
    if find(name) is not None or OF_EVIDENCE.fullmatch(name):
        return True
    return name.partition(".page.")[0] in PAGERS


def test_every_dispatching_field_has_a_listener(drawn: Drawn):
    """No other field dispatches actions."""
    assert drawn.chosen() == {LANGUAGE, *PREVIEWED}


SAYING = {
    "all",
    "evidence_list",
    "evidence_piece",
    "revealed",
    "bulk_list",
    "said",
    "timeline",
}
"""Modals without a submission."""


def test_every_modal_that_comes_back_is_drawn(drawn: Drawn):
    """Every modal with a command is drawn, and the modals without input."""
    listened = {name for name, action in MODALS.items() if action.command}
    listened |= {"reveal", "open_case", REPORT}
    assert sorted(listened - drawn.callbacks()) == []
    assert drawn.callbacks() - listened == SAYING


def test_every_press_carries_its_case(drawn: Drawn):
    """The value is `case:version`, the block_id the workflow id."""
    for sent in drawn.sent:
        for _, block in sent.nodes():
            if block.get("type") != "actions" or "block_id" not in block:
                continue
            for element in block["elements"]:
                for value in _values(element):
                    assert _readable(str(element["action_id"]), value, block["block_id"]), element


def _readable(name: str, value: str, workflow_id: str) -> bool:
    """True if the listener can parse the click's target."""
    if name.startswith("appeal.") or name == RESUME or OF_EVIDENCE.fullmatch(name):
        return True
    if name == POLICY_CONFIRM:
        return value.isdecimal()
    if name == OPEN:
        return re.fullmatch(r"K[0-9A-HJKMNP-TV-Z]{8}", value) is not None
    if name.startswith("lookup."):
        return subject_pressed(value) is not None
    if name != MENU:
        action = {"action_id": name, "value": value, "block_id": workflow_id}
        press = read_press({"actions": [action]})
        if OF_ANSWERS.fullmatch(name):
            return press.page is not None
        value = press.value
    return handles.decode(value, workflow_id) is not None


def _values(element: dict) -> list[str]:
    if element["type"] == "button":
        return [element["value"]]
    return [option["value"].partition(":")[2] for option in element.get("options", [])]


VIEWS = [view_of(tell(USUAL).case) for tell in STORIES.values()]
CASES = [tell(USUAL) for tell in STORIES.values()]


def test_every_status_of_a_case_is_drawn():
    """A card has each status and colour."""
    assert {card_state(view) for view in VIEWS} == set(STATE_COLOUR)


def test_every_enum_value_is_drawn():
    """Phases, holds, purposes, and results of approvals and actions are drawn."""
    assert {view.phase for view in VIEWS} == set(Phase)
    assert {view.hold.kind for view in VIEWS if view.hold} == set(HoldKind)
    approvals = [view.approval for view in VIEWS if view.approval]
    assert {approval.purpose for approval in approvals} == set(Purpose)
    assert {approval.state for approval in approvals} == set(ApprovalState)
    actions = {action.status for story in CASES for action in story.case.actions}
    assert actions == set(ActionStatus)
    assert {view.next_step.role for view in VIEWS if view.next_step} <= {None, *Role}


def test_every_thread_line_is_drawn():
    """The catalogs' thread lines are all drawn."""
    told = {type(each.event) for story in CASES for each in story.recorded}
    assert sorted(event.__name__ for event in WORDS if event not in told) == []


def test_every_key_is_drawn(drawn: Drawn):
    """A surface draws each key of the catalogs."""
    unread = texts(Language.JA).keys - drawn.spoken
    assert sorted(unread ^ NEVER_SPOKEN.keys()) == []


class Asked(dict[str, str]):
    """Names of people that notes for whom a card asks."""

    def get(self, person: str, default: object = None) -> object:
        """Notes the id."""
        self[person] = person
        return default


@pytest.mark.parametrize("state", STORIES)
def test_the_names_on_a_card_are_looked_up(state: str) -> None:
    """A card draws nobody whose name was not fetched for it."""
    view = view_of(STORIES[state](USUAL).case)
    asked = Asked()
    reader = replace(Scene().reader, names=asked)
    case_card(view, reader)
    if view.approval is not None and view.decision is not None:
        approval_card(view, view.approval, view.decision, reader, None)
    assert set(asked) <= set(people_of(view, ()))
