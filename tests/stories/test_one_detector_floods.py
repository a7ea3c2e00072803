"""Excess of one detector: other detectors' alerts are carded, and presses are answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.sandbox.app import INGEST_SECRET
from deploy.sandbox.slack.person import wait_until
from deploy.sandbox.traffic.sender import signed
from tests.bench.excess import worst_alert, worst_bodies
from tests.environment import Environment, koban, work_process
from tests.stories.test_a_shift import case_of, lure

pytestmark = pytest.mark.long


@pytest.fixture
async def env(temporal: str, tmp_path: Path) -> AsyncIterator[Environment]:
    """A Koban whose worker is a process, whose tasks the SDK interrupts after two seconds."""
    async with koban(temporal, tmp_path, working=False) as env, work_process(env, tmp_path):
        yield env


async def posted(env: Environment, value: object) -> int:
    """The status of a request of the flood."""
    body = json.dumps(value, separators=(",", ":"))
    answer = await env.http.post(
        f"{env.url}/v1/alerts",
        content=body,
        headers=signed(INGEST_SECRET, body),
        timeout=600,
    )
    return answer.status_code


async def test_the_others_go_on(env: Environment) -> None:
    """While a detector sends the largest requests, a card is posted, claimed and decided."""
    sato = await env.person("U0SATO")
    bodies = [value for _ in range(3) for value in worst_bodies().values()]
    flood = [asyncio.create_task(posted(env, value)) for value in bodies]
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await sato.press(card, "24時間コメント制限")
    await sato.wait_text(card, "完了")
    assert await asyncio.gather(*flood) == [202, 202, 422, 413] * 3
    await env.wait_kind(case, "case_closed")


async def test_a_case_of_the_largest_alerts_is_not_stuck(env: Environment) -> None:
    """Four at the limits join one case, and a press on its card is carried out."""
    sato = await env.person("U0SATO")
    await env.happens(lure(person="u_flood"))
    card, case = await case_of(sato, "u_flood")
    for _ in range(4):
        assert await posted(env, worst_alert("u_flood")) == 202
    await sato.press(card, "担当する")
    await sato.wait_text(card, "佐藤")
    await env.wait_kind(case, "case_claimed")

    async def all_joined() -> bool:
        row = await env.queries.case(case)
        return row is not None and row["alerts"] == 5

    await wait_until(all_joined, what="four more alerts in the case")
