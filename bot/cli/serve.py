"""`koban serve` command: HTTP for detectors, Slack and health, and optionally Socket Mode."""

import asyncio
import socket
import sys
from contextlib import AsyncExitStack, suppress

import aiohttp
import structlog
import uvicorn
from fastapi import FastAPI
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackClientError

from activities.errors import Unavailable
from activities.ledger.database import LedgerUnavailable
from activities.platform.client import Platform
from activities.slack.directory import Directory
from bot.cli.process import (
    listen,
    open_database,
    open_http,
    open_web,
    run,
    serving_inside,
    shown,
    stop_event,
)
from bot.errors import SettingWrong
from bot.http.alerts import AlertEndpoint, MappedEndpoint
from bot.http.app import Check, PublicApp, make_app
from bot.http.appeals import AppealEndpoint
from bot.http.budgets import Allowance, Budgets, Intake
from bot.http.connections import ConnectionLimits, bounded_protocol
from bot.http.metrics import Metrics
from bot.http.validation import Window
from bot.ledger import LedgerStartup, signer_of
from bot.log_setup import set_up_logging
from bot.policies import Policies, open_policies
from bot.policy_recorder import FolderRecorder
from bot.services.slack import make_services
from bot.settings import Http, Ingest, Settings, load_settings, need
from bot.slack.app import make_bolt_app
from bot.slack.http import slack_routes
from bot.slack.socket_mode import run_socket_mode
from bot.slack.workspace import WorkspaceCheck
from bot.stores import Stores
from bot.tasks import Background, in_background
from bot.temporal import exposures, open_client, temporal_problem
from bot.timeouts import PRODUCTION, Timeouts

DRAIN_SECONDS = 10
"""Seconds that requests, and background work of acknowledged clicks, may take after SIGTERM."""

SOCKET_PAUSE = 10.0
"""Seconds between two attempts to open Socket Mode."""

log = structlog.get_logger()


def serve() -> None:
    """Listen for detectors and Slack until SIGTERM; starts without Temporal and ledger."""
    settings = load_settings()
    need(settings, "policy", "slack.bot_token", "platform.base_url")
    if settings.slack.app_token is None:
        need(settings, "slack.signing_secret")
    set_up_logging()
    run(_serve(settings))


async def _serve(settings: Settings) -> None:
    http, names = settings.http, "KOBAN_HTTP__HOST or KOBAN_HTTP__PORT"
    with listen(http.host, http.port, names) as listener:
        async with AsyncExitStack() as opened:
            app = await open_app(opened, settings, open_policies(settings))
            await opened.enter_async_context(serving_inside(app.internal, http))
            await _serve_until_stopped(app, listener, http)


async def open_app(
    opened: AsyncExitStack,
    settings: Settings,
    policies: Policies,
    timeouts: Timeouts = PRODUCTION,
) -> PublicApp:
    """Builds the app, closed with `opened`; starts without the ledger. Raises `InputWrong`."""
    _require_secrets(policies, settings)
    for exposure in exposures(settings.temporal, signs=False):
        log.warning("temporal_exposed", problem=exposure)
    web = await open_web(opened, settings)
    client = await open_client(settings.temporal)
    database = await opened.enter_async_context(open_database(settings.ledger))
    ledger = LedgerStartup(database)
    await ledger.begin(opened)
    background = Background()
    opened.push_async_callback(background.drain, DRAIN_SECONDS)
    platform = Platform(await open_http(opened, settings))
    services = make_services(client, web, database, platform, policies, settings, timeouts)
    recorder = FolderRecorder(policies, services.policy_history)
    with suppress(LedgerUnavailable):
        await recorder.first()
    await opened.enter_async_context(in_background(recorder.run()))
    secret = settings.slack.signing_secret
    background.start(_learn_workspace(services.people))
    bolt = make_bolt_app(services, web, secret.get_secret_value() if secret else "", background)
    metrics = Metrics()
    window = Window(settings.ingest.oldest, settings.ingest.newest)
    intake = Intake(Budgets(allowance_of(settings.ingest)))
    routers = [
        *(
            kind(
                *(policies.keys, services.alerts, metrics, window),
                detectors=policies.detectors,
                intake=intake,
            ).router()
            for kind in (AlertEndpoint, MappedEndpoint)
        ),
        AppealEndpoint(
            *(policies.appeal_keys, services.appeals, database, policies.appeal_start, window),
            ledger_timeout=timeouts.ledger,
            intake=intake,
        ).router(),
    ]
    if secret:
        routers.append(slack_routes(bolt, secret.get_secret_value()))
    if settings.slack.app_token is not None:
        token = settings.slack.app_token.get_secret_value()
        await opened.enter_async_context(in_background(_run_socket_mode(bolt, token)))
    checks: dict[str, Check] = {
        "temporal": lambda: temporal_problem(client, settings.temporal),
        "ledger": ledger.check,
        "policy": policies.check,
    }
    stores = Stores(
        *(client, settings.temporal.task_queue, database, policies), signer_of(settings.temporal)
    )
    # An archived channel must not keep detectors from sending alerts.
    notes = {"slack": WorkspaceCheck(web, policies).check, "stores": stores.check}
    return make_app(routers, checks, metrics, notes)


def allowance_of(ingest: Ingest) -> Allowance:
    """The budgets of one detector, as the settings have them."""
    return Allowance(
        requests=ingest.requests,
        bytes=ingest.megabytes * 1024 * 1024,
        alerts=ingest.alerts,
        cpu=ingest.cpu.total_seconds(),
        under_way=ingest.under_way,
    )


async def _learn_workspace(people: Directory) -> None:
    """Reads the workspace of the bot token before the first press; a failure is repeated there."""
    with suppress(Unavailable):
        await people.home()


def _require_secrets(policies: Policies, settings: Settings) -> None:
    """Refuses to start without a sender's secret: what it can't send would go unnoticed."""
    unsigned = policies.unsigned()
    if unsigned:
        raise SettingWrong(unsigned[0])
    if not policies.keys().signers:
        need(settings, "ingest.secret")
    if policies.takes_appeals() and not policies.appeal_keys().signers:
        need(settings, "appeals.secret")


async def _run_socket_mode(bolt: AsyncApp, token: str) -> None:
    while True:
        try:
            await run_socket_mode(bolt, token)
        except (SlackClientError, aiohttp.ClientError, OSError) as error:
            log.warning("socket_mode_away", error=type(error).__name__, again_in=SOCKET_PAUSE)
        await asyncio.sleep(SOCKET_PAUSE)


SWITCH_SECONDS = 0.001
"""Seconds after which Python interrupts the thread of request bodies (default 5 ms): a press waits
for it several times."""


async def _serve_until_stopped(app: FastAPI, listener: socket.socket, http: Http) -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    # uvicorn raises the signal again when it has stopped. Without a handler of our own that would
    # kill the process before its background work is done.
    stop_event()
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=bounded_protocol(ConnectionLimits(per_peer=http.connections)),
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    log.info("listening", url=shown(listener))
    await server.serve(sockets=[listener])
    log.info("stopped")
