"""Appeal card: its buttons and modals."""

import pytest

from deploy.sandbox.slack.person import Person
from tests.bot.slack.conftest import SlackEnvironment, button
from tests.bot.slack.fakes import ROUTE
from tests.workflows.domain.appeal.builders import an_appeal
from workflows.domain.appeal import commands as cmd
from workflows.ports.appeals import AppealSnapshot

APPEAL = "A0123456789AB"
LABELS = {
    "appeal.claim": "担当する",
    "appeal.release": "担当を外れる",
    "appeal.uphold": "判断を維持する…",
    "appeal.overturn": "判断を取り消す…",
    "appeal.invented": "未知",
}


async def card(
    env: SlackEnvironment,
    person: Person,
    value: str = f"{APPEAL}:3",
    workflow_id: str = f"appeal/{APPEAL}",
) -> dict:
    """A message with every button of an appeal's card."""
    row = [button(action, label, value) for action, label in LABELS.items()]
    return await env.message(person, env.posted("異議申し立て", workflow_id, row))


async def ephemeral_text(env: SlackEnvironment, person: Person) -> str:
    """Text of the person's ephemeral message."""

    async def look() -> str:
        found = await person.ephemerals("ts-live")
        return found[0]["text"] if found else ""

    return await person.until(look, what="an ephemeral answer")


@pytest.mark.parametrize(
    ("action", "command"),
    [("appeal.claim", cmd.ClaimAppeal), ("appeal.release", cmd.ReleaseAppeal)],
)
async def test_a_press_is_stored_with_its_appeal(
    env: SlackEnvironment, action: str, command
) -> None:
    """The command has person, appeal and version, but no roles."""
    tanaka = env.person("U0TANAKA")
    await tanaka.press(await card(env, tanaka), action)
    (click,) = env.appeals.clicks
    assert isinstance(click.command, command)
    assert (click.appeal, click.command.by.id, click.command.version) == (APPEAL, "U0TANAKA", 3)
    assert click.command.by.roles == frozenset()
    assert click.place.channel == "C0LIVE"
    assert env.cases.clicks == []


@pytest.mark.parametrize(
    ("action", "command"),
    [("appeal.uphold", cmd.Uphold), ("appeal.overturn", cmd.Overturn)],
)
async def test_an_answer_comes_with_a_reason(env: SlackEnvironment, action: str, command) -> None:
    """The modal shows the escaped statement and asks for a reason."""
    env.appeals.open = AppealSnapshot(appeal=an_appeal(statement="<!channel> *型番* http://ex.com"))
    tanaka = env.person("U0TANAKA")
    await tanaka.press(await card(env, tanaka), action)
    view = await tanaka.modal()
    shown = view["blocks"][0]["text"]["text"]
    assert "&lt;!channel&gt; ∗型番∗ hxxp://ex[.]com" in shown
    assert "<!channel>" not in shown
    assert await tanaka.fill_and_submit({"reason": " 型番でした "}) == {"ok": True}
    (click,) = env.appeals.clicks
    assert isinstance(click.command, command)
    assert click.command.reason == "型番でした"


async def test_an_answer_without_words_stays_open(env: SlackEnvironment) -> None:
    """Nothing is stored."""
    env.appeals.open = AppealSnapshot(appeal=an_appeal())
    tanaka = env.person("U0TANAKA")
    await tanaka.press(await card(env, tanaka), "appeal.uphold")
    answer = await tanaka.fill_and_submit({"reason": "   "})
    assert answer["errors"] == {"reason": "判断理由を書いてください。"}
    assert env.appeals.clicks == []


@pytest.mark.parametrize("action", ["appeal.claim", "appeal.overturn"])
async def test_a_press_on_an_answered_appeal_is_refused(env: SlackEnvironment, action: str) -> None:
    """The person gets one ephemeral sentence."""
    env.appeals.over = True
    tanaka = env.person("U0TANAKA")
    await tanaka.press(await card(env, tanaka), action)
    assert "すでに完了しています" in await ephemeral_text(env, tanaka)


async def test_an_answer_while_temporal_is_away_keeps_its_words(env: SlackEnvironment) -> None:
    """The modal opens without the statement, and stays open with the typed text."""
    env.appeals.away = True
    tanaka = env.person("U0TANAKA")
    await tanaka.press(await card(env, tanaka), "appeal.overturn")
    answer = await tanaka.fill_and_submit({"reason": "型番でした"})
    assert "もう一度送信" in answer["errors"]["reason"]
    assert env.appeals.clicks == []


async def test_a_press_while_temporal_is_away_is_answered(env: SlackEnvironment) -> None:
    """The message asks the person to click again."""
    env.appeals.away = True
    tanaka = env.person("U0TANAKA")
    await tanaka.press(await card(env, tanaka), "appeal.claim")
    assert "もう一度押してください" in await ephemeral_text(env, tanaka)


@pytest.mark.parametrize(
    ("value", "workflow_id"),
    [
        (f"{APPEAL}:3", ROUTE),
        (f"{APPEAL}:3", "appeal/AZZZZZZZZZZZZ"),
        ("K7Q2F9XM0:3", f"appeal/{APPEAL}"),
        ("x", f"appeal/{APPEAL}"),
    ],
)
async def test_a_button_without_an_appeal_is_refused(
    env: SlackEnvironment, value: str, workflow_id: str
) -> None:
    """Neither an appeal nor a case gets a command."""
    tanaka = env.person("U0TANAKA")
    await tanaka.press(await card(env, tanaka, value, workflow_id), "appeal.claim")
    assert "読み込めませんでした" in await ephemeral_text(env, tanaka)
    assert env.appeals.clicks == []
    assert env.cases.clicks == []


async def test_an_unknown_button_is_refused(env: SlackEnvironment) -> None:
    """The button is from another version of Koban."""
    tanaka = env.person("U0TANAKA")
    await tanaka.press(await card(env, tanaka), "appeal.invented")
    assert "まだ対応していません" in await ephemeral_text(env, tanaka)
    assert env.appeals.clicks == []
