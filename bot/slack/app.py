"""Bolt app: its listeners and error handler."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from activities.slack.actions import OPEN
from bot.errors import FORGERIES, Forgery
from bot.services.slack import Services
from bot.slack.appeals import ACTIONS as APPEALS
from bot.slack.appeals import AppealButtons, AppealModals
from bot.slack.bulk.decide import BulkModal
from bot.slack.buttons import CaseButtons
from bot.slack.commands.buttons import ACTIONS as ANSWERS
from bot.slack.commands.buttons import AnswerButtons
from bot.slack.commands.dispatch import Slash
from bot.slack.commands.reveal import RevealModal
from bot.slack.evidence.reveal import ACTIONS as PIECES
from bot.slack.evidence.reveal import EvidenceReveal
from bot.slack.home.view import LANGUAGE, Home
from bot.slack.interactions import read_origin, read_source
from bot.slack.listener import DirectTexts, SlackContext, make_context, utc_now
from bot.slack.manual.open import OPEN_CASE, REPORT, ManualAlertModals
from bot.slack.modals.base import ModalListener
from bot.slack.modals.decide import PREVIEWED
from bot.slack.modals.forms import FORMS, Submissions
from bot.slack.modals.opening import NoticePreview
from bot.slack.permissions import is_own
from bot.slack.replies import NotTaken
from bot.slack.storm import StormButtons
from bot.tasks import Background

COMMAND = "/koban"
EVENTS = ("app_home_opened",)

_ANY = re.compile(r"", re.DOTALL)

_log = structlog.get_logger(__name__)


def make_bolt_app(
    services: Services,
    client: AsyncWebClient,
    signing_secret: str,
    background: Background,
    now: Callable[[], datetime] = utc_now,
) -> AsyncApp:
    """A Bolt app with the listeners of buttons, modals, `/koban` and App Home.

    `client` carries the bot token, Slack's address and the one aiohttp session. `signing_secret`
    may be empty for Socket Mode only. `background` holds the work after acks: drain it before the
    session is closed.
    """
    app = _bolt(client, signing_secret)
    context = make_context(services, client, background, now)
    home = Home(context)
    context = replace(context, on_stored=home.changed)
    _add_buttons(app, context, home)
    _add_modals(app, context)
    app.middleware(_only_of_people)
    app.middleware(_only_of_this_workspace(services))
    app.view_closed(_ANY)(_acknowledged)
    app.command(COMMAND)(Slash(context).typed)
    app.event("app_home_opened")(home.opened)
    app.error(_on_error(DirectTexts(context)))
    # Bolt has an argument for it only where it acknowledges by itself.
    for listener in app._async_listeners:
        listener.ack_timeout = services.timeouts.ack
    return app


def _add_buttons(app: AsyncApp, context: SlackContext, home: Home) -> None:
    """The first listener with a matching action_id receives a press."""
    preview = NoticePreview(context)
    for name in sorted(PREVIEWED):
        app.block_action(name)(preview.chosen)
    for action_id, listener in (
        (LANGUAGE, home.language_chosen),
        (APPEALS, AppealButtons(context).pressed),
        (OPEN, StormButtons(context).pressed),
        (ANSWERS, AnswerButtons(context).pressed),
        (PIECES, EvidenceReveal(context).pressed),
        (_ANY, CaseButtons(context).pressed),
    ):
        app.block_action(action_id)(listener)


def _add_modals(app: AsyncApp, context: SlackContext) -> None:
    alerts = ManualAlertModals(context)
    modals: dict[str, ModalListener[Any]] = {
        **dict.fromkeys(FORMS, Submissions(context)),
        **dict.fromkeys(("uphold", "overturn"), AppealModals(context)),
        **dict.fromkeys((REPORT, OPEN_CASE), alerts),
        "bulk": BulkModal(context),
        "reveal": RevealModal(context),
    }
    for callback_id, modal in modals.items():
        app.view_submission(callback_id)(modal.submitted)
    app.message_shortcut("report_message")(alerts.reported)
    app.global_shortcut("open_case")(alerts.shortcut)


def _bolt(client: AsyncWebClient, signing_secret: str) -> AsyncApp:
    """Bolt with a fixed token: an auth.test would cost the first click its ack."""
    token = client.token

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    tokenless = AsyncWebClient(base_url=client.base_url, session=client.session)
    return AsyncApp(
        name="koban",
        client=tokenless,
        signing_secret=signing_secret,
        # Socket Mode needs no secret; slack_routes refuses an empty one.
        request_verification_enabled=bool(signing_secret),
        authorize=authorize,
    )


async def _only_of_people(
    body: dict[str, Any], context: AsyncBoltContext, next: Callable[[], Awaitable[BoltResponse]]
) -> BoltResponse:
    """Refuses interactions and commands without their person: nothing may be decided by nobody."""
    if context.user_id or body.get("type") == "event_callback":
        return await next()
    FORGERIES[Forgery.SLACK_USER] += 1
    _log.warning("slack_payload_without_user", kind=body.get("type") or "command")
    return BoltResponse(status=400, body="no user")


def _only_of_this_workspace(services: Services) -> Callable[..., Awaitable[BoltResponse]]:
    """The middleware that refuses payloads of other workspaces before any listener sees them."""

    async def check(
        body: dict[str, Any], next: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse:
        own = await is_own(services.people, read_origin(body), services.timeouts.workspace)
        if own is None:
            # Slack shows its own error, and the person presses again.
            return BoltResponse(status=503, body="workspace unknown")
        if own:
            return await next()
        return BoltResponse(status=403, body="other workspace", headers={"X-Slack-No-Retry": "1"})

    return check


async def _acknowledged(ack: AsyncAck) -> None:
    await ack()


def _on_error(direct: DirectTexts) -> Callable[..., Any]:
    """The error handler: logs a listener's failure and notifies its person.

    Slack shows its own error, and keeps a modal open, only for an answer other than 200.
    """

    async def on_error(
        error: Exception, body: dict[str, Any], response: BoltResponse | None
    ) -> BoltResponse | None:
        if isinstance(error, NotTaken):
            return BoltResponse(status=503, body=json.dumps({"error": "not taken"}))
        _log.error("listener_failed", exc_info=error)
        if response is None:  # acknowledged before it failed
            return None
        submitted = body.get("type") == "view_submission"
        if not submitted and await direct.in_time(read_source(body), "bot.press.failed"):
            return BoltResponse(status=200, body="")
        return BoltResponse(status=500, body=json.dumps({"error": "failed"}))

    return on_error
