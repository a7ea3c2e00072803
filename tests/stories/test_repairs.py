"""Repairs of what Temporal or the ledger lost: appeals, bulk decisions, an older backup."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from activities.ledger.database import Database
from activities.signatures import Signer
from bot.cli.setup import repair
from bot.settings import Settings
from bot.stores import Compared, Stores
from bot.temporal import open_client
from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.screen import controls, visible_text
from tests.environment import Environment, koban, policies_of, work
from tests.stories.test_a_bulk_decision import bulk_case, decided, keys, notice_keys, reported
from tests.stories.test_appeals import answer_with, filed, muted, notices, wait_notice
from tests.stories.test_losing_a_store import LOST, another_temporal, lines, named, opened
from tests.stories.test_notices import inbox
from workflows.client import Appeals
from workflows.domain.ids import closed_workflow_id, enforcement_workflow_id

AGAIN = "started again at Temporal"


@pytest.fixture
async def before(temporal: str, tmp_path: Path) -> AsyncIterator[Environment]:
    """A Koban without a worker."""
    async with koban(temporal, tmp_path, working=False) as made:
        yield made


async def runs(handle: WorkflowHandle[Any, Any]) -> bool:
    """Whether a workflow runs."""
    try:
        return (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    except RPCError:
        return False


def can_be_undone(card: dict[str, Any]) -> bool:
    """Whether a card offers the undo of all its actions."""
    return any(each.action_id == "action.undo" for each in controls(card))


@contextmanager
def older_backup(folder: Path) -> Iterator[None]:
    """The ledger after the block is that of its begin."""
    kept = sqlite3.connect(":memory:")
    live = sqlite3.connect(folder / "koban.db", timeout=60)
    live.backup(kept)
    yield
    kept.backup(live)
    live.close()
    kept.close()


# -- twice --------------------------------------------------------------------------------


async def test_two_repairs_at_once_start_a_case_once(before: Environment, temporal: str) -> None:
    """The second one found the case lost as well, and leaves it alone."""
    env = before
    async with work(env.settings):
        _, _, case = await opened(env)
    async with another_temporal(env, temporal) as settings:
        client = await open_client(settings.temporal)
        database = Database(settings.ledger.url.get_secret_value())

        class Late(Stores):
            """A repair that compared before another one began."""

            async def compared(self, whole: bool = False) -> Compared:
                return Compared([row], [])

        late = Late(client, "koban", database, policies_of(settings), Signer())
        row = await env.queries.case(case)
        assert row is not None
        assert await repair(settings) == 0
        assert [line async for line in late.repair()] == []
        assert await runs(client.get_workflow_handle(row["workflow_id"]))
        assert not await runs(client.get_workflow_handle(closed_workflow_id(case)))
        await database.aclose()


# -- an older backup of the ledger --------------------------------------------------------


async def test_an_older_backup_is_named_and_filled_in(
    env: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a running case wrote since is there again, and the case goes on."""
    sato, card, case = await opened(env)
    with older_backup(tmp_path):
        await sato.press(card, "担当する")
        await env.wait_kind(case, "case_claimed")
    assert "case_claimed" not in await env.written_kinds(case)
    assert await named(env.settings) == (
        f"The ledger lacks events of {case}: run koban doctor --fix."
    )
    assert await repair(env.settings) == 1
    assert lines(capsys.readouterr().out) == [
        f"fixed     {case}: written to the ledger",
        "left      not restored: cases that ended before Temporal's retention, look-ups, covers, "
        "pauses, settings of people, appeals and subjects of bulk decisions",
    ]
    assert await env.written_kinds(case) == ["case_opened", "case_claimed"]
    assert await named(env.settings) is None
    assert await env.findings() == ()
    await sato.press(card, "case.clear")
    await env.wait_kind(case, "case_closed")


async def test_an_older_backup_opens_no_case_again(env: Environment, tmp_path: Path) -> None:
    """A case that a person closed since stays closed, and its row says so again."""
    sato, card, case = await opened(env)
    row = await env.queries.case(case)
    assert row is not None
    group = env.client.get_workflow_handle(row["workflow_id"])
    with older_backup(tmp_path):
        await sato.press(card, "case.clear")
        await env.wait_kind(case, "case_closed")

        async def ended() -> bool:
            return not await runs(group)

        await wait_until(ended, what="the end of the case")
    assert "case_closed" not in await env.written_kinds(case)
    assert await named(env.settings) == (
        f"The ledger lacks events of {case}: run koban doctor --fix."
    )
    assert await repair(env.settings) == 1
    assert not await runs(group)
    assert not await runs(env.client.get_workflow_handle(closed_workflow_id(case)))
    assert (await env.written_kinds(case))[-1] == "case_closed"
    assert await named(env.settings) is None


# -- appeals ------------------------------------------------------------------------------


@pytest.mark.long
async def test_an_open_appeal_goes_on_after_the_repair(
    before: Environment, temporal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It keeps its deadline and card; the answer undoes the decision; each notice comes once."""
    env = before
    tanaka = await env.person("U0TANAKA")
    async with work(env.settings):
        _, _, case = await muted(env)
        card, appeal = await filed(env, case, tanaka)
        await tanaka.press(card, "appeal.claim")
        card = await tanaka.wait_text(card, "再審査中")
        await wait_notice(env, "received")
        await env.wait_kind(appeal, "appeal_notice_sent")
        await env.kinds(appeal)
        state = await env.appeals.memory(appeal)
        assert state is not None
    async with another_temporal(env, temporal) as settings, work(settings):
        sentence = f"Temporal lacks the appeals {appeal}: run koban doctor --fix."
        assert sentence in (await named(settings) or "")
        assert await repair(settings) == 0
        said = lines(capsys.readouterr().out)
        assert said == [f"fixed     {case}: {AGAIN}", f"fixed     {appeal}: {AGAIN}"]
        again = await Appeals(await open_client(settings.temporal), "koban").memory(appeal)
        assert again is not None
        assert again.appeal.deadline == state.appeal.deadline
        assert again.appeal.reminders == state.appeal.reminders
        assert again.appeal.owner == "U0TANAKA"
        assert await named(settings) is None
        assert await repair(settings) == 0
        assert lines(capsys.readouterr().out) == []
        await answer_with(tanaka, card, "appeal.overturn", "型番と確認できました")
        await tanaka.wait_text(card, "措置を取り消しました")
        assert (await env.thing("users", "u_123"))["muted"] is False
        await wait_notice(env, "overturned")
        assert await notices(env) == ["decision", "received", "overturned"]
        assert await env.changes() == [
            ("POST", "users/u_123/mutes"),
            ("DELETE", f"users/u_123/mutes/{case}"),
        ]
        assert len(await tanaka.cards("ts-leads")) == 1


async def test_a_pending_undo_of_an_appeal_is_carried_out_after_the_repair(
    before: Environment, temporal: str
) -> None:
    """The platform was away when Temporal was lost; the appeal gets the result."""
    env = before
    tanaka = await env.person("U0TANAKA")
    async with work(env.settings):
        _, _, case = await muted(env)
        card, appeal = await filed(env, case, tanaka)
        await wait_notice(env, "received")
        env.sandbox.faults.set("platform_500", True)
        await answer_with(tanaka, card, "appeal.overturn", "型番と確認できました")
        await env.wait_kind(case, "undo_requested")
        await env.kinds(case)
        await env.wait_kind(appeal, "appeal_overturned")
        await env.kinds(appeal)
    env.sandbox.faults.set("platform_500", False)
    assert (await env.thing("users", "u_123"))["muted"] is True
    async with another_temporal(env, temporal) as settings, work(settings):
        assert case in (await named(settings) or "")
        assert await repair(settings) == 0
        await tanaka.wait_text(card, "措置を取り消しました")
        assert (await env.thing("users", "u_123"))["muted"] is False
        await env.wait_kind(appeal, "appeal_carried_out")
        assert (await env.written_kinds(case)).count("appeal_answered") == 1
        assert await env.changes() == [
            ("POST", "users/u_123/mutes"),
            ("DELETE", f"users/u_123/mutes/{case}"),
        ]


# -- bulk decisions -----------------------------------------------------------------------


async def lost_bulk_modal(person: Person, card: dict[str, Any]) -> None:
    """The modal of a lost case says that it is lost, as the others do."""
    await person.choose_overflow(card, "一括で判断…")

    async def said() -> bool:
        return any(LOST in visible_text(view) for view in await person.views())

    await person.until(said, what="the sentence of the modal")


async def test_the_bulk_modal_says_that_a_case_is_lost(before: Environment, temporal: str) -> None:
    """It says the same as the other modals, not that nothing was taken."""
    env = before
    sato = await env.person("U0SATO")
    async with work(env.settings):
        await reported(env, 3)
        card, case = await bulk_case(sato)
        await env.kinds(case)
    async with another_temporal(env, temporal) as settings, work(settings):
        await lost_bulk_modal(sato, card)


async def enforced(settings: Settings, case: str, place: int) -> bool:
    """Whether the enforcement of one subject runs."""
    client = await open_client(settings.temporal)
    return await runs(client.get_workflow_handle(enforcement_workflow_id(case, "D1", place)))


@pytest.mark.long
async def test_the_notices_of_a_lost_bulk_decision_follow(
    before: Environment, temporal: str
) -> None:
    """Its case is closed; what was being sent is sent, and nothing twice."""
    env = before
    sato = await env.person("U0SATO")
    async with work(env.settings):
        await reported(env, 4)
        inbox(env, "u_ring2", "busy")
        card, case = await bulk_case(sato)
        await decided(sato, card, actions=["warn"])
        card = await sato.wait_text(card, "通知 3/4件、1件再送中")
        await env.wait_kind(case, "case_closed")
    inbox(env, "u_ring2", "open")
    async with another_temporal(env, temporal) as settings, work(settings):
        assert f"Temporal lacks {case}" in (await named(settings) or "")
        assert await repair(settings) == 0
        await sato.wait_text(card, "通知 4/4件")
        assert notice_keys(env) == {f"{case}/D1/notice/u_ring{n}": 1 for n in range(4)}
        assert keys(env) == {f"{case}/D1/warn/u_ring{n}": 1 for n in range(4)}


@pytest.mark.long
async def test_a_bulk_decision_that_was_lost_in_the_middle_is_finished(
    before: Environment, temporal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each account is suspended once; after a second loss the lifts and the undo still come."""
    env = before
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    async with work(env.settings):
        await reported(env, 30)
        card, case = await bulk_case(sato)
        await decided(sato, card)
        asked = await tanaka.wait_card("ts-leads", "u_ring0")
        env.sandbox.faults.set("platform_500", True)
        await tanaka.press(asked, "approval.approve")
        card = await sato.wait_text(card, "再試行中 25")
        await env.kinds(case)
    env.sandbox.faults.set("platform_500", False)
    async with another_temporal(env, temporal) as settings, work(settings):
        assert case in (await named(settings) or "")
        assert await repair(settings) == 0
        card = await sato.wait_text(card, "30/30 完了")
        await env.wait_kind(case, "case_closed")
        assert keys(env) == {f"{case}/D1/suspend_user/u_ring{n}": 1 for n in range(30)}
        await sato.wait_text(card, "通知 30/30件")
        await wait_until(lambda: enforced(settings, case, 7), what="the wait for a lift")
        capsys.readouterr()
    async with another_temporal(env, temporal) as settings, work(settings):
        assert f"Temporal lacks {case}" in (await named(settings) or "")
        assert await repair(settings) == 0
        assert lines(capsys.readouterr().out) == [f"fixed     {case}: {AGAIN}"]
        await wait_until(lambda: enforced(settings, case, 29), what="the last wait for a lift")
        card = await tanaka.wait_card("ts-market", can_be_undone)
        await tanaka.press(card, "action.undo")
        await sato.wait_text(card, "取り消し 30")
        undone = {f"{case}/D1/suspend_user/u_ring{n}/undo": 1 for n in range(30)}
        assert keys(env, "/undo") == undone
        made = {key: times for key, times in keys(env).items() if key not in undone}
        assert made == {f"{case}/D1/suspend_user/u_ring{n}": 1 for n in range(30)}
        assert notice_keys(env) == {f"{case}/D1/notice/u_ring{n}": 1 for n in range(30)}
