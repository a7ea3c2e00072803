"""CEL conditions of playbooks, evaluated the same way in workflows and in tests.

CEL has no clock, no randomness and no I/O, so a condition gives the same result in a replay.
Integers and floats compare by value (`1 >= 0.9`).
"""

import math
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import cel

from workflows.domain.policy.matching import Facts

NAMES = ("alert", "response")
"""Names in expressions: `alert` in playbooks, `response` in `verify`."""

FUNCTIONS = frozenset(
    {
        *("contains", "endsWith", "matches", "size", "startsWith"),
        *("bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"),
        *("getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getMonth"),
        *("getHours", "getMilliseconds", "getMinutes", "getSeconds"),
    }
)
"""Functions of common-expression-language 0.10 without its optional standard library."""

LONGEST = 2000
"""Characters of an expression."""
DEEPEST = 100
"""Levels of facts. The CEL library converts by recursion, and crashes at about ten thousand."""

_MEANINGLESS = (ValueError, TypeError, RuntimeError, LookupError, ArithmeticError)
_BINDS = re.compile(r"\.\s*(?:all|exists|exists_one|filter|map)\s*\(\s*([A-Za-z_]\w*)\s*,")
_WORD = re.compile(r"[A-Za-z]\w*")
_PATTERNS = re.compile(
    r"""\.\s*matches\s*\(\s*([rR]?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))\s*\)"""
)
"""Patterns written in an expression."""


def holds(expression: str, facts: Mapping[str, Any]) -> bool:
    """Whether `expression` is true; one with a missing field or a type error is false."""
    return value_of(expression, facts) is True


def value_of(expression: str, facts: Mapping[str, Any]) -> Any:
    """Returns the value of `expression` for `facts`; None on any error."""
    variables = facts.prepared(_converted) if isinstance(facts, Facts) else _converted(facts)
    if variables is TOO_DEEP:
        return None
    try:
        return _compiled(expression).execute(variables)
    except _MEANINGLESS:
        return None


TOO_DEEP = object()
"""Stand-in for facts that are too deep to be converted."""


def _converted(facts: Mapping[str, Any]) -> Any:
    """The facts as CEL has them. This costs microseconds a value, and a condition far less."""
    if not _is_shallow(facts):
        return TOO_DEEP
    try:
        return cel.Context(dict(facts))
    except ValueError:
        # One value that CEL can't convert fails the whole conversion: an attribute that no
        # condition uses must not change the playbook of an alert.
        return cel.Context(_readable(facts))


def problem(expression: str, names: tuple[str, ...] = NAMES) -> str | None:
    """Returns in one sentence why `expression` with these `names` can never be true, or None."""
    try:
        program = _compiled(expression)
    except ValueError as error:
        return f"the expression can't be read ({_first_line(error)})"
    bound = set(_BINDS.findall(expression))
    for name in program.variables():
        if name not in names and name not in bound:
            known = " or ".join(f"`{each}`" for each in names)
            return f"the expression uses `{name}`, which is unknown here (only {known} is)"
    if _has_nested_loops(expression):
        return "the expression has a loop (all, exists, filter, map) inside another one"
    return (
        _wrong_pattern(expression)
        or _growing_map(expression, names)
        or _unknown_function(program.functions())
    )


def _wrong_pattern(expression: str) -> str | None:
    """Why a pattern can't be used. One that a sender chooses may take long to be compiled."""
    plain = _QUOTED.sub("''", expression)
    if len(_MATCHES.findall(plain)) > len(_WRITTEN.findall(plain)):
        return "the pattern of matches() is not written out"
    for pattern in _PATTERNS.findall(expression):
        if value_of(f"''.matches({pattern})", {}) is None:
            return f"the pattern {pattern} is no regular expression"
    return None


def _growing_map(expression: str, names: tuple[str, ...]) -> str | None:
    """Why a map may take long: each of its steps copies all values that it has made."""
    plain = _QUOTED.sub("''", expression)
    for found in _MAP.finditer(plain):
        inside = _until_closed(plain[found.end() :])
        for name in names:
            if re.search(rf"(?<![\w.]){name}\b", inside):
                return (
                    f"the expression uses `{name}` inside of map(), not only the value of the list"
                )
    return None


def _until_closed(text: str) -> str:
    depth = 1
    for place, mark in enumerate(text):
        depth += (mark == "(") - (mark == ")")
        if depth == 0:
            return text[:place]
    return text


def _unknown_function(functions: Iterable[str]) -> str | None:
    for name in functions:
        if _WORD.fullmatch(name) and name not in FUNCTIONS:
            near = get_close_matches(name, sorted(FUNCTIONS), n=1)
            meant = f" (`{near[0]}()` does)" if near else ""
            return f"the expression uses `{name}()`, which does not exist{meant}"
    return None


def _has_nested_loops(expression: str) -> bool:
    """Whether one loop runs inside another: a thousand values would be a million steps."""
    inside: list[bool] = []
    for mark in _LOOP.findall(_QUOTED.sub("", expression)):
        if mark == ")":
            inside = inside[:-1]
        elif mark != "(" and any(inside):
            return True
        else:
            inside.append(mark != "(")
    return False


_MATCHES = re.compile(r"\bmatches\s*\(")
_WRITTEN = re.compile(r"\.\s*matches\s*\(\s*[rR]?''\s*\)")
_MAP = re.compile(r"\.\s*map\s*\(")
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*["]""")
_LOOP = re.compile(r"\.\s*(?:all|exists|exists_one|filter|map)\s*\(|[()]")


def _first_line(error: Exception) -> str:
    line = str(error).splitlines()[0]
    for noise in ("Failed to parse expression ", "ERROR: <input>:"):
        line = line.split(noise)[-1]
    return line.split(" expecting ")[0].strip()[:120]


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> Any:
    if len(expression) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
    return cel.compile(expression)


def _readable(value: Any) -> Any:
    """Replaces what CEL can't convert: lone surrogates, numbers beyond a double."""
    if isinstance(value, Mapping):
        return {str(_readable(key)): _readable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(each) for each in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int) and not isinstance(value, bool):
        return _in_range(value)
    return value


def _in_range(number: int) -> int | float:
    try:
        float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
    return number


def _is_shallow(facts: Mapping[str, Any]) -> bool:
    layer: list[Any] = [facts]
    for _ in range(DEEPEST):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, Mapping) else outer)
            if isinstance(inner, dict | list | tuple)
        ]
        if not layer:
            return True
    return False
