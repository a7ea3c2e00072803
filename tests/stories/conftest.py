"""Fixtures of stories: an environment whose clocks can be advanced."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import cleanup
from tests.stories.time_skipping import TimeSkipping, time_skipping


@pytest.fixture
async def clocks(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[TimeSkipping]:
    """An environment with adjustable clocks."""
    async with time_skipping(tmp_path) as made:
        yield made
        if request.node.stash.get(cleanup.FAILED, False):
            await made.env.print_pending()
