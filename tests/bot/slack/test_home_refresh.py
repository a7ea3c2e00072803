"""App Home refresh: after clicks, in each language, within Slack's rate limit."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.services.team import Duty, OnCall
from bot.slack.home import refresh
from bot.slack.home.refresh import (
    HOMES,
    KEPT,
    HomePublisher,
    HomeRefresh,
    Outcome,
)
from bot.slack.rendering import Block, section
from bot.tasks import Background
from deploy.sandbox.faults import Fault
from deploy.sandbox.serve import serving
from deploy.sandbox.slack.app import make_app
from deploy.sandbox.slack.person import WAIT_SECONDS, Person, wait_until
from deploy.sandbox.slack.screen import visible_text
from deploy.sandbox.slack.workspace import Workspace
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import NOW, line
from tests.bot.slack.test_home import home
from workflows.domain.metrics.metrics import Backlog, Numbers, Sla
from workflows.domain.policy.playbook import Severity
from workflows.domain.policy.roster import ShiftTurn
from workflows.domain.values import Language, Text

SATO, TANAKA = "U0SATO", "U0TANAKA"


def on_call() -> OnCall:
    day = Text(ja="日勤", en="Day shift")
    turn = ShiftTurn(shift="day", title=day, starts=NOW, ends=NOW + timedelta(hours=8))
    return OnCall(roster=True, now=(Duty(turn=turn, people=(SATO,), leads=(TANAKA,)),))


async def until_shown(person: Person, text: str) -> str:
    """The open home, once it contains `text`."""

    async def look() -> str:
        view = (await person.state())["home"]
        read = visible_text(view) if view else ""
        return read if text in read else ""

    return await person.until(look, what=f"{text} on the home")


# -- content ------------------------------------------------------------------------------


async def test_home_shows_the_shift_and_todays_figures(env: SlackEnvironment) -> None:
    """The day starts at the team's midnight: 2026-11-23 in Tokyo, 15:00 UTC."""
    env.team.duty = on_call()
    env.team.counted = Numbers(
        since=NOW,
        until=NOW,
        opened=12,
        closed=9,
        sla={Severity.HIGH: Sla(met=2, missed=1)},
        backlog=Backlog(open={Severity.HIGH: 3}, overdue={Severity.HIGH: 1}),
    )
    read = await home(env, SATO)
    assert "現在の当番" in read
    assert "• 日勤（2026-11-23 11:10 UTC まで）" in read
    assert "<@U0SATO> · リード <@U0TANAKA>" in read
    assert "受付 12件 · 完了 9件" in read
    assert "未完了 3件（期限超過 1件）: 高 3（超過 1）" in read
    assert "期限内の判断 66%（2/3件）: 高 2/3" in read
    since, until = env.team.asked[0]
    assert (since.isoformat(), until) == ("2026-11-23T00:00:00+09:00", NOW)


async def test_the_most_urgent_section_comes_first(env: SlackEnvironment) -> None:
    """Approvals, own cases, overdue, shift, figures, language and help come in this order."""
    read = await home(env, "U0CLARK")
    order = [
        "Awaiting your approval",
        "Assigned to you",
        "Overdue",
        "On call now",
        "Today",
        "Koban’s language",
        "How to use Koban",
    ]
    places = [read.index(each) for each in order]
    assert places == sorted(places)


async def test_the_fullest_home_is_taken_by_slack(env: SlackEnvironment) -> None:
    """500 cases are overdue, the reader's own and to be approved; Slack takes 100 blocks."""
    env.team.duty = on_call()
    env.ledger.lines = tuple(
        line(f"K{n:08}", owner="U0REED", due_in=-5, approvers=["lead"]) for n in range(500)
    )
    read = await home(env, "U0REED")
    assert "Assigned to you (500)" in read
    blocks = env.workspace.views.homes["U0REED"].blocks
    assert len(blocks) <= 60


# -- the language -------------------------------------------------------------------------


async def test_a_language_is_chosen_and_drawn(env: SlackEnvironment) -> None:
    """The select shows the choice; going back to Slack's language is a choice too."""
    sato = env.person(SATO)
    await sato.home()
    await until_shown(sato, "あなたの担当")
    for picked, stored, shown in (
        ("English", Language.EN, "en"),
        ("日本語", Language.JA, "ja"),
        ("Slack に合わせる", None, "slack"),
    ):
        await sato.choose((await sato.state())["home"], "home.language", picked)
        await wait_until(lambda value=stored: env.team.chosen.get(SATO, "?") == value)

        async def drawn(value: str = shown) -> bool:
            view = (await sato.state())["home"]
            (select,) = [b["accessory"] for b in view["blocks"] if "accessory" in b]
            return select["initial_option"]["value"] == value

        await sato.until(drawn, what=f"{shown} in the switch")


async def test_a_language_that_can_not_be_stored_is_reported(env: SlackEnvironment) -> None:
    """The person gets a direct message, because a home has no other place for errors."""
    sato = env.person(SATO)
    await sato.home()
    await until_shown(sato, "あなたの担当")
    env.team.away = True
    await sato.choose((await sato.state())["home"], "home.language", "English")

    async def told() -> str:
        return "".join(message["text"] for message in await sato.messages("dm"))

    assert (await sato.until(told, what="a message")).startswith("表示言語を保存できませんでした。")
    assert env.team.chosen == {}


# -- refresh ------------------------------------------------------------------------------


async def test_a_press_refreshes_the_homes_that_it_changes(env: SlackEnvironment) -> None:
    """Every open home is checked, and only changed ones are published."""
    sato, reed = env.person(SATO), env.person("U0REED")
    for person, words in ((sato, "あなたの担当 0件"), (reed, "Assigned to you (0)")):
        await person.home()
        await until_shown(person, words)
    before = env.workspace.calls["views.publish"]
    card = await env.message(sato, env.card())
    env.ledger.lines = (line("K0000000A", owner=SATO),)
    await sato.press(card, "担当する")
    await until_shown(sato, "あなたの担当 1件")
    # The second look finds nothing new for either of them.
    reads = env.ledger.log.count("queue")
    await wait_until(lambda: env.ledger.log.count("queue") > reads)
    assert env.workspace.calls["views.publish"] == before + 1


async def test_without_an_open_home_nothing_is_read(env: SlackEnvironment) -> None:
    """A click does not read the ledger."""
    sato = env.person(SATO)
    await sato.press(await env.message(sato, env.card()), "担当する")
    await wait_until(lambda: env.cases.clicks != [])
    assert env.ledger.log == []
    assert env.workspace.calls["views.publish"] == 0


# -- rate limits --------------------------------------------------------------------------


@dataclass
class Slack:
    """A workspace and its home publisher, with a clock for tests."""

    workspace: Workspace
    publisher: HomePublisher
    now: list[float] = field(default_factory=lambda: [0.0])

    def published(self) -> int:
        return self.workspace.calls["views.publish"]


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    workspace, now = Workspace(), [0.0]
    async with serving(make_app(workspace)) as url, aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            token=workspace.bot_token, base_url=f"{url}/api/", session=session, retry_handlers=[]
        )
        yield Slack(workspace, HomePublisher(client, lambda: now[0]), now)


def page(text: str) -> list[Block]:
    return [section(text)]


async def test_a_home_that_stays_the_same_is_not_published_again(slack: Slack) -> None:
    """After five minutes it is, because another process may have published meanwhile."""
    assert await slack.publisher.publish(SATO, page("a")) is Outcome.SHOWN
    assert slack.publisher.is_shown(SATO, page("a"))
    assert not slack.publisher.is_shown(SATO, page("b"))
    assert not slack.publisher.is_shown(TANAKA, page("a"))
    slack.now[0] += KEPT
    assert not slack.publisher.is_shown(SATO, page("a"))


async def test_a_view_of_another_process_is_not_written_over(slack: Slack) -> None:
    """Slack refuses an outdated hash; the next update succeeds."""
    await slack.publisher.publish(SATO, page("mine"))
    slack.workspace.views.publish(SATO, {"type": "home", "blocks": page("theirs")})
    assert await slack.publisher.publish(SATO, page("mine again")) is Outcome.STALE
    assert slack.workspace.views.homes[SATO].blocks[0]["text"]["text"] == "theirs"
    assert await slack.publisher.publish(SATO, page("drawn anew")) is Outcome.SHOWN


async def test_the_hash_at_the_opening_is_used(slack: Slack) -> None:
    """A home that another process has changed is published again."""
    await slack.publisher.publish(SATO, page("a"))
    slack.publisher.seen(SATO, slack.workspace.views.homes[SATO].hash)
    assert slack.publisher.is_shown(SATO, page("a"))
    slack.publisher.seen(SATO, "another")
    assert not slack.publisher.is_shown(SATO, page("a"))


async def test_a_lost_answer_is_not_taken_for_published(slack: Slack) -> None:
    """It is published again without a hash."""
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, True)
    assert await slack.publisher.publish(SATO, page("a")) is Outcome.FAILED
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, False)
    assert not slack.publisher.is_shown(SATO, page("a"))
    assert await slack.publisher.publish(SATO, page("a")) is Outcome.SHOWN


async def test_retry_after_is_respected(slack: Slack) -> None:
    """Nothing is published before Retry-After is over."""
    slack.workspace.faults.set(Fault.SLACK_429, True)
    assert await slack.publisher.publish(SATO, page("a")) is Outcome.LATER
    slack.workspace.faults.set(Fault.SLACK_429, False)
    assert 0.9 < slack.publisher.wait() <= 1.0
    slack.now[0] += 1.0
    assert slack.publisher.wait() == 0.0


async def test_a_minute_has_so_many_calls_and_no_more(slack: Slack) -> None:
    """A burst, then an even pace: modals need the rest of what Slack takes."""
    made = 0
    for _ in range(600):
        made += slack.publisher.wait() == 0.0
        slack.now[0] += 0.1
    assert made == HOMES.burst + HOMES.per_minute - 1


@dataclass
class Homes:
    """Open homes with their content; `gate` delays the drawing."""

    texts: dict[str, str] = field(default_factory=dict)
    drawn: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def draw(self, person: str) -> list[Block]:
        await self.gate.wait()
        self.drawn.append(person)
        return page(self.texts.get(person, "-"))


async def test_an_opened_home_comes_first(slack: Slack) -> None:
    """It is drawn before the homes that are refreshed, and each home once."""
    looked, beside = Homes(), Background()
    seen = HomeRefresh(slack.publisher, looked.draw, beside)
    for person in (SATO, TANAKA, "U0REED"):
        seen.opened(person)
    seen.refresh()
    seen.opened("U0CLARK")
    looked.gate.set()
    await wait_until(lambda: slack.published() == 4)
    assert looked.drawn[0] == "U0CLARK"
    assert sorted(looked.drawn) == sorted([SATO, TANAKA, "U0REED", "U0CLARK"])
    await beside.drain(1)


async def test_the_last_state_is_shown_though_slack_was_away(slack: Slack) -> None:
    """A home that could not be published is drawn again for the retry."""
    looked, beside = Homes(texts={SATO: "old"}), Background()
    looked.gate.set()
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, True)
    seen = HomeRefresh(slack.publisher, looked.draw, beside)
    seen.opened(SATO)
    await wait_until(lambda: slack.published() >= 1)
    looked.texts[SATO] = "new"
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, False)
    await wait_until(lambda: _shows(slack, SATO, "new"))
    await beside.drain(1)


def _shows(slack: Slack, person: str, text: str) -> bool:
    home_: Any = slack.workspace.views.homes.get(person)
    return home_ is not None and home_.blocks[0]["text"]["text"] == text


async def test_a_home_not_opened_for_long_is_not_refreshed(slack: Slack) -> None:
    """The limit is half an hour after the last opening."""
    now = [0.0]
    looked, beside = Homes(), Background()
    looked.gate.set()
    seen = HomeRefresh(slack.publisher, looked.draw, beside, lambda: now[0])
    seen.opened(SATO)
    await wait_until(lambda: looked.drawn == [SATO])
    now[0] += refresh.LATELY + 1
    seen.opened(TANAKA)
    seen.refresh()
    await wait_until(lambda: TANAKA in looked.drawn)
    assert looked.drawn.count(SATO) == 1
    await beside.drain(1)


async def test_the_end_of_the_process_waits_for_no_home(slack: Slack) -> None:
    """Endless background tasks are cancelled at once."""
    looked, beside = Homes(), Background()
    HomeRefresh(slack.publisher, looked.draw, beside).opened(SATO)
    async with asyncio.timeout(WAIT_SECONDS):
        await beside.drain(10 * WAIT_SECONDS)
