"""Sandbox Slack over HTTP, with the activities that write to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.charts import draw
from activities.slack.activities import SlackActivities
from activities.slack.client import slack_client
from activities.slack.directory import Directory
from activities.slack.rate_limiter import RateLimiter
from deploy.sandbox.serve import serving
from deploy.sandbox.slack.app import make_app
from deploy.sandbox.slack.model import Message
from deploy.sandbox.slack.person import WAIT_SECONDS
from deploy.sandbox.slack.workspace import Workspace
from tests.activities.slack.cases import Story
from workflows.domain.case.events import Recorded
from workflows.domain.case.snapshot import CardRef
from workflows.domain.case.view import view_of
from workflows.domain.people import Holders, Role, RoleBook
from workflows.domain.storm import Called
from workflows.domain.values import Language
from workflows.ports.cases import Show, Shown

T = TypeVar("T")
TOKYO = ZoneInfo("Asia/Tokyo")


def policy() -> dict[Role, Holders]:
    return {
        Role.SPECIALIST: Holders(group="S0SHIFT"),
        Role.LEAD: Holders(group="S0LEAD", channel="ts-leads"),
        Role.AUDITOR: Holders(users=("U0SUZUKI",)),
    }


@dataclass
class Attempts:
    """Attempts of one activity: like in Temporal, each gets its predecessor's heartbeat."""

    attempt: int = 0
    left: list[Any] = field(default_factory=list)
    since: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def run(self, work: Callable[..., Awaitable[T]], *given: Any) -> T:
        self.attempt += 1
        environment = ActivityEnvironment()
        environment.info = replace(
            environment.info,
            attempt=self.attempt,
            heartbeat_details=self.left,
            scheduled_time=self.since,
            started_time=datetime.now(UTC),
        )
        environment.on_heartbeat = self._leave
        return await environment.run(work, *given)

    def _leave(self, *details: Any) -> None:
        self.left = list(details)


class NoStorms:
    """No channel has a storm."""

    async def look(self, channel: str) -> None:
        pass

    async def posted(self, case: str, card: CardRef) -> None:
        pass

    async def called(self, channel: str, call: Called) -> bool:
        return False


async def no_latest(workflow: str, run: str) -> None:
    """The workflow does not answer."""


async def no_covers(role: Role) -> tuple[()]:
    """No role has covers."""
    return ()


@dataclass
class SlackWorld:
    """A workspace and the activities that write to it."""

    workspace: Workspace
    client: AsyncWebClient
    people: Directory
    roles: dict[Role, Holders]
    activities: SlackActivities = field(init=False)

    def configure(self, **more: Any) -> SlackActivities:
        """Makes the activities again with other collaborators."""
        given: dict[str, Any] = {
            "people": self.people,
            "zone": TOKYO,
            "latest": no_latest,
            "storms": NoStorms(),
            "covers_of": no_covers,
            "draw_chart": draw,
            **more,
        }
        self.activities = SlackActivities(
            self.client, language=Language.JA, limiter=RateLimiter(0), **given
        )
        return self.activities

    async def show(self, wanted: Show, attempts: Attempts | None = None) -> Shown:
        return await (attempts or Attempts()).run(self.activities.show, wanted)

    def wrote(self) -> dict[str, int]:
        """Calls of each writing method since the last call, refused ones included."""
        counted = {name: n for name, n in self.workspace.calls.items() if name.startswith("chat.")}
        self.workspace.calls.clear()
        return counted

    def on(self, channel: str) -> list[Message]:
        """The messages of a channel, without thread replies."""
        return self.workspace.messages.history(channel)

    def thread(self, card: CardRef) -> list[Message]:
        return self.workspace.messages.replies(card.channel, card.ts)


@pytest.fixture
async def slack() -> AsyncIterator[SlackWorld]:
    workspace = Workspace()
    roles = policy()
    async with (
        serving(make_app(workspace)) as url,
        slack_client(workspace.bot_token, f"{url}/api/", int(WAIT_SECONDS)) as client,
    ):
        people = Directory(client, lambda: RoleBook(roles=roles), Language.JA)
        slack = SlackWorld(workspace, client, people, roles)
        slack.configure()
        yield slack


def wanted(
    story: Story,
    card: CardRef | None = None,
    approval: CardRef | None = None,
    after: int | None = None,
) -> Show:
    """Request to show a case; with `after`, the lines of all later events."""
    lines: tuple[Recorded, ...] = ()
    if after is not None:
        lines = tuple(e for e in story.recorded if e.seq > after and e.event.in_thread)
    return Show(view=view_of(story.case), card=card, approval_card=approval, lines=lines)


async def failed_attempt(slack: SlackWorld, show: object, attempts: Attempts) -> ApplicationError:
    """The error of a failed `show`, which Temporal retries."""
    with pytest.raises(ApplicationError) as failed:
        await slack.show(show, attempts)  # type: ignore[arg-type]
    assert not failed.value.non_retryable
    return failed.value


def refusing(code: str, method: str, **given: str) -> Callable[[str, dict], str | None]:
    """A script that refuses a method with these arguments."""

    def refuses(called: str, arguments: dict) -> str | None:
        fits = all(arguments.get(name) == value for name, value in given.items())
        return code if called == method and fits else None

    return refuses
