"""App Home, drawn by its listener."""

import asyncio
from collections.abc import Iterator

from bot.slack.home.view import Home
from tests.bot.slack.fakes import FakeLedger, line
from tests.slack_shapes.scene import Scene, Surface
from tests.slack_shapes.sent import Sent, view
from tests.slack_shapes.surfaces.commands import OF_ONE, PAUSED, a_shift, counted
from tests.slack_shapes.surfaces.harness import Harness
from workflows.domain.alerts import Subject
from workflows.domain.people import Role
from workflows.domain.values import Text


def _drawn(scene: Scene, ledger: FakeLedger, roles: set[Role], full: bool = False) -> Sent:
    harness, person = Harness(scene, ledger=ledger), "U0SATO"
    harness.people.roles_of = {person: roles, "U0TANAKA": {Role.LEAD}}
    if full:
        harness.automation.changes = [PAUSED, OF_ONE]
        harness.team.counted, harness.team.duty = counted(scene), a_shift(scene)
        harness.team.chosen[person] = scene.language
    home = Home(harness.context)

    async def open_it() -> None:
        await home.opened({"tab": "home", "user": person})
        await harness.heard.published.wait()
        await harness.background.drain(0)

    asyncio.run(open_it())
    return view(harness.heard.homes[-1])


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
    yield "as much as there is", _drawn(scene, _ledger(scene, 500), lead, full=True)
    yield "a stranger", _drawn(scene, _ledger(scene, 4), set())
    yield "the ledger away", _drawn(scene, FakeLedger(away=True), lead)


SURFACES = (Surface("home", _homes),)
