"""Pages of a case's evidence: nothing is left out, and no page is more than Slack takes."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Annotated, Any, NamedTuple

import structlog
from pydantic import Field, ValidationError

from activities.errors import Unavailable
from activities.ledger.evidence import AlertsPage
from activities.slack import handles
from activities.slack.blocks import actions, beside, button, quote_whole
from activities.slack.blocks import section as lines
from activities.slack.escape import pieces, units
from activities.slack.evidence import about
from activities.slack.handles import Handle, PieceHandle
from activities.slack.handles import encode_piece as piece_value
from activities.slack.reader import Reader
from bot.services.cases import LookedUp
from bot.slack.context import Listener, SlackContext
from bot.slack.interactions import Press, Unreadable
from bot.slack.modals.metadata import MOST_CHARACTERS, Metadata, metadata_for
from bot.slack.permissions import EVERYBODY, UNKNOWN, holds, role_needed
from bot.slack.rendering import Block
from workflows.domain.alerts import AlertEvidence, ImageEvidence, TextEvidence, is_hidden

MOST_TRAIL = 200
"""Pages that can be turned back; further back it begins anew."""

_PLACE = re.compile(r"([0-9]{1,6})\.([0-9]{1,4})")


class Start(NamedTuple):
    """Where a page begins: behind so many alerts, and within the next one at this piece."""

    skip: int = 0
    piece: int = 0

    def __str__(self) -> str:
        return f"{self.skip}.{self.piece}"


def read_start(written: str) -> Start | None:
    """What `str` wrote, or None."""
    found = _PLACE.fullmatch(written)
    return None if found is None else Start(int(found[1]), int(found[2]))


class ListState(Metadata):
    """`until`: alerts that come later would shift the pages. `trail`: the pages before this one."""

    until: datetime
    start: str = "0.0"
    trail: Annotated[tuple[str, ...], Field(max_length=MOST_TRAIL)] = ()

    @property
    def at(self) -> Start:
        """Where the page begins."""
        return read_start(self.start) or Start()

    def turned_to(self, start: Start) -> "ListState":
        """The state of a page further on."""
        trail = (*self.trail, self.start)[-MOST_TRAIL:]
        return self.model_copy(update={"start": str(start), "trail": trail})

    def turned_back(self) -> "ListState":
        """The state of the page before; of the first one where none is known."""
        before = self.trail[-1] if self.trail else "0.0"
        return self.model_copy(update={"start": before, "trail": self.trail[:-1]})


def encode(state: ListState) -> str:
    """At most 3000 characters: pages far back are forgotten first."""
    trail = state.trail
    while True:
        kept = state.model_copy(update={"trail": trail})
        written = kept.model_dump_json(exclude_none=True, exclude_defaults=True)
        if len(written) <= MOST_CHARACTERS or not trail:
            return written
        trail = trail[len(trail) // 4 + 1 :]


def decode(written: str) -> ListState:
    """What `encode` wrote.

    Raises:
        Unreadable: for anything else.
    """
    try:
        return ListState.model_validate_json(written[:MOST_CHARACTERS])
    except ValidationError as error:
        raise Unreadable("not the state of a list of evidence") from error


PART = 2_800
"""UTF-16 units of one quote: a section takes 3,000 (docs.slack.dev, section block)."""
ALERTS = 8
"""Alerts of one page."""
MOST_PIECES = 40
"""Of one page: with a headline for each alert still below the 100 blocks of a modal."""
MOST_UNITS = 12_000
"""Words of one page: Slack takes 250 KB of a view, and a unit takes up to 6 bytes in JSON."""


@dataclass(frozen=True)
class Words:
    """A part of a text that everybody may read."""

    text: str


@dataclass(frozen=True)
class Hidden:
    """A piece that is shown only to whoever asks; `item` is its place in the alert."""

    item: int
    image: bool
    sensitive: bool
    characters: int = 0


Piece = Words | Hidden


@dataclass(frozen=True)
class Part:
    """What a page shows of one alert; `continued` where the page before has its beginning."""

    alert: AlertEvidence
    pieces: tuple[Piece, ...]
    continued: bool = False


@dataclass(frozen=True)
class Page:
    """One page. `next` is where the following one begins, None behind the last one."""

    parts: tuple[Part, ...]
    next: Start | None

    @property
    def hidden(self) -> int:
        """How many pieces the page hides."""
        return sum(isinstance(each, Hidden) for part in self.parts for each in part.pieces)


def pieces_of(alert: AlertEvidence) -> tuple[Piece, ...]:
    """Everything of an alert, in its order; long texts in parts."""
    return tuple(_pieces_of(alert))


def _pieces_of(alert: AlertEvidence) -> Iterator[Piece]:
    for number, item in enumerate(alert.evidence):
        if isinstance(item, ImageEvidence):
            yield Hidden(number, image=True, sensitive=item.sensitive)
        elif is_hidden(item):
            yield Hidden(number, image=False, sensitive=True, characters=_length(item))
        else:
            yield from (Words(part) for part in pieces(item.text, PART))


def _length(item: TextEvidence) -> int:
    return len(item.text.strip())


def page_at(start: Start, alerts: Sequence[AlertEvidence], total: int) -> Page:
    """The page that begins at `start`; `alerts` are those behind its `skip`, of `total` in all."""
    parts: list[Part] = []
    room, words = MOST_PIECES, MOST_UNITS
    for number, alert in enumerate(alerts[:ALERTS]):
        first = start.piece if number == 0 else 0
        rest = pieces_of(alert)[first:]
        kept = _fitting(rest, room, words, forced=not parts)
        if rest and not kept:
            return Page(tuple(parts), Start(start.skip + number, first))
        parts.append(Part(alert, kept, continued=first > 0))
        if len(kept) < len(rest):
            return Page(tuple(parts), Start(start.skip + number, first + len(kept)))
        room -= len(kept) + 1
        words -= sum(map(_weight, kept))
    following = start.skip + len(parts)
    return Page(tuple(parts), Start(following) if parts and following < total else None)


def _fitting(rest: Sequence[Piece], room: int, words: int, forced: bool) -> tuple[Piece, ...]:
    """As many pieces as there is room for; one at least where it is `forced`."""
    kept: list[Piece] = []
    for each in rest:
        words -= _weight(each)
        room -= 1
        if (room < 0 or words < 0) and not (forced and not kept):
            break
        kept.append(each)
    return tuple(kept)


def _weight(piece: Piece) -> int:
    return units(piece.text) if isinstance(piece, Words) else 0


CALLBACK = "evidence_list"
REVEAL = "evidence.reveal"
BEFORE, NEXT = "evidence.page.before", "evidence.page.next"

View = dict[str, Any]


def loading_view(reader: Reader) -> View:
    """What opens at once."""
    return sentence_view(reader.say("bot.modal.loading"), reader)


def sentence_view(text: str, reader: Reader) -> View:
    """Why there is nothing to see."""
    return _view([lines([text])], "", reader)


def list_view(page: Page, total: int, state: ListState, reader: Reader) -> View:
    """One page: alert by alert, with what is hidden named and counted."""
    if not page.parts:
        return sentence_view(reader.say("evidence.none"), reader)
    blocks = [
        lines([f"*{_which(page, total, state, reader)}*", _hiding(page, reader)]),
        *_parts(page, state, reader),
        *_turning(page, state, reader),
    ]
    return _view(blocks, encode(state), reader)


def _which(page: Page, total: int, state: ListState, reader: Reader) -> str:
    first, last = state.at.skip + 1, state.at.skip + len(page.parts)
    if (first, last, page.next) == (1, total, None):
        return reader.say("evidence.all", count=total)
    return reader.say("evidence.range", first=first, last=last, total=total)


def _hiding(page: Page, reader: Reader) -> str:
    if not page.hidden:
        return reader.say("evidence.hidden.none")
    return reader.say("evidence.hidden", count=page.hidden)


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


def _turning(page: Page, state: ListState, reader: Reader) -> list[Block]:
    handle, shown = handles.encode(state.case, state.version), []
    if state.at != (0, 0):
        shown.append(button(BEFORE, reader.say("bot.page.before"), handle))
    if page.next is not None:
        shown.append(button(NEXT, reader.say("bot.page.next"), f"{handle}:{page.next}"))
    return actions(CALLBACK, shown)


def _view(blocks: list[Block], carries: str, reader: Reader) -> View:
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": {"type": "plain_text", "text": reader.say("evidence.title")},
        "close": {"type": "plain_text", "text": reader.say("bot.modal.close")},
        "blocks": blocks,
        **({"private_metadata": carries} if carries else {}),
    }


READING = 8.0
"""Seconds that the ledger is given: the modal stands open already."""

_log = structlog.get_logger(__name__)


class EvidenceList(Listener):
    """The list: what everybody with a role may read, and what is hidden, counted."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._evidence = context.services.evidence

    async def open(self, press: Press, aim: Handle) -> None:
        """Opens the list of a case."""
        place = press.source.place
        if place is None:
            await self._screen.tell(press.source, "bot.press.unreadable")
            return
        reader = await self._reader(press.source.person)
        view_id = await self._screen.begin(press, loading_view(reader))
        if view_id is None:
            return
        carried = metadata_for(aim, place, reader.texts.language).model_dump()
        state = ListState(**carried, until=self._now())
        await self._fill(view_id, press.source.person, state, reader)

    async def turn(self, press: Press, state: ListState) -> None:
        """Turns from the page of `state` to the one that a button names."""
        start = read_start(press.value.rpartition(":")[2]) if press.name == NEXT else None
        turned = state.turned_back() if start is None else state.turned_to(start)
        reader = await self._reader(press.source.person)
        await self._fill(press.view, press.source.person, turned, reader)

    async def _fill(self, view_id: str, person: str, state: ListState, reader: Reader) -> None:
        view = await self._view(person, state, reader)
        await self._screen.redraw(view_id, view)

    async def _view(self, person: str, state: ListState, reader: Reader) -> dict[str, Any]:
        refused = await self._refused(person, reader)
        if refused is not None:
            return sentence_view(refused, reader)
        try:
            async with asyncio.timeout(READING):
                found = await self._page(person, state)
        except (Unavailable, TimeoutError) as error:
            _log.warning("evidence_not_listed", case=state.case, error=str(error))
            return sentence_view(reader.say("bot.slash.unavailable"), reader)
        return list_view(page_at(state.at, found.alerts, found.total), found.total, state, reader)

    async def _refused(self, person: str, reader: Reader) -> str | None:
        """Evidence is for the team; where nobody can tell who is of it, for nobody."""
        may = await holds(self._services.people, person, EVERYBODY)
        if may is None:
            return reader.say(UNKNOWN)
        return None if may else await role_needed(self._services.people, EVERYBODY, reader.texts)

    async def _page(self, person: str, state: ListState) -> AlertsPage:
        """The alerts of a page, after it was written down who looked."""
        why = f"evidence, page {len(state.trail) + 1}"
        note = LookedUp(by=person, kind="case", id=state.case, why=why, at=self._now())
        await self._services.ledger.looked_up(note)
        return await self._evidence.page(state.case, state.at.skip, ALERTS, state.until)

    async def _reader(self, person: str) -> Reader:
        texts = await self._texts(person)
        return Reader(texts=texts, zone=self._services.zone)
