"""Crashes, lost answers and outages during a shift."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.sandbox.app import POLICY
from deploy.sandbox.slack.person import wait_until
from deploy.sandbox.slack.screen import controls, visible_text
from tests.environment import Environment, koban, work
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_long_life import offers
from workflows.domain.case.commands import AddNote, Claim, Click, Place
from workflows.domain.people import Actor


async def test_a_click_while_every_worker_is_down(temporal: str, tmp_path: Path) -> None:
    """The click is acked at once and carried out when a worker is back."""
    async with koban(temporal, tmp_path, working=False) as env:
        sato = await env.person("U0SATO")
        await env.happens(lure())
        async with work(env.settings):
            card, _ = await case_of(sato)
        await sato.press(card, "24時間コメント制限")
        assert await sato.errors() == []
        assert await env.changes() == []
        async with work(env.settings):
            await sato.wait_text(card, "完了")
        assert await env.changes() == [("POST", "users/u_123/mutes")]


async def test_alerts_while_every_worker_is_down(temporal: str, tmp_path: Path) -> None:
    """Alerts are accepted and make one card for each subject when a worker is back."""
    async with koban(temporal, tmp_path, working=False) as env:
        sato = await env.person("U0SATO")
        for number in range(1, 4):
            assert (await env.happens(lure(number)))[0]["result"] == "accepted"
        await env.happens(lure(9, "u_456"))
        async with work(env.settings):
            await sato.wait_card("ts-live", "u_456")
            card, _ = await case_of(sato)
            await sato.wait_text(card, "2件")
        assert len(await sato.cards("ts-live")) == 2


async def test_slack_loses_its_answer_after_posting(env: Environment) -> None:
    """There is one card, because Koban searches for it before posting again."""
    sato = await env.person("U0SATO")
    faults = env.sandbox.faults
    faults.set("slack_lost_response", True)
    await env.happens(lure())
    # A worker that starved before its first post looks for one, and gets no answer either.
    calls = env.sandbox.workspace.calls
    met = lambda: calls["chat.postMessage"] or calls["conversations.history"]  # noqa: E731
    await wait_until(met, what="the lost response")
    faults.set("slack_lost_response", False)
    card, _ = await case_of(sato)
    await sato.press(card, "担当する")
    await sato.wait_text(card, "佐藤")
    assert len(await sato.cards("ts-live")) == 1


async def test_slack_refuses_every_call_for_a_while(env: Environment) -> None:
    """Afterwards the card shows the last state, not the first."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "担当する")
    await sato.wait_text(card, "佐藤")
    env.sandbox.faults.set("slack_429", True)
    await sato.press(card, "case.clear")
    await env.wait_kind(case, "case_closed")
    env.sandbox.faults.set("slack_429", False)
    await sato.wait_text(card, "完了")


async def test_a_click_with_unknown_roles_waits(env: Environment) -> None:
    """Roles are checked first; an outage only delays the click."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, _ = await case_of(sato)
    env.sandbox.faults.set("slack_429", True)
    await sato.press(card, "24時間コメント制限")
    handle = env.client.get_workflow_handle(controls(card)[0].block_id)

    async def waits() -> bool:
        pending = (await handle.describe()).raw_description.pending_activities
        return any(each.activity_type.name == "roles_of" for each in pending)

    await wait_until(waits, what="a click that waits for its person's roles")
    assert await env.changes() == []
    env.sandbox.faults.set("slack_429", False)
    await sato.wait_text(card, "完了")
    assert await env.changes() == [("POST", "users/u_123/mutes")]


async def test_the_platform_loses_its_answer_after_acting(env: Environment) -> None:
    """The change is made once; the second call returns the first result."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    faults = env.sandbox.faults
    faults.set("platform_lost_response", True)
    await sato.press(card, "24時間コメント制限")

    async def acted() -> bool:
        return bool(env.sandbox.market.executions())

    await wait_until(acted, what="the change at the marketplace")
    faults.set("platform_lost_response", False)
    await sato.wait_text(card, "完了")
    key = f"{case}/D1/mute_user/u_123"
    assert env.executions() == {key: 1}


async def test_the_platform_is_down_and_comes_back(env: Environment) -> None:
    """The card shows the retries, and then the result."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, _ = await case_of(sato)
    env.sandbox.faults.set("platform_500", True)
    await sato.press(card, "24時間コメント制限")
    await sato.wait_text(card, "再試行")
    env.sandbox.faults.set("platform_500", False)
    await sato.wait_text(card, "完了")
    assert await env.changes() == [("POST", "users/u_123/mutes")]


async def test_what_the_platform_refuses_is_retried_or_given_up(env: Environment) -> None:
    """The card shows the failure and offers the next steps."""
    sato = await env.person("U0SATO")
    unknown = lure()
    unknown.things = []
    await env.happens(unknown)
    card, case = await case_of(sato)
    await sato.press(card, "24時間コメント制限")
    card = await sato.wait_text(card, "（404）")
    env.sandbox.market.put("users", {"id": "u_123", "name": "あとから"})
    await sato.press(card, "action.retry")
    await sato.wait_text(card, "完了")
    assert env.executions() == {f"{case}/D1/mute_user/u_123": 1}


async def test_giving_up_gives_the_case_back(env: Environment) -> None:
    """The assignee can make another decision."""
    sato = await env.person("U0SATO")
    unknown = lure()
    unknown.things = []
    await env.happens(unknown)
    card, case = await case_of(sato)
    await sato.press(card, "24時間コメント制限")
    card = await sato.wait_text(card, "（404）")
    await sato.press(card, "action.give_up")
    card = await sato.wait_text(card, "対応中")
    await sato.press(card, "case.clear")
    await sato.wait_text(card, "完了")
    assert await env.changes() == []
    assert "actions_given_up" in await env.kinds(case)


async def test_a_deleted_card_is_posted_again(env: Environment) -> None:
    """A person deleted the message of an open case."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, _ = await case_of(sato)
    messages = env.sandbox.workspace.messages
    stored = messages.find(card["channel"], card["ts"])
    assert stored is not None
    messages.delete(stored)
    await env.happens(lure(2))
    again = await sato.wait_card("ts-live", lambda c: c["ts"] != card["ts"])
    assert "u_123" in visible_text(again)


async def test_a_press_is_not_decided_before_it_was_received(env: Environment) -> None:
    """The time of receipt counts, unless that clock is far off."""
    await env.happens(lure())
    sato = await env.person("U0SATO")
    card, case = await case_of(sato)
    cases = env.cases
    workflow_id, place = str(controls(card)[0].block_id), Place(channel="C0LIVE")
    ahead = datetime.now(UTC) + timedelta(seconds=6)
    for command, at in (
        (Claim(by=Actor(id="U0SATO")), ahead),
        (AddNote(by=Actor(id="U0SATO"), note="確認中"), ahead + timedelta(hours=1)),
    ):
        click = Click(
            id=f"press/{command.kind}", case=case, command=command, place=place, received_at=at
        )
        await cases.click(workflow_id, click)
    await env.wait_kind(case, "note_added")
    rows = {row["kind"]: row["at"] for row in await env.queries.events_of(case)}
    assert rows["case_claimed"] == ahead
    assert ahead <= rows["note_added"] < ahead + timedelta(minutes=1)


async def test_a_timed_change_whose_answer_was_lost_is_confirmed_by_a_retry(
    env: Environment,
) -> None:
    """Retry asks for the same end: another one would be another request under the same key."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    env.sandbox.faults.set("platform_lost_response", True)
    await sato.press(card, "24時間コメント制限")
    card = await sato.wait_text(card, "再試行")
    await env.client.get_workflow_handle(f"enforcement/{case}/D1").terminate("an operator")
    env.sandbox.faults.set("platform_lost_response", False)
    await env.wait_kind(case, "action_failed")
    card = await sato.wait_card("ts-live", offers("action.retry"))
    await sato.press(card, "action.retry")
    await sato.wait_text(card, "完了")
    assert env.executions() == {f"{case}/D1/mute_user/u_123": 1}


async def test_an_undo_after_a_rollback_and_a_retry_takes_effect(
    temporal: str, tmp_path: Path
) -> None:
    """Each attempt has its own idempotency key: the platform would answer with the old result."""
    policy = Path(shutil.copytree(POLICY, tmp_path / "policy"))
    book = policy / "playbooks" / "off_platform.yaml"
    conduct = "conduct: {order: in_turn, on_failure: undo}"
    hide = "actions: [hide_message, warn], "
    book.write_text(book.read_text("utf-8").replace(hide, f"{hide}{conduct}, "), "utf-8")
    async with koban(temporal, tmp_path, policy=policy) as env:
        sato = await env.person("U0SATO")
        await env.happens(lure())
        person = env.sandbox.market.remove("users", "u_123")
        card, case = await case_of(sato)
        await sato.press(card, "非表示と警告")
        card = await sato.wait_text(card, "（404）")
        env.sandbox.market.put("users", person)
        await sato.press(card, "action.retry")
        card = await sato.wait_text(card, "完了")
        await sato.press(card, "action.undo")
        await env.wait_kind(case, "action_undone")
        first, second = (f"{case}/D1/hide_message/m_77{life}" for life in ("", "/2"))
        made = {key for key in env.executions() if "hide_message" in key}
        assert made == {first, f"{first}/undo", second, f"{second}/undo"}
