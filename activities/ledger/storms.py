"""Ledger of storms: the cases of a channel that is flooded with new ones."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities.ledger.database import Repository
from activities.ledger.rows import subject_of
from activities.ledger.schema import cases
from workflows.domain.case.model import Phase
from workflows.domain.case.snapshot import CardRef
from workflows.domain.policy.playbook import Severity
from workflows.domain.storm import MOST_TOP, Group, Picture, Top
from workflows.domain.values import Text
from workflows.ports.storms import StormAsk

_RANK = sa.case({each.value: each.rank for each in Severity}, value=cases.c.severity, else_=9)
_OPEN = cases.c.phase != Phase.CLOSED.value
_WAITS = sa.and_(_OPEN, cases.c.card_ts.is_(None))

_POSTED = sa.update(cases).where(cases.c.id == sa.bindparam("case"), cases.c.card_ts.is_(None))

_RECENT = timedelta(minutes=10)
"""Start of a storm where no card waits any more: its detection takes a while."""


class Storms(Repository):
    """Reads and updates the cards of a channel's cases."""

    async def waiting(self, channel: str) -> int:
        """The number of a channel's open cases without a card."""
        query = sa.select(sa.func.count()).where(cases.c.channel == channel, _WAITS)
        return int(await self._database.scalar(query))

    async def posted(self, case: str, card: CardRef) -> None:
        """Stores a case's card, unless there is one: that is newer."""
        place = {"card_channel": card.channel, "card_ts": card.ts, "case": case}
        await self._database.write(lambda connection: connection.execute(_POSTED, place))

    @activity.defn(name="storm_now")
    async def storm_now(self, ask: StormAsk) -> Picture:
        """The state of a channel's cases."""
        async with self._database.reading() as connection:
            since = ask.since or await _oldest_waiting(connection, ask.channel)
            matching = (cases.c.channel == ask.channel, cases.c.opened_at >= since)
            counted = (await connection.execute(_counted(matching))).all()
            titles = {
                row.playbook: row.title for row in await connection.execute(_titles(matching))
            }
            top = (await connection.execute(_top(matching))).mappings().all()
        return Picture(
            channel=ask.channel,
            since=since,
            cases=sum(row.cases for row in counted),
            open=sum(row.open for row in counted),
            waiting=sum(row.waiting for row in counted),
            groups=_groups(counted, titles),
            top=tuple(_one_top(row) for row in top),
        )


async def _oldest_waiting(connection: AsyncConnection, channel: str) -> datetime:
    query = sa.select(sa.func.min(cases.c.opened_at, type_=cases.c.opened_at.type))
    found = await connection.execute(query.where(cases.c.channel == channel, _WAITS))
    return found.scalar_one() or datetime.now(UTC) - _RECENT


def _counted(matching: Sequence[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    return (
        sa.select(
            cases.c.playbook,
            cases.c.severity,
            sa.func.count().label("cases"),
            sa.func.sum(sa.case((_OPEN, 1), else_=0)).label("open"),
            sa.func.sum(sa.case((_WAITS, 1), else_=0)).label("waiting"),
        )
        .where(*matching)
        .group_by(cases.c.playbook, cases.c.severity)
    )


def _titles(matching: Sequence[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    """The title of each playbook, from one of its cases: JSON can't be grouped by."""
    one_each = sa.select(sa.func.min(cases.c.id)).where(*matching).group_by(cases.c.playbook)
    return sa.select(cases.c.playbook, cases.c.title).where(cases.c.id.in_(one_each))


def _top(matching: Sequence[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    columns = cases.c["id", "title", "subject_type", "subject_id", "severity", "alerts", "owner"]
    return (
        sa.select(*columns, cases.c.card_ts)
        .where(*matching, _OPEN)
        .order_by(_RANK, cases.c.alerts.desc(), cases.c.opened_at, cases.c.id)
        .limit(MOST_TOP)
    )


def _groups(counted: Sequence[sa.Row[Any]], titles: dict[str, Any]) -> tuple[Group, ...]:
    """Groups by size, largest first, with severities in order."""
    counts: dict[str, dict[Severity, int]] = {}
    for row in counted:
        counts.setdefault(row.playbook, {})[Severity(row.severity)] = row.cases
    groups = (
        Group(
            playbook=playbook,
            title=Text.model_validate(titles[playbook]),
            counts={each: of_it[each] for each in Severity if each in of_it},
        )
        for playbook, of_it in counts.items()
    )
    return tuple(sorted(groups, key=lambda group: (-group.cases, group.playbook)))


def _one_top(row: sa.RowMapping) -> Top:
    return Top(
        case=row["id"],
        title=Text.model_validate(row["title"]),
        subject=subject_of(row),
        severity=Severity(row["severity"]),
        alerts=row["alerts"],
        owner=row["owner"],
        carded=row["card_ts"] is not None,
    )
