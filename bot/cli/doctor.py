"""`koban doctor`: reaches for everything that Koban depends on."""

from contextlib import AsyncExitStack

from activities.platform.client import open_platform
from activities.slack.client import slack_client
from bot.cli.checks import (
    ledger_check,
    platform_check,
    policy_check,
    slack_check,
    temporal_doctor,
)
from bot.cli.policies import open_policies
from bot.cli.running import open_database, run
from bot.errors import Stop
from bot.ingest.app import Check, ask
from bot.settings import Settings, load_settings, need
from bot.temporal_connection import open_client

OUT_OF_REACH = 2


def doctor() -> int:
    """Reach Temporal, ledger, Slack and platform; a line for each, ok or what to do."""
    return run(_doctor(load_settings()))


async def _doctor(settings: Settings) -> int:
    async with AsyncExitStack() as opened:
        answers = {}
        for name, opening in _OPENINGS.items():
            try:
                answers[name] = await ask(await opening(opened, settings))
            except Stop as stop:
                answers[name] = str(stop)
            print(f"{name:<9} {answers[name] or 'ok'}", flush=True)
    return OUT_OF_REACH if any(answers.values()) else 0


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
    need(settings, "slack.bot_token")
    assert settings.slack.bot_token is not None
    token = settings.slack.bot_token.get_secret_value()
    web = await opened.enter_async_context(slack_client(token, settings.slack.api_url))
    return slack_check(web)


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
