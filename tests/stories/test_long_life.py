"""Continue-as-new: long cases on a server that suggests it every 60 events."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from deploy.sandbox.slack.person import WAIT_SECONDS, wait_until
from deploy.sandbox.slack.screen import controls
from tests.conftest import a_server
from tests.environment import Environment, koban
from tests.stories.flood import alerts, runs_of, send_alerts
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_slow_ledger import locked
from tests.timeouts import answered


@pytest.fixture(scope="module")
async def restless(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A server that suggests continue-as-new at 60 events."""
    folder = tmp_path_factory.mktemp("restless")
    async with a_server(folder, "limit.historyCount.suggestContinueAsNew=60") as address:
        yield address


@pytest.fixture
async def env(restless: str, tmp_path: Path) -> AsyncIterator[Environment]:
    """A running Koban on the restless server."""
    async with koban(restless, tmp_path) as made:
        yield made


async def counts(env: Environment, case: str, number: int) -> None:
    """Waits until the case in the ledger has this many alerts."""

    async def there() -> bool:
        row = await env.queries.case(case)
        return row is not None and row["alerts"] == number

    await wait_until(there, what=f"{number} alerts")


def offers(action: str) -> Callable[[dict], bool]:
    """True if a card has this button."""
    return lambda card: any(each.action_id == action for each in controls(card))


async def renewed(env: Environment, workflow_id: str, than: int) -> None:
    """Waits until the case has more than this many histories."""

    async def more() -> bool:
        return len(await runs_of(env, workflow_id)) > than

    await wait_until(more, what="a new history")


def file_of(env: Environment) -> Path:
    """The ledger's database."""
    url = env.settings.ledger.url.get_secret_value()
    return Path(url.removeprefix("sqlite+aiosqlite:///"))


def in_ledger(env: Environment) -> int:
    """Rows in the ledger's `alerts`."""
    with closing(sqlite3.connect(file_of(env), timeout=WAIT_SECONDS)) as ledger:
        return int(ledger.execute("select count(*) from alerts").fetchone()[0])


@pytest.mark.long
async def test_a_whole_shift_over_many_histories(env: Environment) -> None:
    """Claim, release, decision, approval and undo continue across several histories."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await env.happens(lure())
    card, case = await case_of(sato)
    workflow_id = str(controls(card)[0].block_id)
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await send_alerts(env, alerts(range(2, 40)))
    await renewed(env, workflow_id, 1)
    await sato.press(card, "case.decide")
    await sato.fill_and_submit(
        {"verdict": "violation", "actions": ["permanent_ban"], "reason": "常習"}
    )
    asked = await tanaka.wait_card("ts-leads", "u_123")
    before = len(await runs_of(env, workflow_id))
    await send_alerts(env, alerts(range(40, 80)))
    await renewed(env, workflow_id, before)
    await tanaka.press(asked, "approval.reject")
    await tanaka.fill_and_submit({"reason": "初回なので警告にしてください"})
    card = await sato.wait_text(card, "初回なので警告にしてください")
    await sato.press(card, "case.preset.ban")
    await sato.wait_text(card, "承認待ち")
    again = await tanaka.wait_card("ts-leads", offers("approval.approve"))
    await tanaka.press(again, "approval.approve")
    card = await sato.wait_text(card, "完了")
    await env.wait_kind(case, "case_closed")
    await tanaka.press(await tanaka.latest(card), "action.undo")
    await sato.wait_text(card, "取り消し済み")
    assert (await env.thing("users", "u_123"))["status"] == "active"
    assert await env.changes() == [
        ("POST", "users/u_123/bans"),
        ("DELETE", f"users/u_123/bans/{case}"),
    ]
    assert len(await sato.cards("ts-live")) == 1
    beside = ("alert_joined", "notice_sent")
    assert [kind for kind in await env.kinds(case) if kind not in beside] == [
        "case_opened",
        "case_claimed",
        "decided",
        "approval_requested",
        "rejected",
        "decided",
        "approval_requested",
        "approved",
        "action_verified",
        "case_closed",
        "undo_requested",
        "action_undone",
    ]
    assert in_ledger(env) == 79


@pytest.mark.long
async def test_two_thousand_alerts_join_one_case(env: Environment) -> None:
    """Each counts once, also after its id left the cache; no history exceeds its bound."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    workflow_id = str(controls(card)[0].block_id)
    for start in range(2, 2_102, 300):
        await send_alerts(env, alerts(range(start, start + 300)))
        await counts(env, case, start + 299)
    await send_alerts(
        env, [*alerts(range(1, 4)), *alerts(range(2_102, 2_104)), *alerts(range(4, 6))]
    )
    await counts(env, case, 2_103)
    runs = await runs_of(env, workflow_id)
    assert len(runs) >= 5
    assert max(run.events for run in runs) < 1_000
    assert max(run.bytes for run in runs) < 1_000_000
    assert in_ledger(env) == 2_103
    memory = await answered(lambda: env.cases.memory(workflow_id))
    assert memory is not None
    assert memory.case is not None
    assert memory.case.alerts == 2_103
    assert len(await sato.cards("ts-live")) == 1
    assert await env.kinds(case) == ["case_opened", *["alert_joined"] * 2_102]


@pytest.mark.long
async def test_histories_stay_short_while_slack_takes_nothing(env: Environment) -> None:
    """The waiting Slack write is cancelled and restarted; the last state is posted."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    workflow_id = str(controls(card)[0].block_id)
    env.sandbox.faults.set("slack_429", True)
    for start in range(2, 202, 20):
        await send_alerts(env, alerts(range(start, start + 20)))
        await counts(env, case, start + 19)
    await renewed(env, workflow_id, 1)
    env.sandbox.faults.set("slack_429", False)
    await sato.wait_text(card, "200件")
    assert len(await sato.cards("ts-live")) == 1


@pytest.mark.long
async def test_histories_stay_short_while_the_ledger_is_away(env: Environment) -> None:
    """Unwritten events are carried over and recorded in order once the ledger is back."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    workflow_id = str(controls(card)[0].block_id)
    async with locked(file_of(env)):
        for start in range(2, 102, 10):
            await send_alerts(env, alerts(range(start, start + 10)))
        await renewed(env, workflow_id, 1)
    await counts(env, case, 101)
    assert in_ledger(env) == 101
    assert await env.kinds(case) == ["case_opened", *["alert_joined"] * 100]
    await sato.wait_text(card, "100件")


@pytest.mark.long
async def test_an_enforcement_goes_on_over_a_new_history(env: Environment) -> None:
    """Its result reaches the case's next run."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    workflow_id = str(controls(card)[0].block_id)
    env.sandbox.faults.set("platform_500", True)
    await sato.press(card, "24時間コメント制限")
    await sato.wait_text(card, "再試行")
    await send_alerts(env, alerts(range(2, 60)))
    await renewed(env, workflow_id, 1)
    env.sandbox.faults.set("platform_500", False)
    await sato.wait_text(card, "完了")
    await env.wait_kind(case, "case_closed")
    assert env.executions() == {f"{case}/D1/mute_user/u_123": 1}


@pytest.mark.long
async def test_a_terminated_enforcement_is_detected_by_a_later_history(
    env: Environment,
) -> None:
    """The card offers Retry, although the run that started it has ended."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    workflow_id = str(controls(card)[0].block_id)
    env.sandbox.faults.set("platform_500", True)
    await sato.press(card, "24時間コメント制限")
    await sato.wait_text(card, "再試行")
    await send_alerts(env, alerts(range(2, 60)))
    await renewed(env, workflow_id, 1)
    await env.client.get_workflow_handle(f"enforcement/{case}/D1").terminate("an operator")
    env.sandbox.faults.set("platform_500", False)
    await env.wait_kind(case, "action_failed")
    card = await sato.wait_card("ts-live", offers("action.retry"))
    await sato.press(card, "action.retry")
    await sato.wait_text(card, "完了")
    assert env.executions() == {f"{case}/D1/mute_user/u_123": 1}


@pytest.mark.long
async def test_a_failed_action_does_not_keep_a_history_growing(env: Environment) -> None:
    """Alerts join until Retry is clicked, which still works."""
    sato = await env.person("U0SATO")
    unknown = lure()
    unknown.things = []
    await env.happens(unknown)
    card, case = await case_of(sato)
    workflow_id = str(controls(card)[0].block_id)
    await sato.press(card, "24時間コメント制限")
    card = await sato.wait_text(card, "（404）")
    await send_alerts(env, alerts(range(2, 80)))
    await renewed(env, workflow_id, 1)
    env.sandbox.market.put("users", {"id": "u_123", "name": "あとから"})
    await sato.press(card, "action.retry")
    await sato.wait_text(card, "完了")
    assert env.executions() == {f"{case}/D1/mute_user/u_123": 1}


@pytest.mark.long
async def test_more_late_alerts_than_a_start_can_hold(env: Environment) -> None:
    """3 MB of alerts after the decision, while Slack is unreachable, open the next case."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, first = await case_of(sato)
    workflow_id = str(controls(card)[0].block_id)
    await sato.press(card, "担当する")
    await sato.wait_text(card, "佐藤")
    env.sandbox.faults.set("slack_429", True)
    await sato.press(card, "case.clear")
    await env.wait_kind(first, "case_closed")
    late = alerts(range(2, 52), text="あ" * 20_000)
    await send_alerts(env, late)
    env.sandbox.faults.set("slack_429", False)
    await sato.wait_text(card, "完了")
    new = await sato.wait_card("ts-live", lambda c: c["ts"] != card["ts"])
    second = new["metadata"]["event_payload"]["case"]
    assert second != first
    await counts(env, second, 50)
    assert in_ledger(env) == 51
    described = await env.client.get_workflow_handle(workflow_id).describe()
    assert described.status is WorkflowExecutionStatus.RUNNING
