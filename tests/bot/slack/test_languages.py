"""Languages of answers while Slack's user info is slow: the cached one is used."""

import asyncio
from dataclasses import replace

import pytest

from bot.slack.replies import Languages
from bot.tasks import Background
from deploy.sandbox.slack.screen import visible_text
from deploy.sandbox.slack.workspace import Workspace
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import ROUTE
from tests.bot.slack.test_everything import chosen, with_presets
from tests.timeouts import LONG_TIMEOUTS
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.values import Language


async def test_a_slow_lookup_keeps_a_cached_language(env: SlackEnvironment) -> None:
    """Clark's cached English is used instead of the deployment's Japanese."""
    asked, beside = Languages(env.services(), Background()), env.people
    assert await asked.of("U0CLARK") is Language.EN
    beside.asleep = asyncio.Event()
    assert await asked.of("U0CLARK") is Language.EN
    beside.asleep.set()


async def test_a_late_answer_is_cached_for_the_next_message(env: SlackEnvironment) -> None:
    """The first message has the deployment's language, and the lookup continues."""
    background = Background()
    asked = Languages(env.services(), background)
    env.people.asleep = asyncio.Event()
    assert await asked.of("U0CLARK") is Language.JA
    env.people.asleep.set()
    await background.drain(60)
    env.people.asleep = asyncio.Event()
    assert await asked.of("U0CLARK") is Language.EN
    env.people.asleep.set()


async def test_the_cache_of_languages_is_bounded() -> None:
    """The least recently read language is dropped first."""
    env = SlackEnvironment(Workspace(), "")
    asked = Languages(env.services(), Background(), most=1)
    for person in ("U0CLARK", "U0REED"):
        assert await asked.of(person) is Language.EN
    env.people.asleep = asyncio.Event()
    assert await asked.of("U0CLARK") is Language.JA
    assert await asked.of("U0REED") is Language.EN
    env.people.asleep.set()


@pytest.mark.parametrize(
    "timeouts", [replace(LONG_TIMEOUTS, language=1.0, language_after_ack=60.0)]
)
async def test_a_modal_is_filled_in_its_opener_s_language(env: SlackEnvironment) -> None:
    """Its placeholder leaves time to read the language."""
    env.cases.memories[ROUTE] = CaseSnapshot(case=with_presets())
    env.people.asleep = asyncio.Event()
    emma = await chosen(env, "U0CLARK", "handover")
    await emma.until(lambda: emma.views(), what="a modal that loads")
    env.people.asleep.set()
    assert "Handover note" in visible_text(await emma.modal())
