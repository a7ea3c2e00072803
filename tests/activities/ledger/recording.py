"""Ledger writes as a case's workflow makes them."""

import sqlalchemy as sa

from activities.ledger.database import Database
from tests.workflows.domain.builders import T0, a_case, an_alert, minutes
from workflows.domain.alerts import Subject, brief
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decide import decide
from workflows.domain.case.evolve import apply_all, numbered
from workflows.domain.case.model import Case
from workflows.domain.case.projection import action_rows, case_row
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.snapshot import CaseSnapshot, ReceivedAlert
from workflows.domain.policy.playbook import Severity, pack
from workflows.ports.cases import LedgerWrite, OpenCase

KEY = "run-1"


def wanted(key: str = KEY, number: int = 1, case: Case | None = None, after: str = "") -> OpenCase:
    """Request to open a case with the n-th alert, without an id."""
    alert = an_alert(number)
    unnamed = (case or a_case()).model_copy(update={"id": ""})
    event = ev.CaseOpened(
        at=T0,
        case="",
        playbook="off_platform",
        subject=unnamed.subject,
        severity=unnamed.severity,
        alert=brief(alert),
    )
    return OpenCase(key=key, event=event, row=case_row(unnamed), alert=alert, after=after)


def opening(case: Case | None = None, key: str = KEY, number: int = 1) -> LedgerWrite:
    """The write of a new case with the id that the test chose."""
    case = case or a_case()
    event = ev.CaseOpened(
        at=T0,
        case=case.id,
        playbook="off_platform",
        subject=Subject(type="user", id="u_123"),
        severity=Severity.CRITICAL,
        alert=brief(an_alert()),
    )
    return LedgerWrite(
        case=case.id,
        owner_key=key,
        events=(ev.Recorded(seq=1, event=event),),
        row=case_row(case),
        alerts=(ReceivedAlert(alert=an_alert(number), at=T0),),
    )


def after(
    case: Case, *commands: cmd.Command, first: float = 1
) -> tuple[Case, tuple[ev.Recorded, ...]]:
    """The case after `commands`, one minute apart starting at `first`, and its events."""
    happened: list[ev.Recorded] = []
    for place, command in enumerate(commands):
        outcome = decide(case, command, minutes(first + place))
        assert not isinstance(outcome, Refusal), outcome
        happened += numbered(case, outcome)
        case = apply_all(case, outcome)
    return case, tuple(happened)


def following(case: Case, *commands: cmd.Command, key: str = KEY, first: float = 1) -> LedgerWrite:
    """The write of a workflow after `commands`."""
    case, happened = after(case, *commands, first=first)
    return LedgerWrite(
        case=case.id,
        owner_key=key,
        events=happened,
        row=case_row(case),
        actions=tuple(action_rows(case)),
    )


def closing(case: Case, *commands: cmd.Command, key: str = KEY) -> LedgerWrite:
    """The write of a closed case, with its snapshot for the next wake-up."""
    closed, _ = after(case, *commands)
    memory = CaseSnapshot(key=key, case=closed, policy=pack(closed.policy))
    return following(case, *commands, key=key).model_copy(update={"snapshot": memory})


async def count(database: Database, table: sa.Table) -> int:
    """Number of rows in a table."""
    async with database.reading() as connection:
        query = sa.select(sa.func.count()).select_from(table)
        return int((await connection.execute(query)).scalar_one())
