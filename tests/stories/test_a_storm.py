"""Storm: more new cases than Slack's rate limit allows to post."""

import re
from pathlib import Path

import pytest

from activities.ledger.storms import Storms
from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.screen import controls, visible_text
from tests.bench.storm import Arena, digests, play
from tests.bench.storm_plan import Plan, coming
from tests.bench.storm_watch import cards, case_of, text_of
from tests.environment import Environment, koban
from tests.stories.test_a_shift import lure

SUBJECTS = 40


def slow() -> Rates:
    """A rate of one card each two thirds of a second, so that forty subjects are a storm."""
    return Rates(speed=1.5)


def very_slow() -> Rates:
    """A rate of one card every two seconds, so that most cards are missing at the first click."""
    return Rates(speed=0.5)


def flood(count: int, per_subject: int = 2) -> list:
    """Alerts about `count` people in turn."""
    return [lure(n, f"u_f{n % count}") for n in range(1, count * per_subject + 1)]


async def sent(env: Environment, count: int = SUBJECTS, per_subject: int = 2) -> None:
    """Sends all of them in one request."""
    scenes = flood(count, per_subject)
    for scene in scenes:
        for type_, body in scene.things:
            env.sandbox.market.put(type_, body)
    await env.sender.send([alert for scene in scenes for alert in scene.alerts])


async def the_digest(person: Person) -> dict:
    """The storm digest, once it is posted."""
    return await person.wait_card("ts-live", "検知が集中しています")


@pytest.mark.long
async def test_no_alert_is_lost_in_a_storm(temporal: str, tmp_path: Path) -> None:
    """Nothing is lost or duplicated; there is one digest, and every card ends up current."""
    async with koban(temporal, tmp_path, rates=Rates(speed=3)) as env:
        plan = Plan(alerts=300, subjects=SUBJECTS, seconds=4.0, critical=3)
        for each in coming(plan):
            env.sandbox.market.put("users", {"id": each.subject, "name": "x"})
        arena = Arena(env.sandbox, env.sender, env.client, plan)
        found = await play(arena, press_every=2.0)
        # A busy machine makes a detector send again: what was taken is then known.
        assert sum(found["answers"].values()) == 300
        assert (found["cards"], found["duplicates"], found["lost"]) == (SUBJECTS, 0, 0)
        assert found["untrue"] == []
        assert found["press_to_visible"]["never"] == 0


@pytest.mark.long
async def test_the_digest_is_updated_until_every_card_is_posted(
    temporal: str, tmp_path: Path
) -> None:
    """One message has the counts of all cases."""
    async with koban(temporal, tmp_path, rates=slow()) as env:
        sato = await env.person("U0SATO")
        await sent(env)
        digest = await the_digest(sato)
        assert re.search(r"うち\d+件のカードは、重大度の高い順に", visible_text(digest))
        assert "外部誘導" in visible_text(digest)
        digest = await sato.wait_text(digest, "検知の集中は収まりました")
        assert "カードはすべて投稿済みです" in visible_text(digest)
        assert len(cards(env.sandbox.workspace)) == SUBJECTS
        assert len(digests(env.sandbox.workspace)) == 1


@pytest.mark.long
async def test_a_case_is_opened_and_claimed_before_its_card_is_posted(
    temporal: str, tmp_path: Path
) -> None:
    """The digest's button shows the case privately; a claim posts the card at once."""
    async with koban(temporal, tmp_path, rates=very_slow()) as env:
        sato = await env.person("U0SATO")
        await sent(env)
        digest = await the_digest(sato)
        standing = {case_of(card) for card in cards(env.sandbox.workspace)}
        waiting = await _waiting_case(env, digest, standing)
        await _open(sato, digest, waiting)
        private = await sato.until(lambda: _private(sato, waiting), what="the private card")
        assert "カードはまだ投稿されていません" in visible_text(private)
        await sato.press(private, "case.claim")

        def claimed() -> bool:
            mine = [c for c in cards(env.sandbox.workspace) if case_of(c) == waiting]
            return len(mine) == 1 and "佐藤" in text_of(mine[0])

        await wait_until(claimed, what="the claimed card")


async def _waiting_case(env: Environment, digest: dict, standing: set[str]) -> str:
    named = [c.element["value"] for c in controls(digest) if c.action_id == "storm.open"]
    return next(case for case in reversed(named) if case not in standing)


async def _open(person: Person, digest: dict, case: str) -> None:
    for control in controls(digest):
        if control.element.get("value") == case:
            await person._act(digest, control, {})


async def _private(person: Person, case: str) -> dict | None:
    found = [m for m in await person.ephemerals("ts-live") if case in visible_text(m)]
    return found[-1] if found else None


@pytest.mark.long
async def test_a_press_does_not_wait_behind_the_storm(temporal: str, tmp_path: Path) -> None:
    """The card is updated long before the waiting cards are posted."""
    async with koban(temporal, tmp_path, rates=very_slow()) as env:
        sato = await env.person("U0SATO")
        await env.happens(lure(1, "u_first"))
        card = await sato.wait_card("ts-live", "u_first")
        case = card["metadata"]["event_payload"]["case"]
        await sent(env)
        await the_digest(sato)
        await sato.press(card, "担当する")
        await sato.wait_text(card, "佐藤")
        assert len(cards(env.sandbox.workspace)) < SUBJECTS
        await env.wait_kind(case, "case_claimed")


async def test_without_a_flood_there_is_no_digest(temporal: str, tmp_path: Path) -> None:
    """Many open cases with posted cards are no storm."""
    async with koban(temporal, tmp_path) as env:
        await sent(env, 30, 1)
        standing = env.sandbox.workspace
        await wait_until(lambda: len(cards(standing)) == 30, what="thirty cards")
        storms = Storms(env.queries._database)

        async def nobody_waits() -> bool:
            return await storms.waiting("ts-live") == 0

        await wait_until(nobody_waits, what="every card to be written down")
        before = len(digests(standing))
        await env.happens(lure(99, "u_late"))
        await wait_until(lambda: len(cards(standing)) == 31, what="one more card")
        assert len(digests(standing)) == before
