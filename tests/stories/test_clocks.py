"""Hours and days of a shift, in seconds: Temporal's time-skipping server runs the clocks."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from google.protobuf.empty_pb2 import Empty
from temporalio import service
from temporalio.api.testservice.v1 import SleepRequest
from temporalio.client import Client
from temporalio.service import RPCError

from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.reading import visible_text
from deploy.sandbox.stage import POLICY
from tests.conftest import a_skipping_server
from tests.stories.flood import alerts, pour
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_working_a_case import choose
from tests.world import World, koban

T, R = TypeVar("T"), TypeVar("R")
STEP = timedelta(minutes=15)


class Night:
    """A world whose clock can be turned on."""

    def __init__(self, world: World, clock: service.TestService) -> None:
        self.world = world
        self._clock = clock

    async def passes(self, **time: float) -> None:
        """Turns the clock on, and lets everything happen that is due by then."""
        until = await self._now() + timedelta(**time)
        while (left := until - await self._now()) > timedelta():
            step = SleepRequest()
            step.duration.FromTimedelta(min(left, STEP))
            await self._asked(self._clock.unlock_time_skipping_with_sleep, step)

    async def _now(self) -> datetime:
        while True:
            answer = await self._asked(self._clock.get_current_time, Empty())
            if answer is not None:
                return answer.time.ToDatetime(UTC)

    async def _asked(self, call: Callable[[T], Awaitable[R]], request: T) -> R | None:
        """None where the server dropped the connection, which its own clock found silent."""
        try:
            return await call(request)
        except RPCError:
            return None


@pytest.fixture
async def night(tmp_path: Path) -> AsyncIterator[Night]:
    """A fresh server for each test: its clock is one for all that runs in it."""
    async with (
        a_skipping_server(tmp_path) as address,
        koban(address, tmp_path, namespace="default") as world,
    ):
        yield Night(world, (await Client.connect(address)).test_service)


async def threads(person: Person, card: dict) -> str:
    """Everything that the card's thread says."""
    return "\n".join(visible_text(message) for message in await person.thread(card))


def mentioned(night: Night) -> list[str]:
    """The groups that were mentioned, in their order."""
    return [note.target for note in night.world.stage.workspace.notifications]


async def test_nobody_claims(night: Night) -> None:
    """The shift is called after ten minutes, the lead after thirty; then it is quiet."""
    sato = await night.world.person("U0SATO")
    await night.world.happens(lure())
    card, case = await case_of(sato)
    await night.passes(minutes=9)
    assert await threads(sato, card) == ""
    await night.passes(minutes=1, seconds=30)
    await sato.until(lambda: threads(sato, card), what="a call for the shift")
    assert mentioned(night) == ["<!subteam^S0SHIFT>"]
    assert await night.world.kinds(case) == ["case_opened", "case_escalated"]
    await night.passes(minutes=21)

    async def twice() -> bool:
        return (await night.world.kinds(case)).count("case_escalated") == 2

    await sato.until(twice, what="a call for the leads")
    await night.passes(hours=1)
    assert (await night.world.kinds(case)).count("case_escalated") == 2
    assert mentioned(night) == ["<!subteam^S0SHIFT>", "<!subteam^S0LEAD>"]


@pytest.mark.long
async def test_ninety_days_with_an_alert_a_day(night: Night) -> None:
    """Every alert joins, nobody is called more often for it, and the last day can decide."""
    sato = await night.world.person("U0SATO")
    await night.world.happens(lure())
    card, case = await case_of(sato)
    for day in range(1, 91):
        await night.passes(hours=24)
        await pour(night.world, alerts([day + 1]))
    card = await sato.wait_text(card, "90件")
    await sato.press(card, "case.clear")
    await sato.wait_text(card, "完了")
    await night.world.wait_kind(case, "case_closed")
    kinds = await night.world.kinds(case)
    assert kinds.count("alert_joined") == 90
    assert kinds.count("case_escalated") == 2
    assert len(await sato.cards("ts-live")) == 1


async def test_a_claim_keeps_the_shift_asleep(night: Night) -> None:
    """Only the lead is called when the decision is overdue."""
    sato = await night.world.person("U0SATO")
    await night.world.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "担当する")
    await night.world.wait_kind(case, "case_claimed")
    await night.passes(minutes=20)
    await choose(sato, card, "note")
    await sato.fill_and_submit({"note": "出品履歴を確認中"})
    await night.world.wait_kind(case, "note_added")
    await night.passes(minutes=11)
    await night.world.wait_kind(case, "case_escalated")
    escalations = [
        row["data"]["notify"]
        for row in await night.world.queries.events_of(case)
        if row["kind"] == "case_escalated"
    ]
    assert escalations == ["lead"]


async def ask_for(person: Person, card: dict, action: str) -> None:
    """Decides with the modal on an action that needs approval."""
    await person.press(card, "case.decide")
    answer = await person.fill_and_submit(
        {"verdict": "violation", "actions": [action], "reason": "常習"}
    )
    assert answer == {"ok": True}
    await person.wait_text(card, "承認待ち")


async def test_an_approval_that_nobody_gives_is_refused_in_time(night: Night) -> None:
    """`on_expiry: refuse`: the decision is off, and nothing was done at the platform."""
    sato = await night.world.person("U0SATO")
    await night.world.happens(lure())
    card, case = await case_of(sato)
    await ask_for(sato, card, "end_stream")
    await night.passes(minutes=11)
    await night.world.wait_kind(case, "approval_expired")
    await sato.wait_text(card, "対応中")
    assert await night.world.changes() == []


async def test_an_approval_that_nobody_gives_is_asked_for_again(night: Night) -> None:
    """`on_expiry: escalate`: the leads are asked again, and a late yes still counts."""
    sato, tanaka = await night.world.person("U0SATO"), await night.world.person("U0TANAKA")
    await night.world.happens(lure())
    card, case = await case_of(sato)
    await ask_for(sato, card, "permanent_ban")
    await night.passes(minutes=31)
    await night.world.wait_kind(case, "approval_expired")
    asked = (await tanaka.cards("ts-leads"))[-1]
    await tanaka.press(asked, "approval.approve")
    await sato.wait_text(card, "完了")
    assert await night.world.changes() == [("POST", "users/u_123/bans")]


async def test_a_mute_ends_in_time_though_the_case_is_closed(temporal: str, tmp_path: Path) -> None:
    """Koban lifts it, and the card of the closed case says so; a mute of 3 s, in real time."""
    policy = tmp_path / "policy"
    shutil.copytree(POLICY, policy)
    book = policy / "playbooks" / "off_platform.yaml"
    book.write_text(book.read_text("utf-8").replace("{for: 24h}", "{for: 3s}"), "utf-8")
    async with koban(temporal, tmp_path, policy=policy) as world:
        sato = await world.person("U0SATO")
        await world.happens(lure())
        card, case = await case_of(sato)
        await sato.press(card, "case.preset.mute")
        await sato.wait_text(card, "完了")
        await world.wait_kind(case, "case_closed")
        await world.wait_kind(case, "action_lifted")
        assert (await world.thing("users", "u_123"))["muted"] is False
        assert await world.changes() == [
            ("POST", "users/u_123/mutes"),
            ("DELETE", f"users/u_123/mutes/{case}"),
        ]
        await sato.wait_text(card, "解除")
