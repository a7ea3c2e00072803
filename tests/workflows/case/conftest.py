"""An office for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.workflows.case.office import Office, an_office


@pytest.fixture
async def office(temporal: str) -> AsyncIterator[Office]:
    """A namespace of its own, where one case is worked on."""
    async with an_office(temporal) as made:
        yield made
