"""Cleanup after a failed test, so that it fails no other test."""

import asyncio
import gc
import sys
from collections.abc import Iterator
from types import CodeType

import pytest

from deploy.sandbox.slack.person import WAIT_SECONDS

FAILED = pytest.StashKey[bool]()


def note(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Notes a failure of the test."""
    if call.excinfo is not None:
        item.stash[FAILED] = True


def end_what_runs(item: pytest.Item) -> None:
    """Cancels a timed-out test before its fixtures end."""
    function, given = getattr(item, "function", None), getattr(item, "funcargs", None) or {}
    if item.stash.get(FAILED, False) and function is not None and "loop" in given:
        end(given["loop"], function.__code__)


def end(loop: asyncio.AbstractEventLoop, code: CodeType) -> None:
    """Cancels the tasks that run `code` and waits for them."""
    left = [task for task in asyncio.all_tasks(loop) if _runs(task, code)]
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=WAIT_SECONDS))


def _runs(task: asyncio.Task[object], code: CodeType) -> bool:
    return getattr(task.get_coro(), "cr_code", None) is code


def free() -> None:
    """Frees the frames of a failure, so that their warnings do not fail a later test.

    pytest keeps the frames of the last failure for a debugger until the next test begins.
    """
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    gc.collect()


def freed(item: pytest.Item) -> Iterator[None]:
    """Calls `free` at the end of a failed test."""
    yield
    if item.stash.get(FAILED, False):
        free()
