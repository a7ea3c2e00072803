"""README of the stand-in, compared with its code."""

import re
from pathlib import Path

from deploy.sandbox.slack import rates
from deploy.sandbox.slack.blockkit.blocks import BLOCKS, MOST_BLOCKS, Surface
from deploy.sandbox.slack.faults import SlackFault
from deploy.sandbox.slack.methods.table import METHODS

README = (Path(rates.__file__).with_name("README.md")).read_text("utf-8")
ROW = re.compile(r"^\| `([a-zA-Z.]+)` \| (\d+)", re.MULTILINE)


def test_every_method_is_listed_with_its_rate() -> None:
    """The table has the code's methods and their calls a minute."""
    listed = {name: int(calls) for name, calls in ROW.findall(README)}
    assert listed == {name: int(rates.TIERS[name]) for name in METHODS}


def test_every_block_and_fault_is_listed() -> None:
    """The README has the code's blocks, their limits, and the faults."""
    blocks = {name for surface in Surface for name in BLOCKS[surface]}
    names = {*blocks, *map(str, SlackFault)}
    assert [name for name in sorted(names) if f"`{name}`" not in README] == []
    limits = f"{MOST_BLOCKS[Surface.MESSAGE]} blocks a message, {MOST_BLOCKS[Surface.HOME]} a view"
    assert limits in README
