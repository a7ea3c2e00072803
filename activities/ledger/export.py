"""Export of the ledger: decisions, and the label of each judged alert, read page by page."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from activities.ledger.database import Repository
from activities.ledger.feedback import family, judged_alerts, judging_events
from activities.ledger.schema import alerts, cases, events
from workflows.domain.case import events as ev
from workflows.domain.case.event_base import kind_of
from workflows.domain.feedback import JUDGING, CaseVerdict, judgment, verdicts

PAGE = 200
"""Cases that are listed at a time. Each is read in a transaction of its own."""

Record = dict[str, Any]
"""A row of an exported table."""


class ColumnType(StrEnum):
    """The type of an exported column."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TIME = "time"


@dataclass(frozen=True)
class ExportTable:
    """A table with its columns, in their order."""

    name: str
    columns: Mapping[str, ColumnType]


_T = ColumnType
LABELS = ExportTable(
    "labels",
    {
        "detector": _T.TEXT,
        "alert_id": _T.TEXT,
        "kind": _T.TEXT,
        "score": _T.NUMBER,
        "occurred_at": _T.TIME,
        "case_id": _T.TEXT,
        "playbook": _T.TEXT,
        "policy_version": _T.TEXT,
        "clause": _T.TEXT,
        "verdict": _T.TEXT,
        "source": _T.TEXT,
        "auto": _T.BOOLEAN,
        "overturned": _T.BOOLEAN,
        "decided_at": _T.TIME,
        "version": _T.INTEGER,
    },
)
"""One row a judged alert, with the verdict that holds."""
DECISIONS = ExportTable(
    "decisions",
    {
        "case_id": _T.TEXT,
        "decision_id": _T.TEXT,
        "version": _T.INTEGER,
        "decided_at": _T.TIME,
        "playbook": _T.TEXT,
        "policy_version": _T.TEXT,
        "severity": _T.TEXT,
        "clause": _T.TEXT,
        "verdict": _T.TEXT,
        "source": _T.TEXT,
        "auto": _T.BOOLEAN,
        "overturned": _T.BOOLEAN,
    },
)
"""One row a verdict: of a decision, of its reversal, or of an appeal."""
TABLES = (DECISIONS, LABELS)

_CASE = ("id", "playbook", "policy_version", "severity")


class LedgerExport(Repository):
    """Reads tables for analysis. Raises `LedgerUnavailable`."""

    async def rows(
        self, table: ExportTable, since: datetime, until: datetime
    ) -> AsyncIterator[Record]:
        """The rows of a table that were decided in [since, until), by case."""
        after = ""
        while True:
            page = await self._page(after, since)
            for case in page:
                async with self._database.reading() as connection:
                    found = await connection.run_sync(_ROWS[table.name], case)
                for row in found:
                    if since <= row["decided_at"] < until:
                        yield {name: row[name] for name in table.columns}
            if len(page) < PAGE:
                return
            after = page[-1].id

    async def _page(self, after: str, since: datetime) -> Sequence[sa.Row[Any]]:
        """The next cases that were judged since then."""
        judged = sa.select(1).where(
            events.c.case_id == cases.c.id, events.c.kind.in_(sorted(JUDGING)), events.c.at >= since
        )
        query = sa.select(*cases.c[_CASE]).where(cases.c.id > after, sa.exists(judged))
        async with self._database.reading() as connection:
            found = await connection.execute(query.order_by(cases.c.id).limit(PAGE))
            return found.all()


def _decisions(connection: sa.Connection, case: sa.Row[Any]) -> list[Record]:
    own = {"playbook": case.playbook, "policy_version": case.policy_version}
    return [
        {**own, **_columns(case.id, each), "decision_id": each.decision, "severity": case.severity}
        for each in verdicts(judging_events(connection, case.id))
    ]


def _labels(connection: sa.Connection, case: sa.Row[Any]) -> list[Record]:
    """The verdict that holds for each alert; alerts of a merged case have that of the other."""
    judged = judgment(judging_events(connection, case.id))
    if not judged.verdicts or connection.execute(_MERGED, {"case": case.id}).first() is not None:
        return []
    last = judged.verdicts[-1]
    about = judged_alerts(family(connection, case.id), last, judged.stands)
    own = {"playbook": case.playbook, "policy_version": case.policy_version}
    verdict = {**own, **_columns(case.id, last)}
    return [{**row, **verdict} for row in _alerts_of(connection, about)]


_MERGED = sa.select(1).where(
    events.c.case_id == sa.bindparam("case"), events.c.kind == kind_of(ev.CaseMerged)
)


def _alerts_of(connection: sa.Connection, about: sa.ColumnElement[bool]) -> Iterator[Record]:
    columns = alerts.c["detector", "alert_id", "kind", "score", "occurred_at"]
    query = sa.select(*columns).where(about)
    for row in connection.execute(query.order_by(alerts.c.detector, alerts.c.alert_id)).mappings():
        yield dict(row)


def _columns(case: str, verdict: CaseVerdict) -> Record:
    return {
        "case_id": case,
        "version": verdict.version,
        "decided_at": verdict.decided_at,
        "clause": verdict.clause,
        "verdict": verdict.verdict.value,
        "source": verdict.source.value,
        "auto": verdict.auto,
        "overturned": verdict.overturned,
    }


_ROWS = {DECISIONS.name: _decisions, LABELS.name: _labels}
