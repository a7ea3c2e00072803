"""What the list of evidence carries: where its person is answered, and which page it shows."""

import re
from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import Field, ValidationError

from bot.slack.modals.metadata import MOST_CHARACTERS, Metadata
from bot.slack.press import Unreadable

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
