"""Ledger commands: `koban audit show`, `verify` and `sign`, and `koban erase`."""

import getpass
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer

from activities.ledger.database import migrate
from activities.ledger.erasure import CaseIsOpen, SubjectEraser, SubjectErasure
from activities.ledger.event_log import verify as verify_chains
from activities.ledger.policies import StoredPolicies
from activities.ledger.queries import Queries
from bot.cli.process import open_database, run
from bot.errors import InputWrong
from bot.ledger import signer_of
from bot.settings import Settings, load_settings, need
from bot.temporal import open_client
from workflows.client import Cases, OutOfReach
from workflows.domain.alerts import Subject
from workflows.domain.values import visible
from workflows.ports.cases import Delivery

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


def erase(
    subject: Annotated[str, typer.Argument(help="Type and id, such as user:u_123.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be erased.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    by: Annotated[
        str | None,
        typer.Option(help="Who erases, or a ticket, for the record; else the system's account."),
    ] = None,
) -> int:
    """Take a person's data out of the ledger; exit 1 while open cases of others name them."""
    settings, person = load_settings(), _subject(subject)
    plan = run(_erasing(settings, lambda eraser: eraser.plan(person)))
    if not plan.counts:
        print(f"The ledger has nothing to erase about {person.key}.")
    else:
        print(f"{person.key}: {_counted(plan)}")
        if dry_run:
            return _named(plan)
        if not (yes or typer.confirm("Erase this? It can't be undone.")):
            print("Nothing was erased.")
            return 1
        actor = (by or _account())[:64]
        plan = run(
            _erasing(settings, lambda each: each.erase_subject(person, actor, datetime.now(UTC)))
        )
        print(f"erased: {_counted(plan)}")
    if plan.redraw and not dry_run:
        run(_redraw(settings, plan.redraw))
    return _named(plan)


def _subject(written: str) -> Subject:
    type_, _, id_ = written.partition(":")
    try:
        return Subject(type=type_, id=id_)
    except ValueError:
        raise InputWrong(f"{visible(written)[:80]} is no subject: write user:u_123.") from None


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for its user
        return "unknown"


def _counted(erasure: SubjectErasure) -> str:
    return ", ".join(f"{number} {table}" for table, number in erasure.counts.items())


def _named(erasure: SubjectErasure) -> int:
    """Names open cases of others; the exit code."""
    if erasure.left:
        named = ", ".join(erasure.left)
        print(
            f"Open cases of others name it ({named}): run this again once they are closed.",
            file=sys.stderr,
        )
    return 1 if erasure.left else 0


async def _erasing(
    settings: Settings, work: Callable[[SubjectEraser], Awaitable[SubjectErasure]]
) -> SubjectErasure:
    signer = signer_of(settings.temporal)
    async with open_database(settings.ledger, signer) as database:
        await migrate(database)
        eraser = SubjectEraser(database, signer)
        if await eraser.has_signatures():
            need(settings, "temporal.signing_keys")
        try:
            return await work(eraser)
        except CaseIsOpen as found:
            raise InputWrong(
                f"Cases about it are open or under appeal ({found}): end them, then run this again."
            ) from found


async def _redraw(settings: Settings, closed: Sequence[str]) -> None:
    """Starts closed cases again, which draw their cards without what was erased."""
    client = await open_client(settings.temporal)
    try:
        for case in closed:
            delivery = Delivery(case=case, wake=True)
            await Cases(client, settings.temporal.task_queue).deliver(delivery)
    except OutOfReach:
        print(
            f"Temporal does not answer, so cards are as before ({', '.join(closed)}): "
            "run this again once it does.",
            file=sys.stderr,
        )
