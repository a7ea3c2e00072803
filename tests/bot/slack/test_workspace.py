"""Check of the workspace: channels, groups and scopes that the policy folder needs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from activities.slack.client import slack_client
from bot.http.app import make_internal_app
from bot.http.metrics import Metrics
from bot.policies import Policies, watch_folder
from bot.slack.manifest import SCOPES
from bot.slack.workspace import WorkspaceCheck
from deploy.sandbox.app import INGEST_SECRET, POLICY
from deploy.sandbox.serve import serving
from deploy.sandbox.slack.app import make_app
from deploy.sandbox.slack.faults import SlackFault
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.workspace import Workspace


@dataclass
class Checked:
    """A workspace with the example policy, and its check at `now` seconds."""

    workspace: Workspace
    now: float = 0.0
    check: WorkspaceCheck = None  # type: ignore[assignment]


@pytest.fixture
async def checked() -> AsyncIterator[Checked]:
    made = Checked(Workspace(rates=Rates(enabled=False)))
    async with (
        serving(make_app(made.workspace)) as url,
        slack_client(made.workspace.bot_token, f"{url}/api/") as web,
    ):
        policies = Policies(watch_folder(POLICY), (INGEST_SECRET,))
        made.check = WorkspaceCheck(web, policies, lambda: made.now)
        yield made


async def test_a_workspace_as_the_policy_needs_it_has_no_problem(checked: Checked) -> None:
    """The sandbox has every channel and group."""
    checked.workspace.scopes = ",".join(SCOPES)
    assert await checked.check.problems() is None


async def test_an_archived_channel_is_named(checked: Checked) -> None:
    """Nobody would see a card there."""
    checked.workspace.channels["C0LIVE"].is_archived = True
    assert await checked.check.problems() == (
        "The channel ts-live is archived: restore it, or name another one in the policy."
    )


async def test_a_channel_without_the_app_is_named(checked: Checked) -> None:
    """Slack refuses its posts."""
    checked.workspace.channels["C0LEADS"].members.remove("U0KOBAN")
    assert await checked.check.problems() == "The app is not in the channel ts-leads: invite it."


async def test_a_channel_that_does_not_exist_is_named(checked: Checked) -> None:
    """A private channel without the app looks the same."""
    del checked.workspace.channels["C0MARKET"]
    assert await checked.check.problems() == (
        "The channel ts-market does not exist, or is private: create it, or invite the app."
    )


async def test_an_empty_group_is_named(checked: Checked) -> None:
    """A call to it reaches nobody."""
    checked.workspace.groups["S0LEAD"].users.clear()
    assert await checked.check.problems() == ("The group S0LEAD of lead has no members: add some.")


async def test_a_missing_scope_is_named(checked: Checked) -> None:
    """The app was installed before the manifest grew."""
    checked.workspace.scopes = ",".join(each for each in SCOPES if each != "files:write")
    assert await checked.check.problems() == (
        "The bot token lacks files:write: install the app again by the manifest."
    )


async def test_readiness_names_a_channel_and_stays_ready(checked: Checked) -> None:
    """Detectors can still send alerts."""
    checked.workspace.channels["C0LIVE"].is_archived = True
    app = make_internal_app({}, Metrics(), {"slack": checked.check.check})
    async with (
        serving(app) as url,
        httpx.AsyncClient() as http,
    ):
        answer = await http.get(f"{url}/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "slack": "The channel ts-live is archived: restore it, or name another one in the policy."
    }


async def test_the_answer_is_kept_and_survives_an_outage(checked: Checked) -> None:
    """One reading serves five minutes of requests."""
    checked.workspace.channels["C0LIVE"].is_archived = True
    first = await checked.check.check()
    checked.workspace.channels["C0LIVE"].is_archived = False
    assert await checked.check.check() == first
    assert checked.workspace.calls["conversations.list"] == 1
    checked.now = 301.0
    checked.workspace.faults.set(SlackFault.DOWN, True)
    assert await checked.check.check() == first
    checked.workspace.faults.set(SlackFault.DOWN, False)
    checked.now = 302.0
    assert await checked.check.check() is None
