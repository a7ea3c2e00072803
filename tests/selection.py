"""Test selection: the usual tests, all of them, or only the rest.

A `long` test takes minutes, or is a second story of its kind. Of a `wide` test, which is
parametrised over hundreds of states, the usual run takes a fixed sample. Of a `property` test it
tries an eighth of the examples. A test on both databases takes one of them there: half of these
tests take SQLite, the others PostgreSQL.
"""

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from zlib import crc32

import pytest

LONG = 1800
"""Timeout of a long test in seconds: over three times what a slow machine needs."""


class Part(StrEnum):
    """Part of the suite."""

    USUAL = "usual"
    ALL = "all"
    REST = "rest"


SHARE, FEWEST = 8, 5
DATABASES = ("sqlite", "postgresql")
_full = True


def take_examples(part: Part) -> None:
    """Sets how many examples property tests try."""
    global _full
    _full = part is not Part.USUAL


def examples(full: int) -> int:
    """Number of examples of a property test with `full` in the rest of the suite."""
    return full if _full else max(full // SHARE, FEWEST)


def part_of(config: pytest.Config) -> Part:
    """Returns the part that the command line asks for; named files and tests run whole."""
    if config.getoption("--rest"):
        return Part.REST
    named = any(".py" in str(each) for each in config.args)
    return Part.ALL if named or config.getoption("--all") else Part.USUAL


def left_out(items: Sequence[pytest.Item]) -> set[pytest.Item]:
    """Returns the long tests, and the wide ones outside the sample."""
    wide = defaultdict[str, list[pytest.Item]](list)
    found = set[pytest.Item]()
    for item in items:
        if item.get_closest_marker("long"):
            found.add(item)
        elif item.get_closest_marker("wide"):
            wide[item.nodeid.partition("[")[0]].append(item)
    for alike in wide.values():
        found.update(_beyond_sample(alike))
    return found | {item for item in items if _is_second_database(item)}


def _is_second_database(item: pytest.Item) -> bool:
    """Whether a test on both databases has this one only in the rest."""
    spec = getattr(item, "callspec", None)
    parts = [] if spec is None else spec.id.split("-")
    here = next((each for each in DATABASES if each in parts), None)
    if here is None or "source" not in getattr(item, "fixturenames", ()):
        return False
    alike = item.nodeid.replace(here, "")
    return here != DATABASES[crc32(alike.encode()) % len(DATABASES)]


def _beyond_sample(alike: list[pytest.Item]) -> list[pytest.Item]:
    """Sorted by checksum, which mixes states and is the same on every machine."""
    marker = alike[0].get_closest_marker("wide")
    assert marker is not None
    mixed = sorted(alike, key=lambda item: crc32(item.nodeid.encode()))
    return mixed[int(marker.args[0]) :]


def give_time(items: Sequence[pytest.Item]) -> None:
    """Sets the timeout of long tests."""
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.timeout(LONG))


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Removes the tests that this run does not cover."""
    part = part_of(config)
    if part is Part.ALL:
        return
    beyond, rest = left_out(items), part is Part.REST
    both = {item for item in items if rest and item.get_closest_marker("property")}
    kept = [item for item in items if item in both or (item in beyond) == rest]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept
