"""Bulk decision: many accounts decided once, approved, enforced in waves, stopped and undone."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from activities.ledger.bulk import BulkLedger
from activities.ledger.database import Database
from activities.ledger.schema import lookups
from deploy.sandbox.app import POLICY
from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.screen import controls, visible_text
from deploy.sandbox.traffic import resale_ring
from tests.environment import Environment, koban, work, work_process

MEMBERS = 60
FIELDS = {"actions": ["suspend_user"], "reason": "同じ端末から登録された転売業者"}


@asynccontextmanager
async def ledger(env: Environment) -> AsyncIterator[Database]:
    """Rows of the ledger."""
    database = Database(env.settings.ledger.url.get_secret_value())
    yield database
    await database.aclose()


async def reported(env: Environment, members: int = MEMBERS) -> None:
    """A case about one of several accounts with the same phone; the platform has the others."""
    scene = resale_ring.scene(members)
    for _, body in scene.things:
        body["device_id"] = "d_ring0"
    await env.happens(scene)


async def bulk_case(person: Person) -> tuple[dict, str]:
    """The card, and its case id."""
    card = await person.wait_card("ts-market", "u_ring0")
    return card, card["metadata"]["event_payload"]["case"]


async def shown(person: Person, text: str) -> dict | None:
    """The modal, once it contains this text."""
    views = await person.views()
    return next((view for view in views if text in visible_text(view)), None)


async def opened(person: Person) -> dict:
    """The modal, once its look-ups are counted."""

    async def look() -> dict | None:
        views = await person.views()
        return next((view for view in views if view["callback_id"] == "bulk"), None)

    return await person.until(look, what="the modal with its look-ups")


async def decided(person: Person, card: dict, preview: str = "実行します", **more: object) -> None:
    """Previews, which has these words, and decides."""
    await person.choose_overflow(card, "一括で判断…")
    await opened(person)
    answers = {**FIELDS, "sources": ["device"], **more}
    assert await person.fill_and_submit(answers) == {"ok": True}
    await person.until(lambda: shown(person, preview), what="the reach")
    assert await person.fill_and_submit({}) == {"ok": True}


async def approved(approver: Person) -> dict:
    """Approves on the lead's card."""
    asked = await approver.wait_card("ts-leads", "u_ring0")
    await approver.press(asked, "approval.approve")
    return asked


def keys(env: Environment, end: str = "") -> dict[str, int]:
    """Number of changes at the marketplace by idempotency key, without notices."""
    made = env.executions()
    return {key: times for key, times in made.items() if key.endswith(end)}


def notice_keys(env: Environment) -> dict[str, int]:
    """Number of notices at the marketplace by idempotency key."""
    made = env.sandbox.market.executions()
    return {key: times for key, times in made.items() if "/notice/" in key}


@pytest.mark.long
async def test_sixty_accounts_with_approval_and_progress(env: Environment) -> None:
    """After preview and approval each account is suspended once; the card has the count."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await reported(env)
    card, case = await bulk_case(sato)
    await sato.choose_overflow(card, "一括で判断…")
    modal = await opened(sato)
    assert "同じ端末（59件）" in [
        option["text"]["text"]
        for control in controls(modal)
        if control.block_id == "sources"
        for option in control.element["options"]
    ]
    answers = {**FIELDS, "sources": ["device"], "ids": "u_ring0, u_ring1"}
    assert await sato.fill_and_submit(answers) == {"ok": True}
    modal = await sato.until(lambda: shown(sato, "60件に実行します"), what="the reach")
    assert "対象 60件 · 出品中 300 · フォロワー 6,960" in visible_text(modal)
    assert env.sandbox.market.executions() == {}
    assert await sato.fill_and_submit({}) == {"ok": True}
    asked = await tanaka.wait_card("ts-leads", "u_ring0")
    assert "影響: 対象 60件 · 出品中 300 · フォロワー 6,960" in visible_text(asked)
    assert "影響範囲: 対象 60件 · 措置 60件" in visible_text(asked)
    assert env.sandbox.market.executions() == {}
    await tanaka.press(asked, "approval.approve")
    card = await sato.wait_text(card, "60/60 完了")
    assert keys(env) == {f"{case}/D1/suspend_user/u_ring{n}": 1 for n in range(60)}
    await env.wait_kind(case, "case_closed")
    kinds = await env.kinds(case)
    assert kinds[:5] == [
        "case_opened",
        "case_claimed",
        "decided",
        "approval_requested",
        "approved",
    ]
    # On a busy machine the first notice comes after the end.
    ended = [kind for kind in kinds if not kind.startswith("notice_")]
    assert ended[-3:] == ["bulk_progressed", "action_verified", "case_closed"]
    await env.wait_kind(case, "notice_sent")
    await sato.wait_text(card, "通知 60/60件")
    assert notice_keys(env) == {f"{case}/D1/notice/u_ring{n}": 1 for n in range(60)}
    assert await env.findings() == ()
    async with ledger(env) as database:
        decision = await BulkLedger(database).last_of(case)
        assert decision is not None
        assert decision.bulk is not None
        assert await BulkLedger(database).bulk_statuses(decision.bulk.id) == "v" * 60


@pytest.mark.long
async def test_the_decider_can_not_approve_a_bulk(env: Environment) -> None:
    """A lead's bulk decision needs another lead."""
    tanaka = await env.person("U0TANAKA")
    await reported(env, 8)
    card, _ = await bulk_case(tanaka)
    await decided(tanaka, card)
    await approved(tanaka)
    answers = await tanaka.until(lambda: tanaka.ephemerals("ts-leads"), what="the refusal")
    assert "自分の判断" in answers[-1]["text"]
    assert env.sandbox.market.executions() == {}


async def test_more_than_a_thousand_are_refused_without_effect(env: Environment) -> None:
    """The modal has an error; nothing is sent, claimed or stored."""
    sato = await env.person("U0SATO")
    await reported(env, 1002)
    card, case = await bulk_case(sato)
    await sato.choose_overflow(card, "一括で判断…")
    await opened(sato)
    answer = await sato.fill_and_submit({**FIELDS, "sources": ["device"]})
    assert answer["errors"] == {
        "sources": "一括で判断できるのは1,000件までです（現在 1,002件）。対象を減らしてください。"
    }
    assert await env.kinds(case) == ["case_opened"]
    assert env.sandbox.market.executions() == {}


@pytest.mark.long
async def test_stopped_half_way(env: Environment) -> None:
    """Running actions finish, the others are skipped, and the case closes with the results."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    clark = await env.person("U0CLARK")
    await reported(env)
    card, case = await bulk_case(sato)
    await decided(sato, card)
    asked = await tanaka.wait_card("ts-leads", "u_ring0")
    # The first wave can't end before the press.
    env.sandbox.faults.set("platform_500", True)
    await tanaka.press(asked, "approval.approve")
    card = await sato.wait_text(card, "再試行中 25")
    await clark.press(card, "bulk.stop")
    await env.wait_kind(case, "bulk_stopped")
    env.sandbox.faults.set("platform_500", False)
    card = await sato.wait_text(card, "途中で停止しました")
    assert "見送り" in visible_text(card)
    await env.wait_kind(case, "case_closed")
    done = keys(env)
    assert 25 <= len(done) < 60
    assert set(done.values()) == {1}
    assert f"{len(done)}/60 完了・見送り {60 - len(done)}" in visible_text(await sato.latest(card))


@pytest.mark.long
async def test_undone_all_together(env: Environment) -> None:
    """A lead undoes it, because a lead approved it; in waves, and each account once."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await reported(env, 30)
    card, case = await bulk_case(sato)
    await decided(sato, card)
    await approved(tanaka)
    card = await sato.wait_text(card, "30/30 完了")
    await env.wait_kind(case, "case_closed")
    await sato.press(card, "action.undo")
    answers = await sato.until(lambda: sato.ephemerals("ts-market"), what="the refusal")
    assert "リード" in answers[-1]["text"]
    await tanaka.press(card, "action.undo")
    card = await sato.wait_text(card, "取り消し 30")
    await sato.wait_text(card, "取り消し済み")
    assert keys(env, "/undo") == {f"{case}/D1/suspend_user/u_ring{n}/undo": 1 for n in range(30)}
    assert (await env.thing("users", "u_ring7"))["status"] == "active"


async def test_failed_ones_do_not_stop_the_others(env: Environment) -> None:
    """Failures are listed first, retried, and given up; finished actions remain."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await reported(env, 30)
    card, case = await bulk_case(sato)
    await decided(sato, card, ids="u_ghost1 u_ghost2")
    await approved(tanaka)
    card = await sato.wait_text(card, "30/32 完了・失敗 2")
    await sato.press(card, "bulk.list")
    listed = visible_text(await sato.modal())
    assert listed.index("u_ghost1") < listed.index("u_ghost2") < listed.index("u_ring0")
    assert "（404）" in listed
    await sato.close_modal()
    for type_, body in resale_ring.scene(1, first="u_ghost1").things:
        env.sandbox.market.put(type_, body)
    await sato.press(card, "action.retry")
    card = await sato.wait_text(card, "31/32 完了・失敗 1")
    await sato.press(card, "action.give_up")
    card = await sato.wait_text(card, "31/32 完了・中止 1")
    await env.wait_kind(case, "case_closed")
    assert len(keys(env)) == 31
    assert set(keys(env).values()) == {1}


@pytest.mark.long
async def test_a_worker_dies_in_the_middle(temporal: str, tmp_path: Path) -> None:
    """Another worker continues: every account is suspended exactly once."""
    async with koban(temporal, tmp_path, working=False) as env:
        sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
        await reported(env)
        async with work(env.settings):
            card, case = await bulk_case(sato)
            await decided(sato, card)
            asked = await tanaka.wait_card("ts-leads", "u_ring0")
        await tanaka.press(asked, "approval.approve")
        async with work_process(env, tmp_path):
            await wait_until(lambda: len(keys(env)) >= 10, what="some suspended accounts")
        assert 10 <= len(keys(env)) < 60
        async with work(env.settings):
            await sato.wait_text(card, "60/60 完了")
            await env.wait_kind(case, "case_closed")
        assert keys(env) == {f"{case}/D1/suspend_user/u_ring{n}": 1 for n in range(60)}
        assert await env.findings() == ()


@pytest.mark.long
async def test_an_operator_ends_it_in_the_middle(env: Environment) -> None:
    """The card offers a retry, which continues from the ledger."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await reported(env)
    card, case = await bulk_case(sato)
    await decided(sato, card)
    await approved(tanaka)
    await wait_until(lambda: len(keys(env)) >= 10, what="some suspended accounts")
    assert len(keys(env)) < 60
    await env.client.get_workflow_handle(f"enforcement/{case}/D1").terminate("by hand")
    card = await sato.wait_text(card, "実行失敗")
    await sato.press(card, "action.retry")
    await sato.wait_text(card, "60/60 完了")
    await env.wait_kind(case, "case_closed")
    assert keys(env) == {f"{case}/D1/suspend_user/u_ring{n}": 1 for n in range(60)}


@pytest.mark.long
async def test_the_platform_is_down_for_a_while(env: Environment) -> None:
    """One wave waits, no account is skipped, and the card has the reason."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await reported(env, 40)
    card, case = await bulk_case(sato)
    await decided(sato, card)
    asked = await tanaka.wait_card("ts-leads", "u_ring0")
    env.sandbox.faults.set("platform_500", True)
    await tanaka.press(asked, "approval.approve")
    await sato.wait_text(card, "再試行中 25")
    assert keys(env) == {}
    env.sandbox.faults.set("platform_500", False)
    await sato.wait_text(card, "40/40 完了")
    await env.wait_kind(case, "case_closed")
    assert keys(env) == {f"{case}/D1/suspend_user/u_ring{n}": 1 for n in range(40)}


async def test_two_actions_for_each(env: Environment) -> None:
    """A subject is finished with both actions; below the limit no approval is needed."""
    sato = await env.person("U0SATO")
    await reported(env, 4)
    card, case = await bulk_case(sato)
    await decided(sato, card, actions=["warn", "hold_payout"])
    await sato.wait_text(card, "4/4 完了")
    await env.wait_kind(case, "case_closed")
    assert keys(env) == {
        f"{case}/D1/{action}/u_ring{n}": 1 for action in ("warn", "hold_payout") for n in range(4)
    }
    await sato.press(await sato.latest(card), "action.undo")
    await sato.wait_text(card, "取り消し 4")
    assert (await env.thing("users", "u_ring2"))["payout_held"] is False
    assert (await env.thing("users", "u_ring2"))["warnings"] == 0


async def test_the_list_is_turned_page_by_page(env: Environment) -> None:
    """Before the approval as well, so that approvers see the accounts."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await reported(env)
    card, _ = await bulk_case(sato)
    await decided(sato, card)
    asked = await tanaka.wait_card("ts-leads", "u_ring0")
    await tanaka.press(asked, "bulk.list")
    first = await tanaka.modal()
    assert "対象 60件中 1–25件目" in visible_text(first)
    assert "未実行" in visible_text(first)
    await tanaka.press(first, "次へ")
    await tanaka.until(lambda: shown(tanaka, "対象 60件中 26–50件目"), what="the second page")
    async with ledger(env) as database, database.reading() as connection:
        looks = (await connection.execute(sa.select(lookups.c.actor, lookups.c.why))).all()
    assert looks == [("U0TANAKA", "bulk, page 1"), ("U0TANAKA", "bulk, page 2")]


@pytest.mark.long
async def test_a_case_shows_its_bulk_decision(env: Environment) -> None:
    """`/koban case ID` offers it before, and has the number afterwards."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await reported(env, 8)
    card, case = await bulk_case(sato)
    await sato.command(f"/koban case {case}", "ts-market")
    answers = await sato.until(lambda: sato.ephemerals("ts-market"), what="the answer")
    assert "一括で判断…" in [control.label for control in controls(answers[-1])]
    await decided(sato, card)
    await approved(tanaka)
    await sato.wait_text(card, "8/8 完了")
    await tanaka.command(f"/koban case {case}", "ts-market")
    answers = await tanaka.until(lambda: tanaka.ephemerals("ts-market"), what="the answer")
    assert "一括判断: 8/8 完了" in visible_text(answers[-1])
    assert visible_text(answers[-1]).count("アカウント停止") <= 1


@pytest.mark.long
async def test_timed_actions_are_lifted_for_each(temporal: str, tmp_path: Path) -> None:
    """Each subject's own timer lifts them on time, after the case was closed."""
    policy = Path(shutil.copytree(POLICY, tmp_path / "policy"))
    written = (policy / "actions.yaml").read_text("utf-8")
    head, _, rest = written.partition("  suspend_user:")
    short = rest.replace("timed: {default: 24h, max: 7d}", "timed: {default: 3s, max: 7d}", 1)
    (policy / "actions.yaml").write_text(f"{head}  suspend_user:{short}", "utf-8")
    async with koban(temporal, tmp_path, policy=policy) as env:
        sato = await env.person("U0SATO")
        await reported(env, 4)
        card, case = await bulk_case(sato)
        await decided(sato, card)
        await env.wait_kind(case, "case_closed")
        await sato.wait_text(card, "期間終了 4")
        paths = [path for method, path in await env.changes() if method == "DELETE"]
        assert sorted(paths) == [f"users/u_ring{n}/suspensions/{case}" for n in range(4)]
        assert (await env.thing("users", "u_ring3"))["status"] == "active"
        (row,) = await env.queries.actions_on("user", "u_ring3")
        assert (row["status"], row["decided_by"]) == ("lifted", "U0SATO")


@pytest.mark.parametrize("ids", ["u_a\u0007b", "x" * 300])
async def test_an_invalid_id_is_an_error_in_the_modal(env: Environment, ids: str) -> None:
    """Nothing is sent."""
    sato = await env.person("U0SATO")
    await reported(env, 3)
    card, case = await bulk_case(sato)
    await sato.choose_overflow(card, "一括で判断…")
    await opened(sato)
    answer = await sato.fill_and_submit({**FIELDS, "ids": ids})
    assert answer["errors"]["ids"].startswith("ID として使えない文字があります")
    assert await env.kinds(case) == ["case_opened"]
