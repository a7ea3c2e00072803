"""Bipartite matching of clicks and answers."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any


class Matching:
    """Incremental matching: a matched click stays matched, possibly with another answer."""

    def __init__(self, takers: Sequence[Any]) -> None:
        """`takers` are distinguished by identity."""
        self._wants: dict[int, list[Hashable]] = {id(taker): [] for taker in takers}
        self._taken: dict[Hashable, int] = {}

    def give(self, taker: Any, wanted: Iterable[Hashable]) -> bool:
        """Matches `taker` with one of `wanted`, and moves others if needed."""
        self._wants[id(taker)] = list(wanted)
        return self._find(id(taker), set())

    def free(self, answer: Hashable) -> bool:
        """True if it is unmatched."""
        return answer not in self._taken

    def _find(self, taker: int, tried: set[Hashable]) -> bool:
        for answer in self._wants[taker]:
            if answer in tried:
                continue
            tried.add(answer)
            if answer not in self._taken or self._find(self._taken[answer], tried):
                self._taken[answer] = taker
                return True
        return False
