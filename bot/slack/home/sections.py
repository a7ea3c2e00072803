"""The home of one person, part by part: what waits for them comes first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from activities.slack import report_message as words
from activities.slack.drawing import context
from activities.slack.text.texts import Catalog
from bot.services.cases import CaseLine
from bot.services.team import OnCall
from bot.slack.drawing import Block, case_line, moment, section
from bot.slack.slash import oncall
from workflows.domain.numbers.model import Numbers
from workflows.domain.text import Language

MOST_LINES = 10
"""Of each list; a home holds 100 blocks (docs.slack.dev, views)."""
LANGUAGE = "home.language"
LIKE_SLACK = "slack"


def cases(
    key: str, lines: Sequence[CaseLine], texts: Catalog, base: str | None, now: datetime
) -> list[Block]:
    """A list of cases with how many there are."""
    rows = [section(case_line(line, texts, base, now)) for line in lines[:MOST_LINES]]
    more = len(lines) - MOST_LINES
    if more > 0:
        rows.append(section(texts.say("bot.queue.more", count=more)))
    nothing = [section(texts.say("bot.home.nothing"))]
    return [_header(f"{texts.say(key)} ({len(lines)})"), *(rows or nothing), _divider()]


def shift(on_call: OnCall, texts: Catalog) -> list[Block]:
    """Who is on shift now."""
    rows = "\n".join(oncall.now(on_call, texts))
    return [_header(texts.say("bot.home.shift")), section(rows), _divider()]


def today(numbers: Numbers, texts: Catalog) -> list[Block]:
    """The numbers since midnight; nothing that changes by the mere passing of time."""
    since = texts.say("bot.home.today.since", at=moment(numbers.since))
    rows = [
        since,
        words.flow(numbers, texts),
        words.now(numbers, texts),
        words.decisions(numbers, texts),
        words.in_time(numbers, texts),
        *words.speed(numbers, texts),
        words.protections(numbers, texts),
    ]
    return [_header(texts.say("bot.home.today")), section("\n".join(rows)), _divider()]


def language(chosen: Language | None, texts: Catalog) -> list[Block]:
    """The switch of the language in which a person reads Koban."""
    value = chosen.value if chosen is not None else LIKE_SLACK
    offered = {each: _option(each, texts) for each in (*Language, LIKE_SLACK)}
    select = {
        "type": "static_select",
        "action_id": LANGUAGE,
        "options": list(offered.values()),
        "initial_option": offered[value],
    }
    # Slack keeps what was picked in a block of the same id, also where it was not stored.
    shown = {**section(f"*{texts.say('bot.home.language')}*"), "block_id": f"{LANGUAGE}.{value}"}
    hint = context([texts.say("bot.home.language.hint")])
    return [{**shown, "accessory": select}, hint, _divider()]


def _option(value: str, texts: Catalog) -> dict[str, Any]:
    label = texts.say(f"bot.home.language.{value}")
    return {"text": {"type": "plain_text", "text": label}, "value": str(value)}


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


def _divider() -> Block:
    return {"type": "divider"}
