"""Setup commands: `koban manifest`, `koban check` and `koban doctor`."""

import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer
from slack_sdk.errors import SlackApiError, SlackClientError
from temporalio.service import RPCError

from activities.ledger.database import LedgerUnavailable
from activities.policy.loader import check_folder, folder_warnings, load_policy
from activities.slack.escape import unescaped
from activities.slack.i18n.catalog import texts
from activities.slack.policy_message import change_line
from bot.cli.process import open_database, open_http, open_web, run
from bot.errors import InputWrong, Stop
from bot.http.app import run_check
from bot.ledger import ledger_problem, signer_of
from bot.policies import open_policies
from bot.settings import Settings, load_settings, need
from bot.slack.manifest import manifest as slack_manifest
from bot.slack.samples import NotAsked, fault_of, samples
from bot.slack.workspace import WorkspaceCheck
from bot.stores import Stores
from bot.temporal import encryption_problem, exposures, open_client, temporal_problem
from workflows.domain.policy.changes import changes, holds_back, loosening_first
from workflows.domain.values import Language

TIMEOUT = 10.0
"""Seconds of one line of `koban doctor`: Slack is asked several times."""
REFUSED, UNREACHABLE = 1, 2
"""Exit codes of `koban doctor`."""


def manifest(
    url: Annotated[
        str | None, typer.Option(help="Where Slack reaches koban serve, such as https://HOST.")
    ] = None,
    socket_mode: Annotated[
        bool, typer.Option("--socket-mode", help="Slack needs no address: Koban connects to it.")
    ] = False,
) -> None:
    """Print the Slack app manifest for this deployment."""
    if (url is None) is not socket_mode:
        raise InputWrong("Give either --url https://HOST or --socket-mode.")
    if url is not None and (urlsplit(url).scheme != "https" or not urlsplit(url).hostname):
        raise InputWrong("Slack calls https addresses only: write --url https://HOST.")
    print(json.dumps(slack_manifest(url, socket_mode), ensure_ascii=False, indent=2))


def check(
    folder: Annotated[
        Path | None, typer.Argument(help="The policy folder, if not KOBAN_POLICY.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Another folder: print what would change.")
    ] = None,
) -> int:
    """Validate the settings and the policy folder; exit 1 on any mistake."""
    settings = load_settings()
    if folder is None:
        need(settings, "policy")
    checked = folder or settings.policy
    assert checked is not None
    problems, warnings = [str(fault) for fault in check_folder(checked)], list[str]()
    if not problems and folder is None:
        # Secrets belong to a deployment: a named folder is checked without them.
        policies = open_policies(settings)
        problems = [*policies.unsigned(), *policies.undelivering()]
        warnings = policies.authorless()
    problems += [f"{against}/{fault}" for fault in check_folder(against)] if against else []
    warnings += [] if problems else folder_warnings(checked)
    changed = _changes(against, checked) if against and not problems else ()
    print("\n".join(problems or (*warnings, f"{checked}: fine", *changed)))
    return 1 if problems else 0


def _changes(old: Path, new: Path) -> Iterator[str]:
    """What a folder would change, in words, and whether it would wait for a second person."""
    before, after = load_policy(old).content, load_policy(new).content
    found = changes(before, after)
    english = texts(Language.EN)
    yield from (unescaped(change_line(each, english)) for each in loosening_first(found))
    rule = before.limits.loosening if before.limits is not None else None
    if not found:
        yield f"{new}: means the same as {old}"
    elif rule is not None and holds_back(before, found):
        yield f"{new}: would wait for a {rule.approval}"
    else:
        yield f"{new}: would apply at once"


def doctor(
    slack: bool = typer.Option(
        False, "--slack", help="Also ask Slack whether it would take every card, modal and home."
    ),
    fix: bool = typer.Option(
        False, "--fix", help="First restore what the ledger or Temporal has lost from the other."
    ),
) -> int:
    """Reach Temporal, ledger, Slack and platform; a line for each, ok or what to do."""
    settings = load_settings()
    repaired = run(repair(settings)) if fix else 0
    code = max(repaired, run(_doctor(settings)))
    return max(code, run(_validate_blocks(settings))) if slack else code


async def _doctor(settings: Settings) -> int:
    async with AsyncExitStack() as opened:
        problems = {}
        for name, check_of in _CHECKS.items():
            try:
                problems[name] = await run_check(partial(check_of, opened, settings), TIMEOUT)
            except Stop as stop:
                problems[name] = str(stop)
            print(f"{name:<9} {problems[name] or 'ok'}", flush=True)
    for exposure in exposures(settings.temporal):
        print(f"warning   {exposure}", flush=True)
    return UNREACHABLE if any(problems.values()) else 0


async def repair(settings: Settings) -> int:
    """Repairs the stores and prints a line for each case; `REFUSED` if something is left."""
    left = False
    async with AsyncExitStack() as opened:
        try:
            stores = await _stores_of(opened, settings)
            async for line in stores.repair():
                left = left or not line.done
                print(f"{'fixed' if line.done else 'left':<9} {line.text}", flush=True)
        except (Stop, LedgerUnavailable) as stop:
            print(f"{'left':<9} {stop}", flush=True)
            return UNREACHABLE
        except (RPCError, RuntimeError):
            print(f"{'left':<9} Temporal does not answer: run it again later.", flush=True)
            return UNREACHABLE
    return REFUSED if left else 0


async def _validate_blocks(settings: Settings) -> int:
    """Has Slack validate one sample of each surface and prints a line for each."""
    try:
        policies = open_policies(settings)
        async with AsyncExitStack() as opened:
            web = await open_web(opened, settings)
            catalog, now = texts(settings.locale), datetime.now(UTC)
            refused = 0
            for sample in samples(
                policies.all(), policies.look_ups().lookups, catalog, settings.zone, now
            ):
                fault = await fault_of(web, sample)
                refused += fault is not None
                print(f"blocks    {sample.name}: {fault or 'ok'}", flush=True)
    except (Stop, NotAsked) as stop:
        print(f"blocks    {stop}", flush=True)
        return UNREACHABLE
    return REFUSED if refused else 0


async def _policy(opened: AsyncExitStack, settings: Settings) -> str | None:
    policies = open_policies(settings)
    return await policies.check() or next(iter(policies.undelivering()), None)


async def _temporal(opened: AsyncExitStack, settings: Settings) -> str | None:
    client = await open_client(settings.temporal)
    problem = await temporal_problem(client, settings.temporal)
    return problem or await encryption_problem(client)


async def _ledger(opened: AsyncExitStack, settings: Settings) -> str | None:
    # Not migrated: the command only reads.
    return await ledger_problem(await opened.enter_async_context(open_database(settings.ledger)))


async def _stores(opened: AsyncExitStack, settings: Settings) -> str | None:
    try:
        return await (await _stores_of(opened, settings)).problems(writes=False)
    except (LedgerUnavailable, RPCError, RuntimeError):
        return "The ledger and Temporal are not compared: one of them does not answer."


async def _stores_of(opened: AsyncExitStack, settings: Settings) -> Stores:
    client = await open_client(settings.temporal)
    signer, queue = signer_of(settings.temporal), settings.temporal.task_queue
    database = await opened.enter_async_context(open_database(settings.ledger, signer))
    until = settings.temporal.unsealed_until
    return Stores(client, queue, database, open_policies(settings), signer, until)


async def _slack(opened: AsyncExitStack, settings: Settings) -> str | None:
    web = await open_web(opened, settings)
    try:
        await web.auth_test()
        if settings.policy is not None:
            return await WorkspaceCheck(web, open_policies(settings)).problems()
    except InputWrong:
        return None  # the line of the policy has it
    except SlackApiError as refused:
        error = refused.response.get("error", "no reason")
        return f"Slack refuses the bot token ({error}): set KOBAN_SLACK__BOT_TOKEN."
    except (SlackClientError, OSError, TimeoutError):
        return f"Slack at {web.base_url} does not answer: look at the network."
    return None


async def _platform(opened: AsyncExitStack, settings: Settings) -> str | None:
    """Any answer but 401 and 403 counts: the API's root path is not specified."""
    http = await open_http(opened, settings)
    try:
        answer = await http.get("")
    except httpx.HTTPError:
        return f"The platform at {http.base_url} does not answer: set KOBAN_PLATFORM__BASE_URL."
    if answer.status_code in (401, 403):
        return "The platform refuses the token: set KOBAN_PLATFORM__TOKEN."
    return None


_CHECKS = {
    "policy": _policy,
    "temporal": _temporal,
    "ledger": _ledger,
    "stores": _stores,
    "slack": _slack,
    "platform": _platform,
}
