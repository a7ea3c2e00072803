"""Personal data: erased by the daily run, or for one person, while the numbers stay."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.schema import cases, erasures, evidence_files
from bot.cli.main import main
from bot.settings import Settings
from deploy.sandbox.app import POLICY
from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.screen import visible_text
from deploy.sandbox.traffic.alerts import image
from tests.environment import Environment, koban
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_evidence import files, market, opened, showing, shows
from workflows.domain.policy.reports import Retention
from workflows.report.schedules import RETENTION, Schedules, retention_schedule


async def decided(env: Environment, sato: Person) -> tuple[dict, str]:
    """A case that ended with 24 hours of mute, its card and its id."""
    card, case = await case_of(sato)
    await sato.press(card, "24時間コメント制限")
    await env.wait_kind(case, "case_closed")
    await env.wait_kind(case, "action_verified")
    # The last event: each one writes the end of the case again.
    await env.wait_kind(case, "notice_sent")
    return card, case


async def rests(env: Environment) -> None:
    """Waits until the workflows of closed cases have written their snapshots."""
    database = Database(env.settings.ledger.url.get_secret_value())

    async def settled() -> bool:
        async with database.reading() as connection:
            rows = (await connection.execute(sa.select(cases.c.snapshot))).scalars().all()
        return None not in rows

    await wait_until(settled, what="the snapshot of every case")
    await database.aclose()


async def grows_old(env: Environment, days: int) -> None:
    """Moves the end of all cases, and what is to be lifted, into the past."""
    await rests(env)
    database = Database(env.settings.ledger.url.get_secret_value())
    ended = datetime.now(UTC) - timedelta(days=days)
    await database.execute(sa.update(cases).values(closed_at=ended))
    await database.execute(sa.text("UPDATE actions SET until = NULL"))
    await database.execute(sa.update(evidence_files).values(at=ended))
    await database.aclose()


async def nightly(env: Environment) -> dict[str, int]:
    """Triggers the daily run; its counts in the ledger."""
    schedules = Schedules(env.client, env.settings.temporal.task_queue)
    await schedules.keep([retention_schedule(Retention(), ZoneInfo("Asia/Tokyo"))])
    await env.client.get_schedule_handle(RETENTION).trigger()
    database = Database(env.settings.ledger.url.get_secret_value())

    async def ended() -> dict[str, int] | None:
        async with database.reading() as connection:
            query = sa.select(erasures.c.counts).where(erasures.c.ended_at.is_not(None))
            found = (await connection.execute(query)).scalars().all()
        return dict(found[-1]) if found else None

    counts = None
    try:
        async with asyncio.timeout(120):
            while counts is None:
                counts = await ended()
                await asyncio.sleep(0.05)  # between two looks
    finally:
        await database.aclose()
    return counts


async def test_the_daily_run_erases_what_is_old(temporal: str, tmp_path: Path) -> None:
    """Evidence and its picture go, also at Slack; the decision, the numbers and the chain stay."""
    policy = Path(copytree(POLICY, tmp_path / "policy"))
    async with koban(temporal, tmp_path, policy=policy) as env:
        sato = await env.person("U0SATO")
        await env.happens(lure(more=(image(f"{market(env)}/m_77.png"),)))
        card, _ = await case_of(sato)
        view = await opened(sato, card)
        await sato.press(view, shows(view)[0])
        (file,) = files(await showing(sato, "表示したことを記録しました"))
        card, case = await decided(env, await env.person("U0CLARK"))
        assert "LINE ID" in visible_text(await sato.latest(card))
        await grows_old(env, 200)
        counts = await nightly(env)
        assert counts["evidence"] > 0
        assert counts["images"] == 1
        assert file not in env.sandbox.workspace.uploads.files
        events = await env.queries.events_of(case)
        assert [each["kind"] for each in events][-1] == "case_closed"
        assert events[0]["data"]["alert"]["excerpt"] == ""
        assert await env.findings() == ()

        async def redrawn() -> bool:
            return "LINE ID" not in visible_text(await sato.latest(card))

        await wait_until(redrawn, what="a card without evidence")
        assert "24時間コメント制限" in visible_text(await sato.latest(card))


def erase(settings: Settings, *options: str) -> int:
    """`koban erase` for the ledger and Temporal of a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOBAN_LEDGER__URL", settings.ledger.url.get_secret_value())
        patch.setenv("KOBAN_TEMPORAL__ADDRESS", settings.temporal.address)
        patch.setenv("KOBAN_TEMPORAL__NAMESPACE", settings.temporal.namespace)
        with pytest.raises(SystemExit) as ended:
            main(["erase", "user:u_123", *options])
    return int(ended.value.code or 0)


async def test_a_person_asks_to_be_erased(
    env: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused while their case is open; then their card has no evidence and the ban stays."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    await case_of(sato)
    assert await asyncio.to_thread(erase, env.settings, "--yes") == 1
    assert "open or under appeal" in capsys.readouterr().err
    card, case = await decided(env, sato)
    await rests(env)
    assert "LINE ID" in visible_text(await sato.latest(card))
    assert await asyncio.to_thread(erase, env.settings, "--dry-run") == 0
    assert "user:u_123: 1 cases, 1 alerts" in capsys.readouterr().out
    assert "LINE ID" in str([e["data"] for e in await env.queries.events_of(case)])
    assert await asyncio.to_thread(erase, env.settings, "--yes", "--by", "ticket 7") == 0
    assert "erased: 1 cases, 1 alerts" in capsys.readouterr().out
    assert "LINE ID" not in str([e["data"] for e in await env.queries.events_of(case)])

    async def redrawn() -> bool:
        return "LINE ID" not in visible_text(await sato.latest(card))

    await wait_until(redrawn, what="a card without evidence")
    assert "24時間コメント制限" in visible_text(await sato.latest(card))
    assert ("POST", "users/u_123/mutes") in await env.changes()
    assert await env.findings() == ()
    assert await asyncio.to_thread(erase, env.settings, "--yes") == 0
    assert "nothing to erase" in capsys.readouterr().out
