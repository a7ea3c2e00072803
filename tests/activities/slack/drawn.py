"""Text of a message, for comparisons."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from activities.slack.blocks import Message
from activities.slack.cards.case import case_card
from activities.slack.i18n.catalog import texts
from activities.slack.reader import Reader
from deploy.sandbox.slack.blockkit.blocks import Surface, check_blocks
from deploy.sandbox.slack.screen import visible_text
from workflows.domain.case.view import CardView
from workflows.domain.people import Role
from workflows.domain.values import Language

NAMES = {"U0SATO": "佐藤", "U0TANAKA": "田中"}
MENTIONS = {Role.SPECIALIST: "<!subteam^S0SHIFT>", Role.LEAD: "<!subteam^S0LEAD>"}
_DATE = re.compile(r"<!date\^\d+\^[^|]*\|([^>]*)>")


def reader(language: Language = Language.JA, names: dict[str, str] = NAMES) -> Reader:
    return Reader(texts(language), ZoneInfo("Asia/Tokyo"), names, MENTIONS)


def spoken(message: Message) -> str:
    """Text for screen readers, with times in Tokyo's zone."""
    return _DATE.sub(r"\1", message.text)


def seen(message: Message) -> list[str]:
    """Visible text, one line a block, with times in Tokyo's zone."""
    return _DATE.sub(r"\1", visible_text({"blocks": message.blocks})).split("\n")


def faults(message: Message) -> list[str]:
    """Faults that Slack would refuse."""
    found = check_blocks(message.blocks, Surface.MESSAGE)
    # chat.update, msg_too_long: 4,000 bytes.
    return [*found, *(["msg_too_long"] if len(message.text.encode()) > 4_000 else [])]


def pressable(message: Message) -> list[dict[str, Any]]:
    """Buttons and menus, in order."""
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [element for row in rows for element in row]


SHARED = ("ユーザー u_123: ", "User u_123: ", "スコア 0.97", "Score 0.97", "LINE ID")
"""First words of the lines that every card of these tests has."""


def body(view: CardView, language: Language) -> list[str]:
    """The card without the parts that all states share, within Slack's limits."""
    drawn = case_card(view, reader(language))
    assert faults(drawn) == []
    lines = "\n".join(seen(drawn)).split("\n")
    return [lines[0].split(" · ")[-1], *(x for x in lines[1:] if not x.startswith(SHARED))]
