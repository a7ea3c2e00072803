"""Cleanup after failed tests."""

import asyncio
import sys
import weakref

from tests.cleanup import end, free


def test_a_timed_out_test_runs_its_cleanup() -> None:
    """A timeout does not end the test's task, which would run on during the next test."""
    closed, loop = [], asyncio.new_event_loop()

    async def left() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    async def goes_on() -> None:
        await asyncio.Event().wait()

    task, other = loop.create_task(left()), loop.create_task(goes_on())
    loop.run_until_complete(asyncio.sleep(0))
    end(loop, left.__code__)
    assert (closed, task.cancelled(), other.done()) == ([True], True, False)
    end(loop, goes_on.__code__)
    loop.close()


def test_the_frames_of_a_failure_are_freed() -> None:
    """A coroutine without an await would be reported in the next test."""

    class Held:
        """A value of a failed test."""

    def fails() -> None:
        held = Held()
        seen.append(weakref.ref(held))
        raise AssertionError

    seen: list[weakref.ref[Held]] = []
    try:
        fails()
    except AssertionError as failure:
        sys.last_value = failure
    assert seen[0]() is not None
    free()
    assert seen[0]() is None
