"""Conditions of playbooks, in CEL: the same evaluation live, in tests and in a backtest.

CEL has no clock, no randomness and no I/O, so that a condition gives the same answer in a replay.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cel


def holds(expression: str, facts: Mapping[str, Any]) -> bool:
    """Whether `expression` is true of `facts`.

    One over something that is missing, or that makes no sense for what is there, does not hold.
    """
    try:
        return _compiled(expression).execute(dict(facts)) is True
    except (ValueError, TypeError, RuntimeError, LookupError, ArithmeticError):
        return False


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> Any:
    return cel.compile(expression)
