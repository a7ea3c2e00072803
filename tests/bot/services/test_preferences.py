"""The language that a person chose, over a ledger that is slow, away or back again."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from activities.cache import RETRY_SECONDS
from activities.ledger.database import Database
from activities.ledger.team import Preferences
from bot.services import team
from bot.services.team import LASTS, LanguagePreferences
from deploy.sandbox.slack.person import wait_until
from tests.workflows.domain.builders import T0
from workflows.domain.values import Language

AWAY = "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"


class Slow(Preferences):
    """Preferences that answer once the gate is open."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.gate, self.asked = asyncio.Event(), 0
        self.gate.set()

    async def language(self, person: str) -> Language | None:
        """The answer, after the gate."""
        self.asked += 1
        await self.gate.wait()
        return await super().language(person)


@pytest.fixture
async def ledger(migrated: Path, tmp_path: Path) -> AsyncIterator[Slow]:
    """A migrated ledger in which Sato has chosen English."""
    file = shutil.copy(migrated, tmp_path / "koban.db")
    database = Database(f"sqlite+aiosqlite:///{file}")
    slow = Slow(database)
    await slow.choose_language("U0SATO", Language.EN, T0)
    yield slow
    await database.aclose()


async def test_a_choice_counts_at_once_here_and_soon_elsewhere(ledger: Slow) -> None:
    """Two processes over one ledger."""
    now = [0.0]
    here, there = (LanguagePreferences(ledger, lambda: now[0]) for _ in range(2))
    assert await there.language("U0SATO") is Language.EN
    await here.choose("U0SATO", Language.JA, T0)
    assert await here.language("U0SATO") is Language.JA
    assert await there.language("U0SATO") is Language.EN
    now[0] += LASTS
    assert await there.language("U0SATO") is Language.JA


async def test_while_the_ledger_is_away_what_was_known_counts(ledger: Slow) -> None:
    """Nobody's message waits for it, and it is not asked for every word."""
    now = [0.0]
    preferred = LanguagePreferences(ledger, lambda: now[0])
    assert await preferred.language("U0SATO") is Language.EN
    away = Database(AWAY)
    preferred._preferences = Preferences(away)
    now[0] += LASTS
    assert await preferred.language("U0SATO") is Language.EN
    assert await preferred.language("U0CLARK") is None
    await away.aclose()


async def test_an_answer_that_came_too_late_counts_for_the_next_message(
    ledger: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow ledger is not asked a second time, and its silence is not kept as an answer."""
    monkeypatch.setattr(team, "FIRST", 0.01)
    preferred = LanguagePreferences(ledger, lambda: 0.0)
    ledger.gate.clear()
    assert await preferred.language("U0SATO") is None
    ledger.gate.set()

    async def english() -> bool:
        return await preferred.language("U0SATO") is Language.EN

    await wait_until(english, what="the language that Sato chose")
    assert ledger.asked == 1


async def test_a_slow_ledger_does_not_take_a_known_language_away(
    ledger: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last known language counts until there is an answer."""
    monkeypatch.setattr(team, "PATIENCE", 0.01)
    now = [0.0]
    preferred = LanguagePreferences(ledger, lambda: now[0])
    assert await preferred.language("U0SATO") is Language.EN
    ledger.gate.clear()
    now[0] += LASTS
    assert await preferred.language("U0SATO") is Language.EN
    now[0] += LASTS
    assert await preferred.language("U0SATO") is Language.EN
    assert ledger.asked == 2
    ledger.gate.set()
    await wait_until(lambda: not preferred._kept._asking, what="the late answer")


async def test_after_a_failure_the_ledger_is_asked_again_soon(ledger: Slow) -> None:
    """Not for every word, and not only after ten seconds."""
    now = [0.0]
    away = Database(AWAY)
    preferred = LanguagePreferences(Preferences(away), lambda: now[0])
    assert await preferred.language("U0SATO") is None
    preferred._preferences = ledger
    assert await preferred.language("U0SATO") is None
    now[0] += RETRY_SECONDS
    assert await preferred.language("U0SATO") is Language.EN
    await away.aclose()


async def test_a_choice_is_not_undone_by_an_answer_from_before(ledger: Slow) -> None:
    """The ledger was asked before the person chose, and answers afterwards."""
    preferred = LanguagePreferences(ledger, lambda: 0.0)
    ledger.gate.clear()
    asking = asyncio.create_task(preferred.language("U0SATO"))
    await wait_until(lambda: ledger.asked, what="the question")
    await preferred.choose("U0SATO", Language.JA, T0)
    ledger.gate.set()
    await asking
    assert await preferred.language("U0SATO") is Language.JA
