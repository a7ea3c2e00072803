"""Conditions of playbooks, in CEL: the same evaluation live, in tests and in a backtest.

CEL has no clock, no randomness and no I/O, so that a condition gives the same answer in a
replay. Whole and broken numbers compare as people expect (`1 >= 0.9`).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cel

NAMES = ("alert", "severity", "subject", "case", "response")
"""What an expression can speak of, depending on where it stands."""

_MEANINGLESS = (ValueError, TypeError, RuntimeError, LookupError, ArithmeticError)
_SAMPLE: dict[str, Any] = {name: {} for name in NAMES}


def holds(expression: str, facts: Mapping[str, Any]) -> bool:
    """Whether `expression` is true of `facts`.

    One over something that is missing, or that makes no sense for what is there, does not hold.
    """
    try:
        return _compiled(expression).execute(dict(facts)) is True
    except _MEANINGLESS:
        return False


def problem(expression: str) -> str | None:
    """What keeps `expression` from ever holding, in one sentence; None where nothing does."""
    try:
        program = _compiled(expression)
    except ValueError as error:
        return f"the expression can't be read ({_first_line(error)})"
    try:
        program.execute(_SAMPLE)
    except RuntimeError as error:
        if "Undefined variable or function" in str(error):
            return f"the expression speaks of something unknown ({_first_line(error)})"
    except _MEANINGLESS:
        return None  # it lacks an attribute, which alerts may have
    return None


def _first_line(error: Exception) -> str:
    line = str(error).splitlines()[0]
    for noise in ("Failed to parse expression ", "ERROR: <input>:"):
        line = line.split(noise)[-1]
    return line.split(". Check that")[0].strip()[:120]


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> Any:
    return cel.compile(expression)
