"""Recorder of today's workflow histories: `make record VERSION=0.2.0`.

Run it at every release; earlier histories stay and must still replay.
"""

import asyncio
import gzip
import re
import sys
import tempfile
from pathlib import Path

from temporalio.client import Client

from deploy.sandbox.slack.screen import controls
from deploy.sandbox.temporal import temporal_server
from tests.conftest import free_port
from tests.environment import Environment, koban
from tests.stories.flood import alerts, send_alerts
from tests.stories.test_a_bulk_decision import approved, bulk_case, decided, reported
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_appeals import an_appeal, answer_with, filed, muted, post
from tests.stories.test_working_a_case import choose
from workflows.client import StormClient
from workflows.domain.ids import appeal_workflow_id, storm_workflow_id
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Severity
from workflows.domain.storm import Called

HISTORIES = Path(__file__).parent / "histories"

SHORT = "limit.historyCount.suggestContinueAsNew=60"
LARGE = 50_000
"""Bytes above which a history is stored gzipped."""


async def one_tap(env: Environment) -> str:
    """Claim, preset, close, undo."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    await env.happens(lure(2))
    card, case = await case_of(sato)
    workflow_id = str(controls(card)[0].block_id)
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await sato.press(card, "case.preset.mute")
    card = await sato.wait_text(card, "完了")
    await env.wait_kind(case, "case_closed")
    await sato.press(card, "action.undo")
    await sato.wait_text(card, "取り消し済み")
    return workflow_id


async def four_eyes(env: Environment) -> str:
    """A refused click, an approval, a ban."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await env.happens(lure())
    card, _ = await case_of(sato)
    workflow_id = str(controls(card)[0].block_id)
    await sato.press(card, "case.decide")
    await sato.fill_and_submit(
        {"verdict": "violation", "actions": ["permanent_ban"], "reason": "常習"}
    )
    asked = await tanaka.wait_card("ts-leads", "u_123")
    await sato.press(asked, "approval.approve")
    await sato.until(lambda: sato.ephemerals("ts-leads"), what="the refusal")
    await tanaka.press(asked, "approval.approve")
    await sato.wait_text(card, "完了")
    return workflow_id


async def trouble(env: Environment) -> str:
    """The platform refuses; retry, give up, no violation."""
    sato = await env.person("U0SATO")
    unknown = lure()
    unknown.things = []
    await env.happens(unknown)
    card, _ = await case_of(sato)
    workflow_id = str(controls(card)[0].block_id)
    await sato.press(card, "case.preset.mute")
    card = await sato.wait_text(card, "（404）")
    await sato.press(card, "action.give_up")
    card = await sato.wait_text(card, "対応中")
    await sato.press(card, "case.clear")
    await sato.wait_text(card, "完了")
    return workflow_id


async def storm(env: Environment) -> str:
    """Sixty more alerts at once, a claim in between, no violation."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    workflow_id = str(controls(card)[0].block_id)
    await send_alerts(env, alerts(range(2, 32)))
    await sato.press(card, "担当する")
    await send_alerts(env, alerts(range(32, 62)))
    card = await sato.wait_text(card, "60件")
    await sato.press(card, "case.clear")
    await sato.wait_text(card, "完了")
    await env.wait_kind(case, "case_closed")
    return workflow_id


async def appeals(env: Environment) -> str:
    """One is upheld after a refused click, one overturned by an uninvolved lead."""
    tanaka, reed = await env.person("U0TANAKA"), await env.person("U0REED")
    _, _, case = await muted(env, "U0TANAKA")
    card, first = await filed(env, case, reed)
    await tanaka.press(card, "appeal.claim")
    await tanaka.until(lambda: tanaka.ephemerals("ts-leads"), what="the refusal")
    await answer_with(reed, card, "appeal.uphold", "記録で確認しました")
    await reed.wait_text(card, "異議申し立ての結果を本人に通知しました")
    await env.client.get_workflow_handle(appeal_workflow_id(first)).result()
    await post(env, an_appeal(case, "ap-2"))
    second = await reed.wait_card("ts-leads", lambda c: c["ts"] != card["ts"])
    await reed.press(second, "appeal.claim")
    second = await reed.wait_text(second, "再審査中")
    await answer_with(reed, second, "appeal.overturn", "型番でした")
    await reed.wait_text(second, "異議申し立ての結果を本人に通知しました")
    return appeal_workflow_id(second["metadata"]["event_payload"]["appeal"])


async def working(env: Environment) -> str:
    """An automatic protection, a note, a hold, a hand-over, a confirmation and a takeover."""
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    await env.happens(lure(viewers=1240))
    card, case = await case_of(sato)
    card = await sato.wait_text(card, "自動対応中")
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await choose(sato, card, "wait")
    await sato.fill_and_submit({"note": "購入者からの返信待ち"})
    card = await sato.wait_text(card, "保留")
    await sato.press(card, "case.resume")
    await env.wait_kind(case, "case_resumed")
    await choose(sato, card, "handover")
    await sato.fill_and_submit({"person": "U0CLARK", "note": "配信を確認中です"})
    card = await clark.wait_text(card, "Emma")
    await clark.press(card, "case.confirm")
    await clark.wait_text(card, "完了")
    return str(controls(card)[0].block_id)


async def crowd(env: Environment) -> str:
    """A bulk decision on thirty accounts with an approval."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await reported(env, 30)
    card, _ = await bulk_case(sato)
    workflow_id = str(controls(card)[0].block_id)
    await decided(sato, card, actions=["warn"])
    await approved(tanaka)
    await sato.wait_text(card, "完了")
    return workflow_id


async def flood(env: Environment) -> str:
    """A storm that mentions the shift once, and ends at its second check."""
    routes = StormClient(env.client, env.settings.temporal.task_queue)
    await routes.begin("ts-live")
    call = Called(case="K7Q2F9XM0", seq=2, role=Role.SPECIALIST, severity=Severity.CRITICAL)
    await routes.called("ts-live", call)
    return storm_workflow_id("ts-live")


async def save(env: Environment, workflow_id: str, folder: Path, name: str) -> None:
    """Writes the histories of all workflows in this environment after their end."""
    await env.client.get_workflow_handle(workflow_id).result()
    number = 0
    async for found in env.client.list_workflows():
        handle = env.client.get_workflow_handle(found.id, run_id=found.run_id)
        history = await handle.fetch_history()
        kind = found.workflow_type.removesuffix("Workflow").lower()
        store(folder / f"{name}-{kind}-{number}.json", history.to_json())
        number += 1


def store(path: Path, history: str) -> None:
    """Writes a history, a large one gzipped; the same history gives the same bytes."""
    raw = (history + "\n").encode()
    if len(raw) <= LARGE:
        path.write_bytes(raw)
    else:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(raw, mtime=0))


def stored(path: Path) -> str:
    """A recorded history."""
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()


SCENES = (one_tap, four_eyes, trouble, storm, appeals, working, crowd, flood)


async def main(version: str) -> None:
    """Records every scene under `histories/VERSION`."""
    folder = HISTORIES / version
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place:
        port = free_port()
        # Histories are long at 60 events here, so that the recordings have snapshots between runs.
        server = temporal_server(Path(place), port, more=(SHORT,))
        await server.start()
        try:
            await _answers(f"127.0.0.1:{port}")
            for scene in SCENES:
                work_folder = Path(place) / scene.__name__
                work_folder.mkdir()
                async with koban(f"127.0.0.1:{port}", work_folder) as env:
                    await save(env, await scene(env), folder, scene.__name__)
        finally:
            await server.kill()


async def _answers(address: str) -> None:
    for _ in range(200):
        try:
            await Client.connect(address)
        except RuntimeError:
            await asyncio.sleep(0.05)
        else:
            return
    raise RuntimeError(f"Temporal at {address} does not answer")


def asked(arguments: list[str]) -> str:
    """The version to record. Exits with a message if it is invalid or exists already."""
    version = arguments[0] if arguments else ""
    if not re.fullmatch(r"\d+\.\d+\.\d+[a-z0-9.-]*", version):
        raise SystemExit("Say which version is recorded: make record VERSION=0.2.0")
    if (HISTORIES / version).exists():
        raise SystemExit(f"{version} is recorded already: what a release wrote is not replaced.")
    return version


if __name__ == "__main__":
    asyncio.run(main(asked(sys.argv[1:])))
