"""Ledger commands: `koban audit show`, `verify`, `anchor` and `sign`, and `koban erase`."""

import getpass
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from activities.ledger.audit_log import Head
from activities.ledger.database import migrate, sqlite_file
from activities.ledger.erasure import CaseIsOpen, SubjectEraser, SubjectErasure
from activities.ledger.policies import StoredPolicies
from activities.ledger.queries import Queries
from activities.ledger.verification import Anchor, Audit, Verifier
from bot.cli.process import need_tables, open_database, run
from bot.errors import InputWrong
from bot.ledger import anchor_of, seal_all, signer_of
from bot.settings import Settings, load_settings, need
from bot.temporal import open_client
from workflows.client import Cases, OutOfReach
from workflows.domain.alerts import Subject
from workflows.domain.values import visible
from workflows.ports.cases import Delivery

T = TypeVar("T")

NO_IDENTITY = (
    "The ledger has no id, so it is new or its rows are missing: compare it with Temporal by "
    "koban doctor."
)


def show(
    case: Annotated[str, typer.Argument(help="A case's id, such as K7Q2M4XPA.")],
) -> None:
    """Show the events of one case, each with its time, actor and content."""
    settings = load_settings()
    _need_ledger(settings, ())
    events = run(_read(settings, lambda queries: queries.events_of(case.strip().upper())))
    if not events:
        raise InputWrong(f"The ledger has no case {visible(case)[:32]}.")
    for event in events:
        at = event["at"].astimezone(settings.zone).strftime("%Y-%m-%d %H:%M:%S %Z")
        # Quoted texts may hold control sequences, which a terminal would execute.
        data = visible(json.dumps(event["data"], ensure_ascii=False))
        print(f"{event['seq']:>4}  {at}  {event['kind']}  {event['actor'] or 'koban'}  {data}")


def verify(
    anchors: Annotated[
        Path | None,
        typer.Option(help="A file of `koban audit anchor --to`, or of log lines `audit_head`."),
    ] = None,
) -> int:
    """Check the audit log, all chains, rows and snapshots; exit 1 where one does not hold."""
    settings = load_settings()
    known = () if anchors is None else _read_anchors(anchors)
    _need_ledger(settings, known)
    audit, identity = run(_verify(settings, known))
    faults = (*audit.findings, *(() if identity else (NO_IDENTITY,)))
    for line in (*faults, *audit.notes):
        print(line, file=sys.stderr)
    counted = f"{audit.cases} cases, {audit.events} events, {audit.heads} heads"
    print(f"{counted}: {_result(audit, len(faults))}")
    return 1 if faults else 0


def _result(audit: Audit, faults: int) -> str:
    if faults:
        return "1 fault" if faults == 1 else f"{faults} faults"
    return "everything holds" if audit.holds else "the ledger is empty, nothing was checked"


async def _verify(settings: Settings, anchors: Sequence[Anchor]) -> tuple[Audit, str | None]:
    """What was found, and the ledger's id."""
    signer, until = signer_of(settings.temporal), settings.temporal.unsealed_until
    async with open_database(settings.ledger, signer) as database:
        audit = await Verifier(database).run(anchors, unsigned_until=until)
        return audit, await Queries(database).identity()


def _need_ledger(settings: Settings, anchors: Sequence[Anchor]) -> None:
    """Raises `InputWrong` where SQLite would create a missing file."""
    file = sqlite_file(settings.ledger.url.get_secret_value())
    if file is not None and not file.exists():
        last = max((anchor.head.number for anchor in anchors), default=0)
        had = f" Head {last} was anchored: the database was removed." if last else ""
        raise InputWrong(f"There is no ledger at {file}.{had}")


def anchor(
    to: Annotated[
        Path | None, typer.Option(help="A file outside the database; the line is appended.")
    ] = None,
) -> int:
    """Sign the newest head of the audit log, as a line to keep outside the database."""
    settings = load_settings()
    need(settings, "temporal.signing_keys")
    known = _read_anchors(to) if to is not None and to.exists() else ()
    _need_ledger(settings, known)
    line, faults = run(_anchor(settings, known))
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        return 1
    if to is None:
        print(line)
    else:
        with to.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    return 0


async def _anchor(settings: Settings, known: Sequence[Anchor]) -> tuple[str, Sequence[str]]:
    async with open_database(settings.ledger, signer_of(settings.temporal)) as database:
        await migrate(database, creates=False)
        await seal_all(database)
        head = await Verifier(database).newest()
        if head is None:
            raise InputWrong("The audit log is empty: there is nothing to anchor.")
        # A line after a cut or replaced log would look like its regular continuation.
        return json.dumps(anchor_of(database, head)), await Verifier(database).compared(known)


def _read_anchors(file: Path) -> tuple[Anchor, ...]:
    """Reads lines of `koban audit anchor`, or of the log. Raises `InputWrong`."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputWrong(f"{file} can't be read.") from error
    found = (_anchor_in(f"{file}, line {n}", line) for n, line in enumerate(lines, 1) if line)
    anchors = tuple(each for each in found if each is not None)
    if not anchors:
        raise InputWrong(f"{file} has no anchor.")
    return anchors


def _anchor_in(place: str, line: str) -> Anchor | None:
    """The anchor of a line; None for another log line. Raises `InputWrong`."""
    try:
        read = json.loads(line)
        if read.get("event", "audit_head") != "audit_head":
            return None
        at, signature = datetime.fromisoformat(read["at"]), str(read["signature"])
        head = Head(int(read["number"]), at, 0, "", "", str(read["hash"]), signature)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputWrong(f"{place} is no anchor.") from error
    return Anchor(place, head)


def sign(
    unsigned: bool = typer.Option(
        False, "--unsigned", help="Also sign what has no signature: from before there were keys."
    ),
) -> int:
    """Sign snapshots, policies and the audit log with the first key; exit 1 where one is wrong."""
    settings = load_settings()
    need(settings, "temporal.signing_keys")
    done, refused = run(_sign(settings, unsigned))
    print(f"{done} signed, {refused} refused")
    return 1 if refused else 0


async def _sign(settings: Settings, unsigned: bool) -> tuple[int, int]:
    signer = signer_of(settings.temporal)
    async with open_database(settings.ledger, signer) as database:
        await migrate(database, creates=False)
        done, refused = await StoredPolicies(database, signer).sign_again(unsigned)
        after: int | None = 0
        while after is not None:
            work = partial(database.audit.sign_again, unsigned=unsigned, after=after)
            more, wrong, after = await database.write(work)
            done, refused = done + more, refused + wrong
        return done, refused


async def _read(settings: Settings, query: Callable[[Queries], Awaitable[T]]) -> T:
    async with open_database(settings.ledger) as database:
        await need_tables(database)
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
