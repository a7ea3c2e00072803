"""Appeal deadlines: a month with reminders and the legal limit, in seconds."""

from collections.abc import Sequence

from deploy.sandbox.slack.screen import controls
from tests.environment import Environment
from tests.stories.test_appeals import answer_with, filed, muted, wait_notice
from tests.stories.test_clocks import threads
from tests.stories.time_skipping import TimeSkipping
from workflows.domain.ids import appeal_workflow_id


async def wait_events(env: Environment, appeal: str, kinds: Sequence[str]) -> None:
    """Waits until the ledger has exactly these events of the appeal, notices aside."""

    async def so_much() -> bool:
        found = [kind for kind in await env.kinds(appeal) if "notice" not in kind]
        return found == list(kinds)

    tanaka = await env.person("U0TANAKA")
    await tanaka.until(so_much, what=f"{kinds} of {appeal}")


def mentioned(env: Environment) -> list[str]:
    """The mentions in order."""
    return [note.target for note in env.sandbox.workspace.notifications]


async def test_a_month_of_an_appeal(clocks: TimeSkipping) -> None:
    """Two reminders, one call for the lead at the end, and a late answer that is valid."""
    env = clocks.env
    tanaka = await env.person("U0TANAKA")
    _, _, case = await muted(env)
    card, appeal = await filed(env, case, tanaka)
    await wait_notice(env, "received")
    await clocks.passes(appeal_workflow_id(appeal), days=6)
    await wait_events(env, appeal, ["appeal_filed"])
    await clocks.passes(appeal_workflow_id(appeal), days=2)
    await wait_events(env, appeal, ["appeal_filed", "appeal_reminded"])
    await tanaka.press(card, "appeal.claim")
    await wait_events(env, appeal, ["appeal_filed", "appeal_reminded", "appeal_claimed"])
    await clocks.passes(appeal_workflow_id(appeal), days=5)
    reminded = ["appeal_filed", "appeal_reminded", "appeal_claimed", "appeal_reminded"]
    await wait_events(env, appeal, reminded)
    await clocks.passes(appeal_workflow_id(appeal), days=2)
    await wait_events(env, appeal, [*reminded, "appeal_overdue"])
    card = await tanaka.wait_text(card, "期限超過")
    await clocks.passes(appeal_workflow_id(appeal), days=15)
    await wait_events(env, appeal, [*reminded, "appeal_overdue"])
    assert "異議申し立ての回答期限を過ぎました" in await threads(tanaka, card)
    assert mentioned(env) == [
        "<!subteam^S0LEAD>",
        "<!subteam^S0LEAD>",
        "<@U0TANAKA>",
        "<!subteam^S0LEAD>",
    ]
    await answer_with(tanaka, card, "appeal.uphold", "遅くなりました")
    await wait_notice(env, "upheld")
    card = await tanaka.wait_text(card, "判断を維持しました")
    assert controls(card) == []
