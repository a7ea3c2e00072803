"""Fixtures of case workflows."""

from collections.abc import AsyncIterator

import pytest

from tests.workflows.case.environment import CaseEnvironment, case_environment


@pytest.fixture
async def env(temporal: str) -> AsyncIterator[CaseEnvironment]:
    """Provides an environment with a namespace of its own."""
    async with case_environment(temporal) as made:
        yield made
