"""Whether what Koban depends on answers: for `/readyz` and `koban doctor`."""

import httpx
import sqlalchemy as sa
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from temporalio.client import Client

from activities.ledger.database import Database, LedgerUnavailable
from bot.http.app import Check
from bot.ledger import LedgerStart
from bot.policies import Policies
from bot.settings import Temporal
from bot.temporal import temporal_problem, unreadable


def temporal_check(client: Client, settings: Temporal) -> Check:
    """Temporal answers for its address."""

    async def check() -> str | None:
        return await temporal_problem(client, settings)

    return check


def temporal_doctor(client: Client, settings: Temporal) -> Check:
    """Temporal answers, and what it holds can be read with the keys that are set."""

    async def check() -> str | None:
        return await temporal_problem(client, settings) or await unreadable(client)

    return check


def ledger_check(database: Database, start: LedgerStart | None = None) -> Check:
    """The ledger can be reached, and has its newest shape where this process brings it there."""

    async def check() -> str | None:
        if start is not None and start.problem is not None:
            return start.problem
        try:
            async with database.reading() as connection:
                await connection.execute(sa.select(1))
        except LedgerUnavailable as away:
            return f"{away} Start it or set KOBAN_LEDGER__URL."
        return None

    return check


def policy_check(policies: Policies) -> Check:
    """The policy folder as it stands now can be used."""

    async def check() -> str | None:
        return policies.problem()

    return check


def slack_check(web: AsyncWebClient) -> Check:
    """The bot token is one that Slack knows."""

    async def check() -> str | None:
        try:
            await web.auth_test()
        except SlackApiError as refused:
            error = refused.response.get("error", "no reason")
            return f"Slack refuses the bot token ({error}): set KOBAN_SLACK__BOT_TOKEN."
        except (SlackClientError, OSError, TimeoutError):
            return f"Slack at {web.base_url} does not answer: look at the network."
        return None

    return check


def platform_check(http: httpx.AsyncClient) -> Check:
    """The platform answers at all; what it says to a bare request is its own business."""

    async def check() -> str | None:
        try:
            answer = await http.get("")
        except httpx.HTTPError:
            return f"The platform at {http.base_url} does not answer: set KOBAN_PLATFORM__BASE_URL."
        if answer.status_code in (401, 403):
            return "The platform refuses the token: set KOBAN_PLATFORM__TOKEN."
        return None

    return check
