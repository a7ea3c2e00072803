"""`koban doctor`: reaches for everything that Koban depends on."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime

import typer
from slack_sdk.web.async_client import AsyncWebClient

from activities.platform.client import open_platform
from activities.slack.client import slack_client
from activities.slack.i18n.catalog import texts
from bot.cli.checks import (
    ledger_check,
    platform_check,
    policy_check,
    slack_check,
    temporal_doctor,
)
from bot.cli.process import open_database, run
from bot.errors import Stop
from bot.http.app import Check, run_check
from bot.policies import open_policies
from bot.settings import Settings, load_settings, need
from bot.slack.samples import NotAsked, fault_of, samples
from bot.temporal import open_client

WOULD_BE_REFUSED, OUT_OF_REACH = 1, 2


def doctor(
    slack: bool = typer.Option(
        False, "--slack", help="Also ask Slack whether it would take every card, modal and home."
    ),
) -> int:
    """Reach Temporal, ledger, Slack and platform; a line for each, ok or what to do."""
    settings = load_settings()
    code = run(_doctor(settings))
    return max(code, run(_shapes(settings))) if slack else code


async def _doctor(settings: Settings) -> int:
    async with AsyncExitStack() as opened:
        answers = {}
        for name, opening in _OPENINGS.items():
            try:
                answers[name] = await run_check(await opening(opened, settings))
            except Stop as stop:
                answers[name] = str(stop)
            print(f"{name:<9} {answers[name] or 'ok'}", flush=True)
    return OUT_OF_REACH if any(answers.values()) else 0


async def _shapes(settings: Settings) -> int:
    """Asks Slack about one of everything; a line for each, ok or what Slack says."""
    try:
        policies = open_policies(settings)
        async with AsyncExitStack() as opened:
            web = await _web(opened, settings)
            catalog, now = texts(settings.locale), datetime.now(UTC)
            refused = 0
            for sample in samples(policies.all(), policies.lookups(), catalog, settings.zone, now):
                fault = await fault_of(web, sample)
                refused += fault is not None
                print(f"blocks    {sample.name}: {fault or 'ok'}", flush=True)
    except (Stop, NotAsked) as stop:
        print(f"blocks    {stop}", flush=True)
        return OUT_OF_REACH
    return WOULD_BE_REFUSED if refused else 0


async def _policy(opened: AsyncExitStack, settings: Settings) -> Check:
    need(settings, "policy")
    return policy_check(open_policies(settings))


async def _temporal(opened: AsyncExitStack, settings: Settings) -> Check:
    return temporal_doctor(await open_client(settings.temporal), settings.temporal)


async def _ledger(opened: AsyncExitStack, settings: Settings) -> Check:
    # Not migrated: a look must not change anything.
    database = await opened.enter_async_context(open_database(settings.ledger))
    return ledger_check(database)


async def _slack(opened: AsyncExitStack, settings: Settings) -> Check:
    return slack_check(await _web(opened, settings))


async def _web(opened: AsyncExitStack, settings: Settings) -> AsyncWebClient:
    need(settings, "slack.bot_token")
    assert settings.slack.bot_token is not None
    token = settings.slack.bot_token.get_secret_value()
    return await opened.enter_async_context(slack_client(token, settings.slack.api_url))


async def _platform(opened: AsyncExitStack, settings: Settings) -> Check:
    need(settings, "platform.base_url")
    assert settings.platform.base_url is not None
    token = settings.platform.token
    http = open_platform(settings.platform.base_url, token.get_secret_value() if token else None)
    return platform_check(await opened.enter_async_context(http))


_OPENINGS = {
    "policy": _policy,
    "temporal": _temporal,
    "ledger": _ledger,
    "slack": _slack,
    "platform": _platform,
}
