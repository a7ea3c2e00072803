"""What a case leaves behind in the ledger beside its events: where its card is, and itself."""

from collections.abc import Callable

from workflows.casework.book import Book
from workflows.casework.screen import Screen
from workflows.domain.case_state import Case, Phase
from workflows.domain.memory import CardRef, Memory

_Kept = tuple[int, CardRef | None, CardRef | None]


class Keeping:
    """Writes the snapshot that wakes a closed case up, and an open case's card that came late."""

    def __init__(self, book: Book, screen: Screen, memory: Callable[[], Memory]) -> None:
        self._book = book
        self._screen = screen
        self._memory = memory
        self._kept: _Kept | None = None

    def wanted(self, case: Case | None) -> bool:
        """Whether the ledger has to learn of the case's place in Slack, or of its last state."""
        if case is None:
            return False
        if case.phase is Phase.CLOSED:
            return self._kept != self._state(case)
        return self._book.lacks(self._screen.card)

    def keep(self, case: Case) -> None:
        """Begins to write it."""
        if not self.wanted(case):
            return
        if case.phase is not Phase.CLOSED:
            self._book.keep(case, self._screen.card, None)
            return
        self._kept = self._state(case)
        # Its thread has been told by the time that somebody wakes it.
        snapshot = self._memory().model_copy(update={"untold": ()})
        self._book.keep(case, self._screen.card, snapshot)

    def _state(self, case: Case) -> _Kept:
        return (case.version, self._screen.card, self._screen.approval)
