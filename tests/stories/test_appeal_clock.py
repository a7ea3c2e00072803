"""Appeal deadlines: a month with reminders and the legal limit, in seconds."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from deploy.sandbox.slack.screen import controls
from tests.stories.test_appeals import answer_with, filed, muted, wait_notice
from tests.stories.test_clocks import threads
from tests.stories.turning import Calendar, calendar
from tests.world import World
from workflows.domain.ids import appeal_workflow_id


@pytest.fixture
async def turned(tmp_path: Path) -> AsyncIterator[Calendar]:
    """A world with adjustable clocks."""
    async with calendar(tmp_path) as made:
        yield made


async def wait_events(world: World, appeal: str, kinds: Sequence[str]) -> None:
    """Waits until the ledger has exactly these events of the appeal, notices aside."""

    async def so_much() -> bool:
        found = [kind for kind in await world.kinds(appeal) if "notice" not in kind]
        return found == list(kinds)

    tanaka = await world.person("U0TANAKA")
    await tanaka.until(so_much, what=f"{kinds} of {appeal}")


def mentioned(world: World) -> list[str]:
    """The mentions in order."""
    return [note.target for note in world.stage.workspace.notifications]


async def test_a_month_of_an_appeal(turned: Calendar) -> None:
    """Two reminders, one call for the lead at the end, and a late answer that is valid."""
    world = turned.world
    tanaka = await world.person("U0TANAKA")
    _, _, case = await muted(world)
    card, appeal = await filed(world, case, tanaka)
    await wait_notice(world, "received")
    await turned.passes(appeal_workflow_id(appeal), days=6)
    await wait_events(world, appeal, ["appeal_filed"])
    await turned.passes(appeal_workflow_id(appeal), days=2)
    await wait_events(world, appeal, ["appeal_filed", "appeal_reminded"])
    await tanaka.press(card, "appeal.claim")
    await wait_events(world, appeal, ["appeal_filed", "appeal_reminded", "appeal_claimed"])
    await turned.passes(appeal_workflow_id(appeal), days=5)
    reminded = ["appeal_filed", "appeal_reminded", "appeal_claimed", "appeal_reminded"]
    await wait_events(world, appeal, reminded)
    await turned.passes(appeal_workflow_id(appeal), days=2)
    await wait_events(world, appeal, [*reminded, "appeal_overdue"])
    card = await tanaka.wait_text(card, "期限超過")
    await turned.passes(appeal_workflow_id(appeal), days=15)
    await wait_events(world, appeal, [*reminded, "appeal_overdue"])
    assert "異議申し立ての回答期限を過ぎました" in await threads(tanaka, card)
    assert mentioned(world) == [
        "<!subteam^S0LEAD>",
        "<!subteam^S0LEAD>",
        "<@U0TANAKA>",
        "<!subteam^S0LEAD>",
    ]
    await answer_with(tanaka, card, "appeal.uphold", "遅くなりました")
    await wait_notice(world, "upheld")
    card = await tanaka.wait_text(card, "判断を維持しました")
    assert controls(card) == []
