"""Detection of leaked tasks."""

import asyncio

import pytest

from tests.leaks import no_task_left


async def test_a_leaked_task_is_named() -> None:
    """The code that started it must end it."""
    with pytest.raises(AssertionError, match=r"tasks that still run: .*Event\.wait"):
        async with no_task_left(within=0.05):
            left = asyncio.create_task(asyncio.Event().wait())
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)


async def test_an_ending_task_is_no_leak() -> None:
    """A closed connection needs some turns of the loop."""

    async def ends() -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async with no_task_left():
        ending = asyncio.create_task(ends())
    assert ending.done()
