"""Bolt, wired: which listener hears what."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.services.slack import Services
from bot.slack.appeals import ACTIONS, AppealModals, AppealPresses
from bot.slack.bulk.decide import BulkModal
from bot.slack.bulk.views import CALLBACK
from bot.slack.buttons import Clicks
from bot.slack.commands.buttons import ACTIONS as ANSWER_ACTIONS
from bot.slack.commands.buttons import AnswerPresses
from bot.slack.commands.dispatch import Slash
from bot.slack.commands.reveal import CALLBACK as REVEAL
from bot.slack.commands.reveal import RevealModal
from bot.slack.context import DirectTexts, make_context, utc_now
from bot.slack.evidence.reveal import ACTIONS as EVIDENCE
from bot.slack.evidence.reveal import EvidenceListener
from bot.slack.home.view import LANGUAGE, Home
from bot.slack.interactions import read_source
from bot.slack.manual.open import OPEN_CASE, REPORT, ByHandListener
from bot.slack.modals.decide import TEMPLATE
from bot.slack.modals.opening import Templates
from bot.slack.modals.submissions import KINDS, Submissions
from bot.slack.replies import Background, NotTaken
from bot.slack.storm import OPEN, StormOpening

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
    """A Bolt app that hears buttons, modals, `/koban` and App Home.

    `client` carries the bot token, Slack's address and the one aiohttp session. `signing_secret`
    may be empty where Slack is heard over Socket Mode only. `background` holds the work after
    acks: drain it before the session is closed.
    """
    app = _bolt(client, signing_secret)
    context = make_context(services, client, background, now)
    home = Home(context)
    context = replace(context, services=home.hearing(services))
    clicks, submissions = Clicks(context), Submissions(context)
    answering, hands = AppealModals(context), ByHandListener(context)
    app.block_action(LANGUAGE)(home.language_chosen)
    app.block_action(ACTIONS)(AppealPresses(context).pressed)
    app.block_action(OPEN)(StormOpening(context).pressed)
    app.block_action(ANSWER_ACTIONS)(AnswerPresses(context).pressed)
    app.block_action(TEMPLATE)(Templates(context).chosen)
    app.block_action(EVIDENCE)(EvidenceListener(context).pressed)
    app.block_action(_ANY)(clicks.pressed)
    for callback_id in KINDS:
        app.view_submission(callback_id)(submissions.submitted)
    app.view_submission("uphold")(answering.upheld)
    app.view_submission("overturn")(answering.overturned)
    app.view_submission(CALLBACK)(BulkModal(context).submitted)
    app.view_submission(REVEAL)(RevealModal(context).submitted)
    for callback_id in (REPORT, OPEN_CASE):
        app.view_submission(callback_id)(hands.submitted)
    app.message_shortcut("report_message")(hands.reported)
    app.global_shortcut("open_case")(hands.wanted)
    app.view_closed(_ANY)(_acknowledged)
    app.command(COMMAND)(Slash(context).typed)
    app.event("app_home_opened")(home.opened)
    app.error(_on_error(DirectTexts(context)))
    return app


def _bolt(client: AsyncWebClient, signing_secret: str) -> AsyncApp:
    """Bolt with a fixed token: asking Slack who it is would cost the first click its ack."""
    token = client.token

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    tokenless = AsyncWebClient(base_url=client.base_url, session=client.session)
    return AsyncApp(
        name="koban",
        client=tokenless,
        signing_secret=signing_secret,
        # Socket Mode alone has no secret and nothing to verify; slack_routes refuses an empty one.
        request_verification_enabled=bool(signing_secret),
        authorize=authorize,
    )


async def _acknowledged(ack: AsyncAck) -> None:
    await ack()


def _on_error(telling: DirectTexts) -> Callable[..., Any]:
    """What happens to a listener's failure: logged, and its person hears of it.

    Slack shows an error of its own to who pressed, and keeps a modal open with everything in it,
    only when it is not answered with 200.
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
        if not submitted and await telling.in_time(read_source(body), "bot.press.failed"):
            return BoltResponse(status=200, body="")
        return BoltResponse(status=500, body=json.dumps({"error": "failed"}))

    return on_error
