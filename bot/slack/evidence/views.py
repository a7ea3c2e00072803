"""The list of a case's evidence, as it is read."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from activities.slack import handles
from activities.slack.drawing import actions, beside, button, quote_whole
from activities.slack.drawing import section as lines
from activities.slack.evidence import about
from activities.slack.handles import PieceHandle
from activities.slack.handles import encode_piece as piece_value
from activities.slack.reader import Reader
from bot.slack.drawing import Block
from bot.slack.evidence.paging import Hidden, Page, Part, Piece
from bot.slack.evidence.state import ListState, encode

CALLBACK = "evidence_list"
REVEAL = "evidence.reveal"
BEFORE, NEXT = "evidence.page.before", "evidence.page.next"

View = dict[str, Any]


def loading_view(reader: Reader) -> View:
    """What opens at once."""
    return sentence_view(reader.say("evidence.loading"), reader)


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
        shown.append(button(BEFORE, reader.say("evidence.before"), handle))
    if page.next is not None:
        shown.append(button(NEXT, reader.say("evidence.next"), f"{handle}:{page.next}"))
    return actions(CALLBACK, shown)


def _view(blocks: list[Block], carries: str, reader: Reader) -> View:
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": {"type": "plain_text", "text": reader.say("evidence.title")},
        "close": {"type": "plain_text", "text": reader.say("evidence.close")},
        "blocks": blocks,
        **({"private_metadata": carries} if carries else {}),
    }
