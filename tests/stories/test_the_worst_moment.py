"""Worker crash between the ledger's commit and Temporal's: the case continues."""

import shutil
import sys
from pathlib import Path

import pytest

from deploy.sandbox.app import POLICY
from deploy.sandbox.processes import Process
from deploy.sandbox.slack.person import wait_until
from tests.environment import Environment, koban, work
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_appeals import (
    an_appeal,
    answer_with,
    appeals_of,
    muted,
    notices,
    post,
    wait_notice,
)
from tests.stories.test_bands import BANDED, scored
from tests.stories.test_breaker import announced, changes_of

pytestmark = pytest.mark.long


async def dies_after(env: Environment, temporal: str, folder: Path, kind: str) -> None:
    """Runs a worker until it has recorded such an event and exited."""
    environment = env.sandbox.environment(
        temporal, env.settings.ledger.url.get_secret_value(), 0
    ) | {
        "KOBAN_TEMPORAL__NAMESPACE": env.settings.temporal.namespace,
        "KOBAN_POLICY": str(env.settings.policy),
    }
    command = [sys.executable, "-m", "tests.stories.dying_worker", kind]
    worker = Process("worker", command, folder / "worker.log", environment)
    await worker.start()
    try:
        await wait_until(lambda: not worker.running, what=f"the end of the worker at {kind}")
    finally:
        await worker.kill()


async def test_right_after_a_case_was_opened(temporal: str, tmp_path: Path) -> None:
    """The alert has one card."""
    async with koban(temporal, tmp_path, working=False) as env:
        sato = await env.person("U0SATO")
        await env.happens(lure())
        await dies_after(env, temporal, tmp_path, "case_opened")
        async with work(env.settings):
            card, case = await case_of(sato)
            await sato.press(card, "case.clear")
            await sato.wait_text(card, "完了")
            await env.wait_kind(case, "case_closed")
        kinds = await env.kinds(case)
        assert kinds == ["case_opened", "case_claimed", "decided", "case_closed"]
        assert await env.findings() == ()
        assert len(await sato.cards("ts-live")) == 1


@pytest.mark.wide(1)
@pytest.mark.parametrize("kind", ["case_claimed", "decided"])
async def test_right_after_a_press(temporal: str, tmp_path: Path, kind: str) -> None:
    """The click is carried out once, without a refusal."""
    async with koban(temporal, tmp_path, working=False) as env:
        sato = await env.person("U0SATO")
        await env.happens(lure())
        async with work(env.settings):
            card, case = await case_of(sato)
        await sato.press(card, "case.preset.mute")
        await dies_after(env, temporal, tmp_path, kind)
        async with work(env.settings):
            await sato.wait_text(card, "完了")
            await env.wait_kind(case, "case_closed")
        assert (await env.kinds(case)).count("decided") == 1
        assert await env.changes() == [("POST", "users/u_123/mutes")]
        assert await sato.ephemerals("ts-live") == []
        assert await env.findings() == ()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["alerts_claimed", "alert_joined"])
async def test_right_after_an_alert_joined(temporal: str, tmp_path: Path, kind: str) -> None:
    """The alert is counted once."""
    async with koban(temporal, tmp_path, working=False) as env:
        sato = await env.person("U0SATO")
        await env.happens(lure())
        async with work(env.settings):
            card, case = await case_of(sato)
        await env.happens(lure(2))
        await dies_after(env, temporal, tmp_path, kind)
        async with work(env.settings):
            await sato.press(card, "case.clear")
            await sato.wait_text(card, "完了")
            await env.wait_kind(case, "case_closed")
        assert (await env.kinds(case)).count("alert_joined") == 1
        row = await env.queries.case(case)
        assert row is not None
        assert row["alerts"] == 2


@pytest.mark.long
async def test_right_after_a_breaker_tripped(temporal: str, tmp_path: Path) -> None:
    """Its case never has the answer: the trip is announced once in each place all the same."""
    policy = Path(shutil.copytree(POLICY, tmp_path / "policy"))
    own = policy / "playbooks" / "off_platform.yaml"
    more = BANDED + "breaker: {window: 1h, floor: 2}\n"
    own.write_text(own.read_text("utf-8") + more, "utf-8")
    async with koban(temporal, tmp_path, working=False, policy=policy) as env:
        sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
        await env.happens(scored(1, "u_1", 0.99))
        async with work(env.settings):
            card, _ = await case_of(sato, "u_1")
            await sato.wait_text(card, "完了")
        await env.happens(scored(2, "u_2", 0.99))
        await dies_after(env, temporal, tmp_path, "breaker_tripped")
        async with work(env.settings):
            (_,) = await announced(sato, "ts-live")
            (_,) = await announced(tanaka, "ts-leads")
            await case_of(sato, "u_2")
        assert await changes_of(env) == [("breaker_tripped", "koban")]
        assert await env.changes() == [("POST", "users/u_1/mutes")]
        assert await env.findings() == ()


@pytest.mark.long
async def test_right_after_an_appeal_was_filed(temporal: str, tmp_path: Path) -> None:
    """There are one card, a deadline from the request, and a normal answer."""
    async with koban(temporal, tmp_path, working=False) as env:
        tanaka = await env.person("U0TANAKA")
        async with work(env.settings):
            _, _, case = await muted(env)
        assert (await post(env, an_appeal(case))).status_code == 202
        await dies_after(env, temporal, tmp_path, "appeal_filed")
        (filed,) = await appeals_of(env, case)
        async with work(env.settings):
            card = await tanaka.wait_card("ts-leads", "異議申し立て")
            await wait_notice(env, "received")
            await answer_with(tanaka, card, "appeal.uphold", "規約どおりです")
            await wait_notice(env, "upheld")
            await tanaka.wait_text(card, "異議申し立ての結果を本人に通知しました")
        (row,) = await appeals_of(env, case)
        assert (row["due_at"], row["state"]) == (filed["due_at"], "upheld")
        assert (await env.kinds(row["id"])).count("appeal_filed") == 1
        assert len(await tanaka.cards("ts-leads")) == 1
        assert await env.findings() == ()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["appeal_claimed", "appeal_overturned", "appeal_carried_out"])
async def test_right_after_an_appeal_was_answered(temporal: str, tmp_path: Path, kind: str) -> None:
    """The action is undone once, with one notice and no refusal."""
    async with koban(temporal, tmp_path, working=False) as env:
        tanaka = await env.person("U0TANAKA")
        async with work(env.settings):
            _, _, case = await muted(env)
            assert (await post(env, an_appeal(case))).status_code == 202
            card = await tanaka.wait_card("ts-leads", "異議申し立て")
            await wait_notice(env, "received")
        await answer_with(tanaka, card, "appeal.overturn", "型番でした")
        await dies_after(env, temporal, tmp_path, kind)
        async with work(env.settings):
            await wait_notice(env, "overturned")
            await tanaka.wait_text(card, "異議申し立ての結果を本人に通知しました")
        (row,) = await appeals_of(env, case)
        kinds = [each for each in await env.kinds(row["id"]) if each != "appeal_notice_sent"]
        assert kinds == [
            "appeal_filed",
            "appeal_claimed",
            "appeal_overturned",
            "appeal_carried_out",
        ]
        assert (await env.kinds(case)).count("appeal_answered") == 1
        assert await notices(env) == ["decision", "received", "overturned"]
        assert (await env.thing("users", "u_123"))["muted"] is False
        assert set(env.sandbox.market.executions().values()) == {1}
        assert await tanaka.ephemerals("ts-leads") == []
        assert await env.findings() == ()


@pytest.mark.long
async def test_right_after_a_case_recorded_the_answer(temporal: str, tmp_path: Path) -> None:
    """The answer is recorded once."""
    async with koban(temporal, tmp_path, working=False) as env:
        tanaka = await env.person("U0TANAKA")
        async with work(env.settings):
            _, _, case = await muted(env)
            assert (await post(env, an_appeal(case))).status_code == 202
            card = await tanaka.wait_card("ts-leads", "異議申し立て")
            await wait_notice(env, "received")
        await answer_with(tanaka, card, "appeal.overturn", "型番でした")
        await dies_after(env, temporal, tmp_path, "appeal_answered")
        async with work(env.settings):
            await wait_notice(env, "overturned")
        kinds = await env.kinds(case)
        assert (kinds.count("appeal_answered"), kinds.count("undo_requested")) == (1, 1)
        assert await env.findings() == ()
