"""Pages of a case's evidence: nothing is left out, and every page fits Slack's limits."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Annotated, NamedTuple

from pydantic import Field
from slack_sdk.models.views import View

from activities.slack import handles
from activities.slack.blocks import beside, button, quote_whole
from activities.slack.blocks import section as lines
from activities.slack.escape import pieces, units
from activities.slack.evidence import about
from activities.slack.handles import Handle, PieceHandle
from activities.slack.handles import encode_piece as piece_value
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from bot.slack.interactions import Press, Unreadable
from bot.slack.modals.base import PagedModal
from bot.slack.modals.form import modal
from bot.slack.modals.metadata import MOST_CHARACTERS, Metadata, decode, metadata_for
from bot.slack.rendering import Block, page_buttons
from workflows.domain.alerts import AlertEvidence, ImageEvidence, TextEvidence, is_hidden

MOST_TRAIL = 200
"""Pages that can be turned back to; before them the list begins again."""
PART = 2_800
"""UTF-16 units of one quote: a section takes 3,000 (docs.slack.dev, section block)."""
ALERTS = 8
"""Alerts of one page."""
MOST_PIECES = 40
"""Pieces of one page: with a headline for each alert below the 100 blocks of a modal."""
MOST_UNITS = 12_000
"""UTF-16 units of one page: a view holds 250 KB, and a unit takes up to 6 bytes in JSON."""
REVEAL = "evidence.reveal"

_PLACE = re.compile(r"([0-9]{1,6})\.([0-9]{1,4})")


class Start(NamedTuple):
    """The beginning of a page: `skip` alerts before it, and the first piece of the next one."""

    skip: int = 0
    piece: int = 0

    def __str__(self) -> str:
        return f"{self.skip}.{self.piece}"


def read_start(written: str) -> Start | None:
    """The start that `str` wrote; None for anything else."""
    found = _PLACE.fullmatch(written)
    return None if found is None else Start(int(found[1]), int(found[2]))


class ListState(Metadata):
    """Metadata of the list.

    until: later alerts are left out, since they would shift the pages. trail: starts of the pages
    before this one.
    """

    until: datetime
    start: str = "0.0"
    trail: Annotated[tuple[str, ...], Field(max_length=MOST_TRAIL)] = ()

    @property
    def at(self) -> Start:
        """The start of the page."""
        return read_start(self.start) or Start()

    def turned_to(self, start: Start) -> "ListState":
        """The state of a later page."""
        trail = (*self.trail, self.start)[-MOST_TRAIL:]
        return self.model_copy(update={"start": str(start), "trail": trail})

    def turned_back(self) -> "ListState":
        """The state of the previous page; of the first one without a trail."""
        before = self.trail[-1] if self.trail else "0.0"
        return self.model_copy(update={"start": before, "trail": self.trail[:-1]})


def encode(state: ListState) -> str:
    """At most 3,000 characters; the oldest pages of the trail are dropped first."""
    trail = state.trail
    while True:
        kept = state.model_copy(update={"trail": trail})
        written = kept.model_dump_json(exclude_none=True, exclude_defaults=True)
        if len(written) <= MOST_CHARACTERS or not trail:
            return written
        trail = trail[len(trail) // 4 + 1 :]


@dataclass(frozen=True)
class Words:
    """A part of a text without restrictions."""

    text: str


@dataclass(frozen=True)
class Hidden:
    """A piece shown on request only; `item` is its index in the alert."""

    item: int
    image: bool
    sensitive: bool
    characters: int = 0


Piece = Words | Hidden


@dataclass(frozen=True)
class Part:
    """The pieces of one alert on a page; `continued` if they began on the page before."""

    alert: AlertEvidence
    pieces: tuple[Piece, ...]
    continued: bool = False


@dataclass(frozen=True)
class Page:
    """One page. `next` is the start of the following one, None on the last one."""

    parts: tuple[Part, ...]
    next: Start | None


def pieces_of(alert: AlertEvidence) -> Iterator[Piece]:
    """Everything of an alert, in its order; long texts in parts."""
    for number, item in enumerate(alert.evidence):
        if isinstance(item, ImageEvidence):
            yield Hidden(number, image=True, sensitive=item.sensitive)
        elif is_hidden(item):
            length = len(item.text.strip()) if isinstance(item, TextEvidence) else 0
            yield Hidden(number, image=False, sensitive=True, characters=length)
        else:
            yield from (Words(part) for part in pieces(item.text, PART))


def page_at(start: Start, alerts: Sequence[AlertEvidence], total: int) -> Page:
    """The page at `start`; `alerts` are those after its `skip`, of `total` in all."""
    parts: list[Part] = []
    free, words = MOST_PIECES, MOST_UNITS
    for number, alert in enumerate(alerts[:ALERTS]):
        first = start.piece if number == 0 else 0
        rest = tuple(pieces_of(alert))[first:]
        kept = _fitting(rest, free, words, forced=not parts)
        if rest and not kept:
            return Page(tuple(parts), Start(start.skip + number, first))
        parts.append(Part(alert, kept, continued=first > 0))
        if len(kept) < len(rest):
            return Page(tuple(parts), Start(start.skip + number, first + len(kept)))
        free -= len(kept) + 1
        words -= sum(map(_weight, kept))
    following = start.skip + len(parts)
    return Page(tuple(parts), Start(following) if parts and following < total else None)


def _fitting(rest: Sequence[Piece], free: int, words: int, forced: bool) -> tuple[Piece, ...]:
    """As many pieces as fit; at least one if `forced`."""
    kept: list[Piece] = []
    for each in rest:
        words -= _weight(each)
        free -= 1
        if (free < 0 or words < 0) and not (forced and not kept):
            break
        kept.append(each)
    return tuple(kept)


def _weight(piece: Piece) -> int:
    return units(piece.text) if isinstance(piece, Words) else 0


def list_view(page: Page, total: int, state: ListState, reader: Reader) -> View:
    """One page, alert by alert; hidden pieces are named and counted."""
    value = handles.encode(state.case, state.version)
    before = "0.0" if state.at != (0, 0) else None
    blocks = [
        lines([f"*{_which(page, total, state, reader)}*", _hiding(page, reader)]),
        *_parts(page, state, reader),
        *page_buttons("evidence", value, before, page.next, reader.texts, state.workflow_id),
    ]
    return modal("evidence_list", blocks, reader.texts, encode(state), submit=None)


def _which(page: Page, total: int, state: ListState, reader: Reader) -> str:
    first, last = state.at.skip + 1, state.at.skip + len(page.parts)
    if (first, last, page.next) == (1, total, None):
        return reader.say("evidence.all", count=total)
    return reader.say("evidence.range", first=first, last=last, total=total)


def _hiding(page: Page, reader: Reader) -> str:
    hidden = sum(isinstance(each, Hidden) for part in page.parts for each in part.pieces)
    return reader.say("evidence.hidden" if hidden else "evidence.hidden.none", count=hidden)


def _parts(page: Page, state: ListState, reader: Reader) -> Iterator[Block]:
    number = count()  # of the buttons: an action_id is unique in its view
    for part in page.parts:
        yield {"type": "divider"}
        more = [reader.say("evidence.alert.more")] if part.continued else []
        yield about(part.alert, reader, *more)
        if not part.alert.evidence:
            yield lines([reader.say("evidence.alert.none")])
        yield from (_piece(each, part, state, next(number), reader) for each in part.pieces)


def _piece(piece: Piece, part: Part, state: ListState, number: int, reader: Reader) -> Block:
    if not isinstance(piece, Hidden):
        return quote_whole(piece.text)
    value = piece_value(PieceHandle(state.case, state.version, piece.item, part.alert.key))
    show = button(f"{REVEAL}.{number}", reader.say("evidence.show"), value)
    return beside(_what(piece, reader), show)


def _what(piece: Hidden, reader: Reader) -> str:
    if not piece.image:
        return reader.say("evidence.hidden.text", count=piece.characters)
    return reader.say(f"evidence.hidden.{'sensitive_' if piece.sensitive else ''}image")


class EvidenceList(PagedModal):
    """The modal of the list; its state is in the modal's metadata."""

    modal = "evidence_list"
    pager = "evidence"

    async def _page(self, press: Press, aim: Handle, texts: Catalog) -> View | str:
        state = self._state(press, aim, texts)
        why = f"evidence, page {len(state.trail) + 1}"
        await self._record(press.source.person, "case", state.case, why)
        evidence = self._services.evidence
        found = await evidence.page(state.case, state.at.skip, ALERTS, state.until)
        page = page_at(state.at, found.alerts, found.total)
        if not page.parts:
            return texts.say("evidence.none")
        return list_view(page, found.total, state, Reader(texts=texts, zone=self._services.zone))

    def _state(self, press: Press, aim: Handle, texts: Catalog) -> ListState:
        if press.page is not None:
            state = decode(press.carried, ListState)
            start = read_start(press.page) if press.name.endswith(".next") else None
            return state.turned_back() if start is None else state.turned_to(start)
        if press.source.place is None:
            raise Unreadable("the list opens from a message")
        carried = metadata_for(aim, press.source.place, texts.language).model_dump()
        return ListState(**carried, until=self._now())
