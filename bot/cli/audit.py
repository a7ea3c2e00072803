"""Audit commands: `koban audit show`, `verify` and `sign` over the events and snapshots."""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from activities.ledger.database import migrate
from activities.ledger.event_log import verify as verify_chains
from activities.ledger.policies import StoredPolicies
from activities.ledger.queries import Queries
from bot.cli.process import open_database, run
from bot.errors import InputWrong
from bot.ledger import signer_of
from bot.settings import Settings, load_settings, need
from workflows.domain.values import visible

T = TypeVar("T")


def show(
    case: Annotated[str, typer.Argument(help="A case's id, such as K7Q2M4XPA.")],
) -> None:
    """Show the events of one case, each with its time, actor and content."""
    settings = load_settings()
    events = run(_read(settings, lambda queries: queries.events_of(case.strip().upper())))
    if not events:
        raise InputWrong(f"The ledger has no case {visible(case)[:32]}.")
    for event in events:
        at = event["at"].astimezone(settings.zone).strftime("%Y-%m-%d %H:%M:%S %Z")
        # Quoted texts may hold control sequences, which a terminal would execute.
        data = visible(json.dumps(event["data"], ensure_ascii=False))
        print(f"{event['seq']:>4}  {at}  {event['kind']}  {event['actor'] or 'koban'}  {data}")


def verify() -> int:
    """Check every case's chain of events; exit 1 where one does not hold."""
    settings = load_settings()
    audit = run(_read(settings, verify_chains))
    identity = run(_read(settings, lambda queries: queries.identity()))
    for broken in audit.broken:
        print(f"{broken.case_id}: event {broken.seq}: {broken.why}", file=sys.stderr)
    result = f"{len(audit.broken)} do not hold" if audit.broken else "every chain holds"
    if identity is None:
        result = (
            "the ledger has no id, so it is new or its rows are missing: compare it with Temporal "
            "by koban doctor"
        )
    print(f"{audit.cases} cases, {audit.events} events: {result}")
    return 1 if audit.broken or identity is None else 0


def sign(
    unsigned: bool = typer.Option(
        False, "--unsigned", help="Also sign what has no signature: from before there were keys."
    ),
) -> int:
    """Sign snapshots and policies with the first signing key; exit 1 where a signature is wrong."""
    settings = load_settings()
    need(settings, "temporal.signing_keys")
    done, refused = run(_sign(settings, unsigned))
    print(f"{done} signed, {refused} refused")
    return 1 if refused else 0


async def _sign(settings: Settings, unsigned: bool) -> tuple[int, int]:
    async with open_database(settings.ledger) as database:
        await migrate(database, creates=False)
        return await StoredPolicies(database, signer_of(settings.temporal)).sign_again(unsigned)


async def _read(settings: Settings, query: Callable[[Queries], Awaitable[T]]) -> T:
    async with open_database(settings.ledger) as database:
        await migrate(database, creates=False)
        return await query(Queries(database))
