"""What a failed test leaves behind ends with it, and fails no other test."""

import asyncio
import gc
import sys
from collections.abc import Iterator
from types import CodeType

import pytest

from deploy.sandbox.slack.person import PATIENCE

FAILED = pytest.StashKey[bool]()


def note(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Remembers whether a part of the test failed."""
    if call.excinfo is not None:
        item.stash[FAILED] = True


def end_what_runs(item: pytest.Item) -> None:
    """Ends a test that its timeout left running, before its fixtures are taken down."""
    function, given = getattr(item, "function", None), getattr(item, "funcargs", None) or {}
    if item.stash.get(FAILED, False) and function is not None and "loop" in given:
        end(given["loop"], function.__code__)


def end(loop: asyncio.AbstractEventLoop, code: CodeType) -> None:
    """Cancels the tasks that run `code`, and waits until they have closed what they opened."""
    left = [task for task in asyncio.all_tasks(loop) if _runs(task, code)]
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=PATIENCE))


def _runs(task: asyncio.Task[object], code: CodeType) -> bool:
    return getattr(task.get_coro(), "cr_code", None) is code


def free() -> None:
    """Frees what the frames of a failure hold: warnings about it come now and not in a later test.

    pytest keeps the frames of the last failure for a debugger until the next test begins.
    """
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    gc.collect()


def freed(item: pytest.Item) -> Iterator[None]:
    """Frees it at the end of a test that failed."""
    yield
    if item.stash.get(FAILED, False):
        free()
