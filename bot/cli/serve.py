"""`koban serve`: HTTP for detectors, Slack and health; Socket Mode when an app token is set."""

import asyncio
import os
import socket
from contextlib import AsyncExitStack

import aiohttp
import structlog
import uvicorn
from fastapi import FastAPI
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackClientError

from activities.ledger.queries import Queries
from activities.ledger.team import Preferences
from activities.platform.client import Platform, open_platform
from activities.platform.related import RelatedReader
from activities.slack.client import slack_client
from activities.slack.directory import Directory
from bot.cli.checks import ledger_check, policy_check, temporal_check
from bot.cli.process import open_database, run, stop_event
from bot.errors import InputWrong, SettingWrong
from bot.http.admission import AlertSubmitter, CoalescedQuery
from bot.http.alerts import AlertEndpoint
from bot.http.app import make_app
from bot.http.appeals import AppealEndpoint
from bot.http.metrics import Metrics
from bot.ledger import LedgerStart
from bot.log_setup import set_up_logging
from bot.policies import Policies, open_policies
from bot.services.lookups import LookUps
from bot.services.slack import make_services
from bot.services.team import LanguagePreferences
from bot.settings import Http, Settings, load_settings, need
from bot.slack.app import make_bolt_app
from bot.slack.http import slack_routes
from bot.slack.replies import Background
from bot.slack.socket_mode import run_socket_mode
from bot.temporal import open_client
from workflows.client import Appeals, Cases

DRAIN_SECONDS = 10
"""How long requests and the work after acks may go on after SIGTERM."""

SOCKET_PAUSE = 10.0
"""Seconds until Socket Mode is tried again where Slack does not open it."""

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
    with listen(settings.http) as listener:
        async with AsyncExitStack() as opened:
            app = await open_app(opened, settings)
            await _until_stopped(app, listener, settings.http.host)


def listen(http: Http) -> socket.socket:
    """A socket that listens, taken before anything else is started.

    Raises:
        InputWrong: where the port is taken or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    try:
        return socket.create_server((http.host, http.port), family=family, backlog=2048)
    except OSError as taken:
        why = os.strerror(taken.errno or 0)
        raise InputWrong(
            f"Koban can't listen on {http.host} port {http.port} ({why}): "
            "set KOBAN_HTTP__HOST or KOBAN_HTTP__PORT."
        ) from taken


async def open_app(opened: AsyncExitStack, settings: Settings) -> FastAPI:
    """The whole app over ledger, Temporal, Slack and platform; closed with `opened`.

    A ledger that is away is waited for beside it. Raises `InputWrong`.
    """
    assert settings.slack.bot_token is not None
    assert settings.platform.base_url is not None
    policies = open_policies(settings)
    _require_secrets(policies, settings)
    token = settings.platform.token
    client = await open_client(settings.temporal)
    database = await opened.enter_async_context(open_database(settings.ledger))
    ledger = LedgerStart(database)
    await ledger.begin(opened)
    web = await opened.enter_async_context(
        slack_client(settings.slack.bot_token.get_secret_value(), settings.slack.api_url)
    )
    http = await opened.enter_async_context(
        open_platform(settings.platform.base_url, token.get_secret_value() if token else None)
    )
    preferred = LanguagePreferences(Preferences(database))
    people = Directory(web, policies.roles, settings.locale, chosen=preferred.language)
    cases = Cases(client, settings.temporal.task_queue, people.granted)
    appeals = Appeals(client, settings.temporal.task_queue, people.granted)
    background = Background()
    opened.push_async_callback(background.drain, DRAIN_SECONDS)
    look_ups = LookUps(Platform(http), policies)
    related = RelatedReader(Platform(http))
    submitter = AlertSubmitter(cases, policies.target_of, CoalescedQuery(Queries(database).known))
    services = make_services(
        cases,
        appeals,
        policies,
        people,
        database,
        look_ups,
        settings,
        preferred,
        submitter,
        related,
    )
    secret = settings.slack.signing_secret
    bolt = make_bolt_app(services, web, secret.get_secret_value() if secret else "", background)
    metrics = Metrics()
    checks = {
        "temporal": temporal_check(client, settings.temporal),
        "ledger": ledger_check(database, ledger),
        "policy": policy_check(policies),
    }
    routers = [
        AlertEndpoint(policies.keys, submitter, metrics).router(),
        AppealEndpoint(policies.keys, appeals, database, policies.appeal_terms).router(),
    ]
    if secret:
        routers.append(slack_routes(bolt, secret.get_secret_value()))
    await _hear_socket(opened, bolt, settings)
    return make_app(routers, checks, metrics)


def _require_secrets(policies: Policies, settings: Settings) -> None:
    """A detector that nobody can sign for would only be noticed by its silence."""
    unsigned = policies.unsigned()
    if unsigned:
        raise SettingWrong(unsigned[0])
    if not policies.keys().signers:
        need(settings, "ingest.secret")


async def _hear_socket(opened: AsyncExitStack, bolt: AsyncApp, settings: Settings) -> None:
    token = settings.slack.app_token
    if token is None:
        return
    hearing = asyncio.create_task(_keep_hearing(bolt, token.get_secret_value()))

    async def end() -> None:
        hearing.cancel()
        await asyncio.wait([hearing])

    opened.push_async_callback(end)


async def _keep_hearing(bolt: AsyncApp, token: str) -> None:
    while True:
        try:
            await run_socket_mode(bolt, token)
        except (SlackClientError, aiohttp.ClientError, OSError) as closed:
            log.warning("socket_mode_away", error=type(closed).__name__, again_in=SOCKET_PAUSE)
        await asyncio.sleep(SOCKET_PAUSE)


async def _until_stopped(app: FastAPI, listener: socket.socket, host: str) -> None:
    # uvicorn raises the signal that ended it once more: without a handler of our own the process
    # would die there, with work after acks still going on.
    stop_event()
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    shown = f"[{host}]" if ":" in host else host
    log.info("listening", url=f"http://{shown}:{listener.getsockname()[1]}")
    await server.serve(sockets=[listener])
    log.info("stopped")
