"""Personal preferences, on both databases."""

import pytest

from activities.ledger.database import Database
from activities.ledger.team import Preferences
from tests.workflows.domain.builders import T0, minutes
from workflows.domain.values import Language


@pytest.fixture
def preferences(database: Database) -> Preferences:
    """The preferences of an empty ledger."""
    return Preferences(database)


async def test_the_last_choice_counts(preferences: Preferences) -> None:
    """Each person has a choice; Slack's language is a choice too."""
    assert await preferences.language("U0SATO") is None
    await preferences.choose_language("U0SATO", Language.EN, T0)
    await preferences.choose_language("U0CLARK", Language.JA, T0)
    await preferences.choose_language("U0SATO", Language.JA, minutes(1))
    assert await preferences.language("U0SATO") is Language.JA
    await preferences.choose_language("U0SATO", None, minutes(2))
    assert await preferences.language("U0SATO") is None
    assert await preferences.language("U0CLARK") is Language.JA
