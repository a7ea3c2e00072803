"""Language preferences while the ledger is slow, unreachable or back."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from activities.cache import RETRY_SECONDS
from activities.ledger.database import Database
from activities.ledger.team import Preferences
from bot.services.team import FRESH_SECONDS, LanguagePreferences
from deploy.sandbox.slack.person import wait_until
from tests.workflows.domain.builders import T0
from workflows.domain.values import Language

AWAY = "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"


class Slow(Preferences):
    """Preferences that answer when the gate is open."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.gate, self.asked = asyncio.Event(), 0
        self.gate.set()

    async def language(self, person: str) -> Language | None:
        """Answers after the gate."""
        self.asked += 1
        await self.gate.wait()
        return await super().language(person)


@pytest.fixture
async def ledger(migrated: Path, tmp_path: Path) -> AsyncIterator[Slow]:
    """A ledger in which Sato has chosen English."""
    file = shutil.copy(migrated, tmp_path / "koban.db")
    database = Database(f"sqlite+aiosqlite:///{file}")
    slow = Slow(database)
    await slow.choose_language("U0SATO", Language.EN, T0)
    yield slow
    await database.aclose()


async def test_a_choice_counts_at_once_here_and_soon_elsewhere(ledger: Slow) -> None:
    """Two processes with one ledger."""
    now = [0.0]
    here, there = (LanguagePreferences(ledger, lambda: now[0]) for _ in range(2))
    assert await there.language("U0SATO") is Language.EN
    await here.choose("U0SATO", Language.JA, T0)
    assert await here.language("U0SATO") is Language.JA
    assert await there.language("U0SATO") is Language.EN
    now[0] += FRESH_SECONDS
    assert await there.language("U0SATO") is Language.JA


async def test_during_an_outage_cached_languages_are_used(ledger: Slow) -> None:
    """Messages do not wait for the ledger, and it is not queried for each of them."""
    now = [0.0]
    preferred = LanguagePreferences(ledger, lambda: now[0])
    assert await preferred.language("U0SATO") is Language.EN
    away = Database(AWAY)
    preferred._preferences = Preferences(away)
    now[0] += FRESH_SECONDS
    assert await preferred.language("U0SATO") is Language.EN
    assert await preferred.language("U0CLARK") is None
    await away.aclose()


async def test_a_late_answer_is_used_for_the_next_message(ledger: Slow) -> None:
    """A slow ledger is not queried twice, and the timeout is not cached as an answer."""
    preferred = LanguagePreferences(ledger, lambda: 0.0, first_timeout=0.01)
    ledger.gate.clear()
    assert await preferred.language("U0SATO") is None
    ledger.gate.set()

    async def english() -> bool:
        return await preferred.language("U0SATO") is Language.EN

    await wait_until(english, what="the language that Sato chose")
    assert ledger.asked == 1


async def test_an_expired_language_is_used_while_the_ledger_is_slow(ledger: Slow) -> None:
    """Until there is an answer."""
    now = [0.0]
    preferred = LanguagePreferences(ledger, lambda: now[0], stale_timeout=0.01)
    assert await preferred.language("U0SATO") is Language.EN
    ledger.gate.clear()
    now[0] += FRESH_SECONDS
    assert await preferred.language("U0SATO") is Language.EN
    now[0] += FRESH_SECONDS
    assert await preferred.language("U0SATO") is Language.EN
    assert ledger.asked == 2
    ledger.gate.set()
    await wait_until(lambda: not preferred._kept._fetching, what="the late answer")


async def test_after_a_failure_the_ledger_is_asked_again_soon(ledger: Slow) -> None:
    """After a pause that is shorter than an entry's lifetime."""
    now = [0.0]
    away = Database(AWAY)
    preferred = LanguagePreferences(Preferences(away), lambda: now[0])
    assert await preferred.language("U0SATO") is None
    preferred._kept._fetch = ledger.language
    assert await preferred.language("U0SATO") is None
    now[0] += RETRY_SECONDS
    assert await preferred.language("U0SATO") is Language.EN
    await away.aclose()


async def test_a_choice_is_not_undone_by_an_answer_from_before(ledger: Slow) -> None:
    """The query started before the choice and is answered after it."""
    preferred = LanguagePreferences(ledger, lambda: 0.0)
    ledger.gate.clear()
    asking = asyncio.create_task(preferred.language("U0SATO"))
    await wait_until(lambda: ledger.asked, what="the question")
    await preferred.choose("U0SATO", Language.JA, T0)
    ledger.gate.set()
    await asking
    assert await preferred.language("U0SATO") is Language.JA
