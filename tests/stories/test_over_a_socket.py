"""Socket Mode: a shift without inbound HTTP from Slack."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.person import Refused, wait_until
from tests.environment import Environment, koban
from tests.stories.test_a_shift import case_of, lure


@pytest.fixture
async def closed_network(temporal: str, tmp_path: Path) -> AsyncIterator[Environment]:
    """An environment whose Koban has an app token and no signing secret."""
    async with koban(temporal, tmp_path, socket_mode=True) as made:
        await connected(made)
        yield made


async def connected(env: Environment) -> None:
    """Waits for the connection."""
    links = env.sandbox.workspace.sockets.links
    await wait_until(lambda: links, what="Koban's connection")


async def test_a_case_is_worked_over_the_socket(closed_network: Environment) -> None:
    """Claim, modal, approval and undo work, with reconnections in between."""
    env = closed_network
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await env.happens(lure())
    card, _ = await case_of(sato)
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await refreshed(env)
    await sato.press(card, "case.decide")
    said = {"verdict": "violation", "actions": ["permanent_ban"], "reason": "計3回の誘導"}
    assert await sato.fill_and_submit(said) == {"ok": True}
    asked = await tanaka.wait_card("ts-leads", "u_123")
    await tanaka.press(asked, "approval.approve")
    card = await sato.wait_text(card, "完了")
    assert await env.changes() == [("POST", "users/u_123/bans")]
    await refreshed(env)
    await sato.command("/koban help")
    assert await sato.ephemerals("ts-live") != []
    assert await sato.errors() == await tanaka.errors() == []


async def refreshed(env: Environment) -> None:
    """Makes Slack ask for a new connection, and waits for it."""
    sockets = env.sandbox.workspace.sockets
    before = sockets.opened
    await sockets.refresh()
    await wait_until(
        lambda: sockets.opened == before + 1 and len(sockets.links) == 1, what="a new connection"
    )


async def test_a_press_in_a_gap_is_an_error_and_does_nothing(closed_network: Environment) -> None:
    """Without a connection Slack shows an error; the next click works."""
    env = closed_network
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    env.sandbox.faults.set(Fault.SLACK_DOWN, True)
    await env.sandbox.workspace.sockets.close()
    with pytest.raises(Refused, match="応答しませんでした"):
        await sato.press(card, "担当する")
    assert await sato.errors() == ["このアプリは応答しませんでした。もう一度お試しください。"]
    env.sandbox.faults.set(Fault.SLACK_DOWN, False)
    await connected(env)
    assert await env.kinds(case) == ["case_opened"]
    await sato.press(card, "担当する")
    await sato.wait_text(card, "佐藤")
    assert await env.kinds(case) == ["case_opened", "case_claimed"]


async def test_a_home_is_drawn_over_the_socket(closed_network: Environment) -> None:
    """Events arrive over the socket too."""
    sato = await closed_network.person("U0SATO")
    await sato.until(sato.home, what="the home")
