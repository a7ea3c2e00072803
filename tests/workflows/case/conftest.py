"""Fixtures of case workflows."""

from collections.abc import AsyncIterator

import pytest

from tests.workflows.case.office import Office, an_office


@pytest.fixture
async def office(temporal: str) -> AsyncIterator[Office]:
    """Provides an office with a namespace of its own."""
    async with an_office(temporal) as made:
        yield made
