"""App Home, drawn by its listener as for an opening."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from activities.slack.text.texts import texts
from bot.slack.background import Background
from bot.slack.doors import Doors
from bot.slack.home.listener import Home
from bot.slack.languages import Languages
from bot.slack.links import Links
from bot.slack.replies import Replies
from tests.bot.slack.fake_team import FakeTeam
from tests.bot.slack.fakes import (
    NOW,
    FakeAppeals,
    FakeCases,
    FakeCovers,
    FakeLedger,
    FakePeople,
    FakePlatform,
    FakePolicies,
    line,
)
from tests.slack_shapes.scene import BASE, Scene, Surface
from tests.slack_shapes.sent import Sent, view
from workflows.domain.alert import Subject
from workflows.domain.people import Role
from workflows.domain.text import Language, Text


@dataclass
class Screen:
    """Takes what is published instead of Slack."""

    shown: list[dict[str, Any]] = field(default_factory=list)
    drawn: asyncio.Event = field(default_factory=asyncio.Event)

    async def views_publish(self, **given: Any) -> dict[str, Any]:
        self.shown.append(given["view"])
        self.drawn.set()
        return {"view": {"hash": "1.a"}}

    async def auth_test(self) -> dict[str, str]:
        return {"url": BASE}


def _drawn(scene: Scene, ledger: FakeLedger, roles: set[Role]) -> Sent:
    screen, background = Screen(), Background()
    doors = Doors(
        cases=FakeCases(),
        appeals=FakeAppeals(),
        policies=FakePolicies(),
        people=FakePeople(roles_of={"U0CLARK": roles, "U0SATO": roles}),
        ledger=ledger,
        covers=FakeCovers(),
        platform=FakePlatform(),
        team=FakeTeam(),
        texts=texts,
        language=scene.language,
        zone=ZoneInfo("Asia/Tokyo"),
    )
    languages = Languages(doors, background)
    home = Home(doors, languages, Replies(screen), Links(screen), screen, background, lambda: NOW)
    person = "U0CLARK" if scene.language is Language.EN else "U0SATO"

    async def open_it() -> None:
        await home.opened({"tab": "home", "user": person})
        async with asyncio.timeout(5):
            await screen.drawn.wait()
        await background.drain(0)

    asyncio.run(open_it())
    return view(screen.shown[-1])


def _ledger(scene: Scene, many: int) -> FakeLedger:
    own = scene.words.policy
    more = {"title": Text(ja=own, en=own)} if own else {}
    subject = Subject(type="user", id=scene.words.id)
    lines = tuple(
        line(
            f"K{n:08}",
            due_in=n - 40,
            subject=subject,
            owner=("U0SATO", "U0CLARK")[n % 2],
            approvers=["lead"],
            **more,
        )
        for n in range(many)
    )
    return FakeLedger(lines=lines)


def _homes(scene: Scene) -> Iterator[tuple[str, Sent]]:
    lead = {Role.LEAD}
    yield "nothing waits", _drawn(scene, _ledger(scene, 0), lead)
    yield "some wait", _drawn(scene, _ledger(scene, 4), lead)
    yield "as much as there is", _drawn(scene, _ledger(scene, 500), lead)
    yield "a stranger", _drawn(scene, _ledger(scene, 4), set())
    yield "the ledger away", _drawn(scene, FakeLedger(away=True), lead)


SURFACES = (Surface("home", _homes),)
