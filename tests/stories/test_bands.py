"""Bands: what Koban decides, what people see, and what is only recorded."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.schema import alert_records, alerts
from deploy.sandbox.app import POLICY
from deploy.sandbox.slack.screen import controls, visible_text
from tests.environment import Environment, koban
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_notices import notices

BANDED = """
bands:
  - {detector: default, act: alert.score >= 0.98, review: alert.score >= 0.7}
auto:
  - {when: alert.score >= 0.99, preset: mute}
sample: {auto: 0.01%}
"""
TRIAL = """
playbook: trial
title: {ja: 試行, en: Trial}
mode: shadow
match: alert.kind == 'off_platform' && alert.score >= 0.5
channel: ts-live
severity: {high: "true"}
clocks: {high: {claim: 10m, decide: 30m}}
presets:
  - {id: mute, title: {ja: コメント制限, en: Mute}, actions: [{mute_user: {for: 1h}}]}
protect: [{action: mute_user, for: 15m}]
auto: [{when: alert.score >= 0.9, preset: mute}]
sample: {auto: 0.01%}
"""
Banded = Callable[..., AbstractAsyncContextManager[Environment]]


@pytest.fixture
def banded(temporal: str, tmp_path: Path) -> Banded:
    """Starts a Koban whose playbook of `off_platform` has more, with further playbooks."""

    @asynccontextmanager
    async def start(more: str, **playbooks: str) -> AsyncIterator[Environment]:
        policy = Path(shutil.copytree(POLICY, tmp_path / "policy"))
        own = policy / "playbooks" / "off_platform.yaml"
        own.write_text(own.read_text("utf-8") + more, "utf-8")
        for name, written in playbooks.items():
            (policy / "playbooks" / f"{name}.yaml").write_text(written, "utf-8")
        async with koban(temporal, tmp_path, policy=policy) as env:
            yield env

    return start


async def records(env: Environment) -> list[dict[str, Any]]:
    """The records of alerts without a case, by playbook and alert."""
    database = Database(env.settings.ledger.url.get_secret_value())
    order = (alert_records.c.playbook, alert_records.c.alert_id)
    rows = await database.rows(sa.select(alert_records).order_by(*order))
    await database.aclose()
    return [dict(row) for row in rows]


async def stored(env: Environment) -> list[str]:
    """The ids of the alerts that cases have taken."""
    database = Database(env.settings.ledger.url.get_secret_value())
    rows = await database.rows(sa.select(alerts.c.alert_id).order_by(alerts.c.alert_id))
    await database.aclose()
    return [row["alert_id"] for row in rows]


def scored(number: int, person: str, score: float, **more: object) -> Any:
    """An alert with another score about a person of their own."""
    made = lure(number, person, **more)
    for each in made.alerts:
        each["score"] = score
    return made


async def test_koban_decides_what_is_certain(banded: Banded) -> None:
    """Sato finds a decision by Koban, undoes it with one press, and decides otherwise."""
    async with banded(BANDED) as env:
        sato = await env.person("U0SATO")
        await env.happens(scored(1, "u_123", 0.995))
        card, case = await case_of(sato)
        card = await sato.wait_text(card, "完了")
        assert "Koban" in visible_text(card)
        assert (await env.thing("users", "u_123"))["muted"] is True
        await env.wait_kind(case, "notice_sent")
        kinds = await env.kinds(case)
        assert kinds[:4] == ["case_opened", "auto_decided", "decided", "action_verified"]
        assert sorted(kinds[4:]) == ["case_closed", "notice_sent"]
        [notice] = await notices(env, "u_123")
        assert "自動処理だけで判断しました" in notice["text"]["ja"]
        buttons = [each.label for each in controls(card) if each.kind == "button"]
        assert buttons == ["取り消して判断し直す"]
        await sato.press(card, "case.reconsider")
        card = await sato.wait_text(card, "再開しました")
        assert (await env.thing("users", "u_123"))["muted"] is False
        await sato.press(card, "case.clear")
        await sato.wait_text(card, "完了")
        assert await env.findings() == ()


async def test_people_decide_what_is_likely(banded: Banded) -> None:
    """A card of the band review has no automatic action, however severe it is."""
    async with banded(BANDED) as env:
        sato = await env.person("U0SATO")
        await env.happens(scored(1, "u_123", 0.975, viewers=5000))
        card, case = await case_of(sato)
        assert "自動対応" not in visible_text(card)
        assert await env.kinds(case) == ["case_opened"]
        assert await env.changes() == []


async def test_what_is_unlikely_is_only_recorded(banded: Banded) -> None:
    """The alert has no card; it is in the ledger once, however often it is sent."""
    async with banded(BANDED) as env:
        sato = await env.person("U0SATO")
        first = await env.happens(scored(1, "u_123", 0.4))
        again = await env.happens(scored(1, "u_123", 0.4))
        await env.happens(scored(2, "u_456", 0.8))
        await case_of(sato, "u_456")
        assert [each["result"] for each in (*first, *again)] == ["accepted", "duplicate"]
        assert len(await sato.cards("ts-live")) == 1
        [record] = await records(env)
        assert (record["alert_id"], record["kind"], record["band"]) == (
            "chat-000001",
            "alert_logged",
            "log",
        )
        assert record["body"]["subject"] == {"type": "user", "id": "u_123"}
        assert await stored(env) == ["chat-000002"]
        assert await env.findings() == ()


async def test_a_playbook_on_trial_acts_on_nothing(banded: Banded) -> None:
    """It records what it would do beside the playbook that has the case."""
    async with banded("", trial=TRIAL) as env:
        sato = await env.person("U0SATO")
        await env.happens(scored(1, "u_123", 0.92))
        _, case = await case_of(sato)
        [record] = await records(env)
        assert await env.kinds(case) == ["case_opened"]
        assert await env.changes() == []
        assert (record["playbook"], record["kind"], record["band"]) == (
            "trial",
            "shadow_decided",
            "act",
        )
        assert (record["actions"], record["preset"], record["body"]) == (
            ["mute_user"],
            "mute",
            None,
        )
        assert await env.findings() == ()


async def test_a_playbook_that_is_off_has_no_cards(banded: Banded) -> None:
    """Its alerts are recorded, and are no cases of the catch-all."""
    async with banded("mode: off\n") as env:
        sato = await env.person("U0SATO")
        await env.happens(scored(1, "u_123", 0.999))
        [record] = await records(env)
        assert (record["playbook"], record["kind"]) == ("off_platform", "alert_logged")
        assert await sato.cards("ts-live") == []
        assert await stored(env) == []
