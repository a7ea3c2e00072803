"""The ledger's rows as the listeners read them."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from activities.ledger.errors import LedgerUnavailable
from activities.ledger.queries import Look, Queries, Row
from bot.slack.doors import (
    ActionLine,
    CaseLine,
    EventLine,
    LookedUp,
    Past,
    PolicyDoor,
    Story,
    Timeline,
    TimelineLine,
    Unavailable,
)
from workflows.domain.alert import Subject
from workflows.domain.decision import Decision
from workflows.domain.events import CaseOpened, Recorded
from workflows.domain.memory import CardRef
from workflows.domain.text import Text
from workflows.domain.view import UNTOLD

_COUNTED = UNTOLD - {CaseOpened.model_fields["kind"].default}
LATEST_EVENTS = 100
"""Read back for the last decision; alerts that join may stand behind it."""


class LedgerReader:
    """`LedgerDoor` over the real ledger."""

    def __init__(self, queries: Queries, policies: PolicyDoor) -> None:
        self._queries = queries
        self._policies = policies

    async def story(self, case: str) -> Story | None:
        """A case by its id."""
        try:
            row = await self._queries.case(case)
            if row is None:
                return None
            actions = await self._queries.actions_of(case)
            events = await self._queries.events_of(case, latest=LATEST_EVENTS)
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error
        return self._story(row, actions, events)

    async def timeline(self, case: str, page: int | None, size: int) -> Timeline | None:
        """A page of what the thread of a case tells."""
        try:
            total = await self._queries.count_events(case, but=_COUNTED)
            last = max(total - 1, 0) // size
            number = last if page is None else min(page, last)
            rows = await self._queries.events_between(case, number * size, size, but=_COUNTED)
            first = rows if number == 0 else await self._queries.events_between(case, 0, 1)
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error
        if not total:
            return None
        lines = tuple(_told(row) for row in rows)
        return Timeline(opened=_opened(first), lines=lines, first=number * size, total=total)

    async def queue(self) -> tuple[CaseLine, ...]:
        """Every case that is not closed or waits for an approval."""
        try:
            return tuple(line_of(row) for row in await self._queries.open_cases())
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error

    async def past(self, subject: Subject) -> Past:
        """A subject's cases and actions, newest first."""
        try:
            cases = await self._queries.cases_of(subject.type, subject.id)
            actions = await self._queries.actions_on(subject.type, subject.id)
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error
        return Past(
            cases=tuple(line_of(row) for row in cases),
            actions=tuple(self._action(row) for row in actions),
        )

    async def looked_up(self, note: LookedUp) -> None:
        """Writes a look-up down, for good."""
        look = Look(
            at=note.at,
            actor=note.by,
            subject_type=note.kind,
            subject_id=note.id,
            why=note.why,
            case_id=note.id if note.kind == "case" else note.case,
            revealed=note.revealed,
        )
        try:
            await self._queries.look_up(look)
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error

    def _story(self, row: Row, actions: Sequence[Row], events: Sequence[Row]) -> Story:
        decision = _last_decision(events)
        return Story(
            line=line_of(row),
            alerts=row["alerts"],
            decision_by=row["decider"],
            decision_reason=decision.reason if decision else "",
            decision_title=self._preset(row["playbook"], decision),
            actions=tuple(self._action(each) for each in actions),
            events=tuple(
                EventLine(at=each["at"], kind=each["kind"], by=each["actor"]) for each in events
            ),
        )

    def _preset(self, playbook: str, decision: Decision | None) -> Text | None:
        book = self._policies.playbook(playbook)
        if book is None or decision is None or decision.preset is None:
            return None
        preset = book.preset(decision.preset)
        return preset.title if preset else None

    def _action(self, row: Row) -> ActionLine:
        spec = self._policies.catalog().find(row["action"])
        return ActionLine(
            case=row["case_id"],
            name=row["action"],
            title=spec.title if spec else None,
            status=row["status"],
            by=row["decided_by"],
            at=row["decided_at"],
            until=row["until"],
        )


def _told(row: Row) -> TimelineLine:
    line = EventLine(at=row["at"], kind=row["kind"], by=row["actor"])
    event = {**row["data"], "kind": row["kind"], "at": row["at"], "by": row["actor"]}
    try:
        return TimelineLine(
            line=line, whole=Recorded.model_validate({"seq": row["seq"], "event": event})
        )
    except ValidationError:  # of a newer version, or of an appeal
        return TimelineLine(line=line)


def _opened(rows: Sequence[Row]) -> CaseOpened | None:
    first = _told(rows[0]).whole if rows else None
    return first.event if first is not None and isinstance(first.event, CaseOpened) else None


def _last_decision(events: Sequence[Row]) -> Decision | None:
    decided = [each["data"]["decision"] for each in events if each["kind"] == "decided"]
    return Decision.model_validate(decided[-1]) if decided else None


def line_of(row: Row) -> CaseLine:
    """A case's row as it stands in a list."""
    due = row["claim_due"] if row["owner"] is None else row["decide_due"]
    return CaseLine(
        id=row["id"],
        route=row["route"],
        version=row["version"],
        title=Text.model_validate(row["title"]),
        subject=Subject(type=row["subject_type"], id=row["subject_id"]),
        severity=row["severity"],
        phase=row["phase"],
        owner=row["owner"],
        opened_at=row["opened_at"],
        due=row["approval_expires_at"] or due,
        verdict=row["verdict"],
        closed_at=row["closed_at"],
        card=_card(row),
        decider=row["decider"],
        approvers=frozenset(row["approvers"]),
        purpose=row["approval_purpose"],
        barred=_barred(row),
        hold=row["hold"],
        hold_until=row["hold_until"],
    )


def _barred(row: Row) -> frozenset[str]:
    """Who can't give the approval; a row of an older version only says who decided."""
    barred = row["approval_barred"]
    if barred is None:
        barred = [row["decider"]] if row["decider"] else []
    return frozenset(barred)


def _card(row: Row) -> CardRef | None:
    channel: Any = row["card_channel"]
    return CardRef(channel=channel, ts=row["card_ts"]) if channel and row["card_ts"] else None
