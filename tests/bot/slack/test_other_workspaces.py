"""Payloads of other workspaces: refused with an entry in the log, and without an effect."""

import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from structlog.testing import capture_logs

from bot.errors import FORGERIES, Forgery
from bot.slack.interactions import Origin, read_origin
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.test_http import PAYLOADS, send

FORM = "application/x-www-form-urlencoded"
OTHER = {"id": "T0OTHER", "domain": "other"}
PERSON = {"id": "U0SATO", "team_id": "T0OTHER"}


def interaction(**more: Any) -> bytes:
    """A press on 担当する."""
    payload = {**PAYLOADS["button"], "team": OTHER, "user": PERSON, **more}
    return urlencode({"payload": json.dumps(payload)}).encode()


def event(**more: Any) -> bytes:
    """An opened App Home."""
    opened = {"type": "app_home_opened", "user": "U0SATO", "tab": "home"}
    given = {"type": "event_callback", "team_id": "T0OTHER", "event": opened, **more}
    return json.dumps(given).encode()


def command(**more: str) -> bytes:
    """`/koban queue`."""
    given = {"command": "/koban", "text": "queue", "user_id": "U0SATO", "team_id": "T0OTHER"}
    return urlencode({**given, "trigger_id": "1.2.x", **more}).encode()


REFUSED = {
    "press": (interaction(), FORM),
    "press on an organization's install": (
        interaction(team=None, enterprise={"id": "E0OTHER"}, is_enterprise_install=True),
        FORM,
    ),
    "press on the same app elsewhere": (
        interaction(message={"ts": "1.0", "blocks": [], "bot_id": "B0OTHER"}),
        FORM,
    ),
    "modal": (
        interaction(
            type="view_submission",
            team={"id": "T0KOBAN"},
            view={
                "id": "V1",
                "type": "modal",
                "callback_id": "decide",
                "app_installed_team_id": "T0OTHER",
            },
        ),
        FORM,
    ),
    "shortcut": (interaction(type="shortcut", callback_id="open_case"), FORM),
    "command": (command(), FORM),
    "event": (event(), "application/json"),
    "press without a workspace": (interaction(team=None, user={"id": "U0SATO"}), FORM),
    "press on our card without a workspace": (
        interaction(
            team=None,
            user={"id": "U0SATO"},
            message={"ts": "1.0", "blocks": [], "bot_id": "B0KOBAN"},
        ),
        FORM,
    ),
    "press of an organization without its workspace": (
        interaction(team=None, user={"id": "U0SATO"}, enterprise={"id": "E0OTHER"}),
        FORM,
    ),
    "command without a workspace": (command(team_id=""), FORM),
    "event without a workspace": (event(team_id=None), "application/json"),
    "event of another installation": (
        event(team_id="T0KOBAN", authorizations=[{"team_id": "T0OTHER", "enterprise_id": None}]),
        "application/json",
    ),
}


@pytest.mark.parametrize(("body", "type_"), REFUSED.values(), ids=REFUSED)
async def test_another_workspace_is_refused(
    env: SlackEnvironment, http: httpx.AsyncClient, body: bytes, type_: str
) -> None:
    """The body is signed well; no case, ledger or Slack call sees it."""
    before = FORGERIES[Forgery.SLACK_WORKSPACE]
    with capture_logs() as logs:
        answer = await send(env, http, body, **{"Content-Type": type_})
    assert answer.status_code == 403
    assert answer.headers["X-Slack-No-Retry"] == "1"
    assert [line["event"] for line in logs] == ["slack_payload_of_other_workspace"]
    assert env.cases.clicks == []
    assert env.ledger.log == []
    assert env.workspace.calls == {}
    assert FORGERIES[Forgery.SLACK_WORKSPACE] == before + 1


async def test_a_stranger_on_our_card_gets_to_the_case(
    env: SlackEnvironment, http: httpx.AsyncClient
) -> None:
    """In a shared channel `team` is the person's: the case refuses people without a role."""
    message = {"ts": "1.0", "blocks": [], "bot_id": "B0KOBAN"}
    answer = await send(env, http, interaction(message=message))
    assert answer.status_code == 200
    assert [click.command.by.id for _, click in env.cases.clicks] == ["U0SATO"]


async def test_an_unknown_workspace_takes_nothing(
    env: SlackEnvironment, http: httpx.AsyncClient
) -> None:
    """Slack did not answer auth.test since the start: the person sees Slack's error."""
    env.people.homeless = True
    answer = await send(env, http, interaction(team={"id": "T0KOBAN"}))
    assert answer.status_code == 503
    assert env.cases.clicks == []


async def test_what_slack_sends_without_a_workspace_is_answered(
    env: SlackEnvironment, http: httpx.AsyncClient
) -> None:
    """https://docs.slack.dev/reference/events/url_verification: it has a challenge and no team."""
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a", "token": "x"}).encode()
    answer = await send(env, http, body, **{"Content-Type": "application/json"})
    assert answer.json() == {"challenge": "3eZbrw1a"}
    checked = await send(env, http, b"ssl_check=1&token=x")
    assert checked.status_code == 200


def test_the_installation_counts_not_the_person() -> None:
    """Slack Connect: each kind of payload has it in another place."""
    shared = {"team_id": "T0OTHER", "context_team_id": "T0KOBAN", "context_enterprise_id": None}
    assert read_origin(shared) == Origin(team="T0KOBAN")
    events = {**shared, "authorizations": [{"team_id": "T0OURS", "enterprise_id": "E0OURS"}]}
    assert read_origin(events) == Origin(team="T0OURS", enterprise="E0OURS")
    modal = {"team": OTHER, "view": {"app_installed_team_id": "T0KOBAN"}}
    assert read_origin(modal) == Origin(team="T0KOBAN")
    whole = {"team": None, "enterprise": {"id": "E0OURS"}, "user": {"team_id": "T0ANY"}}
    assert read_origin(whole) == Origin(team="T0ANY", enterprise="E0OURS")
