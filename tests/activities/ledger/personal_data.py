"""Personal data of a closed case, its erasure, and what the ledger still has of it."""

import json
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from activities.ledger.activities import RetentionActivities
from activities.ledger.database import Database
from activities.ledger.queries import Queries
from activities.ledger.schema import alerts, cases
from activities.ledger.verification import Verifier
from activities.signatures import Signer
from tests.activities.ledger.recording import closing
from tests.workflows.domain.builders import SATO, T0, a_case
from workflows.domain.alerts import Alert, Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case.decision import Verdict
from workflows.domain.policy.reports import Kept, Retention
from workflows.ports.cases import LedgerWrite
from workflows.ports.reports import RetentionStep

PERSON = Subject(type="user", id="u_123")
CASE = "K7Q2F9XM0"
RUN = "retention/daily-1"
SIGNER = Signer([("k1", b"1" * 32)])
RULES = Retention.model_validate(
    {"evidence": "10d", "attributes": "5d", "notes": "20d", "snapshots": "30d", "lookups": "15d"}
)


def days(number: float) -> datetime:
    """A time after T0."""
    return T0 + timedelta(days=number)


def closing_commands() -> tuple[cmd.Command, ...]:
    """A note, and a decision that closes the case."""
    return (
        cmd.AddNote(by=SATO, note="田中一郎に電話"),
        cmd.Decide(by=SATO, verdict=Verdict.NO_VIOLATION, reason="田中一郎の店だった"),
    )


def closed_case() -> LedgerWrite:
    """A case with a note and a decision, closed two minutes after T0."""
    return closing(a_case(), *closing_commands())


async def erase(retention: RetentionActivities, at: datetime, *kinds: Kept, run: str = RUN) -> int:
    """A run over some kinds that was due `at`; the number of erased rows."""
    erased = 0
    for kind in kinds or [kind for kind in Kept if kind is not Kept.IMAGES]:
        after: str | None = ""
        while after is not None:
            batch = await retention.erase_batch(
                RetentionStep(run=run, at=at, kind=kind, after=after)
            )
            erased, after = erased + batch.erased, batch.after
    return erased


async def everything(database: Database, case: str = CASE) -> str:
    """All that the ledger has about a case, as text."""
    queries = Queries(database)
    async with database.reading() as connection:
        bodies = await connection.execute(sa.select(alerts.c.body).where(alerts.c.case_id == case))
        kept = await connection.execute(sa.select(cases.c.snapshot).where(cases.c.id == case))
        rows: list[Any] = [*bodies.scalars(), *kept.scalars()]
    rows += [row["data"] for row in await queries.events_of(case)]
    return json.dumps(rows, ensure_ascii=False)


async def holds(database: Database) -> bool:
    """Whether every chain verifies."""
    return not (await Verifier(database).run()).findings


async def digests(database: Database) -> list[str | None]:
    """The digests of what the alerts show."""
    return [row["content"] for row in await database.rows(sa.select(alerts.c.content))]


async def ends(database: Database, case: str) -> None:
    """The case closes."""
    closes = sa.update(cases).where(cases.c.id == case)
    await database.execute(closes.values(phase="closed", closed_at=days(1)))


async def alert_about(database: Database, person: str) -> None:
    """One more alert in the case, about somebody else."""
    body = Alert.model_validate(
        {
            "id": "chat-000009",
            "kind": "spam",
            "subject": {"type": "user", "id": person},
            "occurred_at": T0,
            "title": "山田花子",
        }
    ).model_dump(mode="json", exclude_none=True)
    row = {"detector": "default", "alert_id": "chat-000009", "case_id": CASE, "kind": "spam"}
    about = {"subject_id": person, "subject_type": "user"}
    times = {"occurred_at": T0, "received_at": T0}
    await database.execute(sa.insert(alerts).values(**row, **about, **times, body=body))
