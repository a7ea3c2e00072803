"""The choice of what a run covers: the usual tests, all of them, or only the rest.

A `long` test takes minutes. Of a `wide` test, which is parametrised over hundreds of states, the
usual run takes a fixed sample.
"""

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from zlib import crc32

import pytest

LONG = 1800
"""Seconds after which a long test is ended: three times what a slow machine needs, and more."""


class Part(StrEnum):
    """How much of the suite a run covers."""

    USUAL = "usual"
    ALL = "all"
    REST = "rest"


def part_of(config: pytest.Config) -> Part:
    """What the command line asks for; a file or a test that it names is run as a whole."""
    if config.getoption("--rest"):
        return Part.REST
    named = any(".py" in str(each) for each in config.args)
    return Part.ALL if named or config.getoption("--all") else Part.USUAL


def left_out(items: Sequence[pytest.Item]) -> set[pytest.Item]:
    """The long tests, and those of the wide ones that are not in the sample."""
    wide = defaultdict[str, list[pytest.Item]](list)
    found = set[pytest.Item]()
    for item in items:
        if item.get_closest_marker("long"):
            found.add(item)
        elif item.get_closest_marker("wide"):
            wide[item.nodeid.partition("[")[0]].append(item)
    for alike in wide.values():
        found.update(_beyond_sample(alike))
    return found


def _beyond_sample(alike: list[pytest.Item]) -> list[pytest.Item]:
    """A checksum mixes states and languages; it is the same on every machine."""
    marker = alike[0].get_closest_marker("wide")
    assert marker is not None
    mixed = sorted(alike, key=lambda item: crc32(item.nodeid.encode()))
    return mixed[int(marker.args[0]) :]


def give_time(items: Sequence[pytest.Item]) -> None:
    """A long test has more time than pyproject.toml gives to others."""
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.timeout(LONG))


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Takes from `items` what this run does not cover."""
    part = part_of(config)
    if part is Part.ALL:
        return
    beyond = left_out(items)
    kept = [item for item in items if (item in beyond) == (part is Part.REST)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept
