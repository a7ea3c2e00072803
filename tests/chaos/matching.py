"""Giving each click an answer of its own, where several would do: bipartite matching."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any


class Matching:
    """Who was given once never loses their answer, but may be given another one for it."""

    def __init__(self, takers: Sequence[Any]) -> None:
        """`takers` are told apart by identity."""
        self._wants: dict[int, list[Hashable]] = {id(taker): [] for taker in takers}
        self._taken: dict[Hashable, int] = {}

    def give(self, taker: Any, wanted: Iterable[Hashable]) -> bool:
        """Finds one of `wanted` for `taker`, moving others where that helps."""
        self._wants[id(taker)] = list(wanted)
        return self._find(id(taker), set())

    def free(self, answer: Hashable) -> bool:
        """Whether nobody has it."""
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
