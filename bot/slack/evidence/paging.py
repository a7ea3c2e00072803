"""Evidence cut into pages: nothing is left out, and no page is more than Slack takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from activities.slack.escape import pieces, units
from bot.slack.evidence.state import Start
from workflows.domain.alert import ImageEvidence, TextEvidence
from workflows.domain.evidence import AlertEvidence, is_hidden

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
