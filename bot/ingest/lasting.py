"""What JSON can say and the record can't keep: found before anything is stored."""

import math
from typing import Any

MAX_DEPTH = 32
"""Readers of JSON give up somewhere (pydantic at 200), and an alert travels inside of more JSON."""

_INT64 = range(-(2**63), 2**63)


class NotKept(ValueError):
    """A value that some reader down the line could not take; `pointer` says where it stands."""

    def __init__(self, pointer: tuple[str | int, ...], sentence: str) -> None:
        super().__init__(sentence)
        self.pointer = pointer
        self.sentence = sentence


def check_lasting(value: Any, pointer: tuple[str | int, ...]) -> None:
    """Makes sure that `value` survives JSON, expressions (64-bit integers) and PostgreSQL's text.

    Raises:
        NotKept: for the first value that does not.
    """
    if isinstance(value, dict | list):
        if len(pointer) > MAX_DEPTH:
            raise NotKept(pointer[:2], f"This is nested more than {MAX_DEPTH} levels deep.")
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            check_lasting(key, pointer)
            check_lasting(inner, (*pointer, key))
        return
    problem = _problem(value)
    if problem is not None:
        raise NotKept(pointer, problem)


def _problem(value: Any) -> str | None:
    if isinstance(value, str):
        return "U+0000 can't be kept in a text." if "\x00" in value else None
    if isinstance(value, float):
        return None if math.isfinite(value) else "This number is too large."
    if isinstance(value, int) and value not in _INT64:
        return "This number is too large."
    return None
