"""Rendering of lists, lines and page buttons: text from outside is escaped here."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from activities.slack.blocks import actions, button
from activities.slack.escape import mrkdwn, one_line, units
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from bot.services.cases import CaseLine
from bot.slack.replies import link
from workflows.domain.alerts import Subject
from workflows.domain.case.approval import Purpose
from workflows.domain.case.model import Phase


def masked(value: str) -> str:
    """`a***@…` for an e-mail address, else the first character and `***`."""
    if not value:
        return ""
    local, at, _ = value.partition("@")
    if at and local:
        return f"{local[0]}***@…"
    return f"{value[0]}***" if len(value) > 1 else "***"


Block = dict[str, Any]

SECTION = 3000
"""docs.slack.dev, section block: text; in UTF-16 units, as everywhere (activities.slack.escape)."""

_WAITS = {
    Purpose.UNDO: "undo_asked",
    Purpose.REVIEW: "reviewing",
    Purpose.RETRY: "retry_asked",
}
_PERSON = re.compile(r"[UW][A-Z0-9]{2,20}")


def section(text: str) -> Block:
    """One paragraph of escaped mrkdwn."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def sections(lines: Iterable[str]) -> list[Block]:
    """As few paragraphs as hold the lines; no line is cut, since that could break a link."""
    paragraphs: list[str] = []
    for line in lines:
        joined = f"{paragraphs[-1]}\n{line}" if paragraphs else line
        if paragraphs and units(joined) <= SECTION:
            paragraphs[-1] = joined
        elif line and units(line) <= SECTION:
            paragraphs.append(line)
    return [section(text) for text in paragraphs]


def safe(text: str, most: int = 200) -> str:
    """Text from outside, on one line."""
    return mrkdwn(one_line(text), most)


def person(who: str | None, texts: Catalog) -> str:
    """A mention of a person; the word for nobody if there is none."""
    if who is None:
        return texts.say("words.nobody")
    return f"<@{who}>" if _PERSON.fullmatch(who) else safe(who, 40)


def moment(at: datetime) -> str:
    """A time in each reader's own zone (docs.slack.dev, date formatting)."""
    fallback = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"


def case_name(line: CaseLine, base: str | None) -> str:
    """The id, as a link to the card where there is one."""
    address = link(base, line.card)
    return f"<{address}|{line.id}>" if address else line.id


def subject_name(subject: Subject, texts: Catalog) -> str:
    """`ユーザー u_123`, in the words of the cards."""
    return Reader(texts=texts, zone=UTC).subject(subject)


def about(line: CaseLine, texts: Catalog) -> str:
    """`外部誘導 · ユーザー u_123`."""
    return f"{safe(line.title.in_(texts.language), 100)} · {subject_name(line.subject, texts)}"


def case_line(line: CaseLine, texts: Catalog, base: str | None, now: datetime) -> str:
    """One case of a queue on one or two lines."""
    head = f"*{texts.say(f'severity.{line.severity}')}* · {case_name(line, base)}"
    return f"{head} · {about(line, texts)}\n{' · '.join(state(line, texts, now))}"


def case_rows(
    lines: Sequence[CaseLine], most: int, texts: Catalog, base: str | None, now: datetime
) -> list[Block]:
    """The first `most` cases of a queue, and how many more there are."""
    rows = [section(case_line(line, texts, base, now)) for line in lines[:most]]
    more = len(lines) - most
    return [*rows, section(texts.say("words.more", count=more))] if more > 0 else rows


def state(line: CaseLine, texts: Catalog, now: datetime) -> list[str]:
    """The state of a case: phase, hold or approval, owner, and due time."""
    return [
        texts.say(f"card.state.{line.phase}"),
        *_waits(line, texts),
        owner_words(line, texts),
        *due(line, texts, now),
    ]


def owner_words(line: CaseLine, texts: Catalog) -> str:
    """The owner of a case."""
    if line.owner is None:
        return texts.say("words.owner.nobody")
    return texts.say("words.owner", person=person(line.owner, texts))


def _waits(line: CaseLine, texts: Catalog) -> list[str]:
    """The hold of a case, or its pending undo or review."""
    if line.hold is not None and line.hold_until is not None:
        return [texts.say(f"words.hold.{line.hold}", at=moment(line.hold_until))]
    waits = _WAITS.get(line.purpose) if line.purpose is not None else None
    return [] if waits is None else [texts.say(f"card.state.{waits}")]


def due(line: CaseLine, texts: Catalog, now: datetime) -> list[str]:
    """The due time, marked if overdue."""
    if line.due is None or (line.phase is Phase.CLOSED and not line.approvers):
        return []
    shown = texts.say("words.due", time=moment(line.due))
    return [shown, f"*{texts.say('words.overdue')}*"] if line.due < now else [shown]


Position = object
"""A number or anything that `str` writes in digits and dots; read back as `Press.page`."""


def page_buttons(
    pager: str,
    of: str,
    before: Position | None,
    after: Position | None,
    texts: Catalog,
    block_id: str | None = None,
) -> list[Block]:
    """The row below a page, with values `{position}:{of}`; None for no page before or after."""
    shown: list[dict[str, Any]] = []
    for way, position in (("before", before), ("next", after)):
        if position is not None:
            words = texts.say(f"bot.page.{way}")
            shown.append(button(f"{pager}.page.{way}", words, f"{position}:{of}"))
    return actions(block_id or f"{pager}.page", shown)


def neighbours(first: int, size: int, total: int) -> tuple[int | None, int | None]:
    """The numbers of the pages before and after the one that begins at `first`, all from 0."""
    number = first // size
    return number - 1 if number > 0 else None, number + 1 if first + size < total else None
