"""Cases as the ledger has them, read for people in Slack."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from activities.ledger.database import Row
from activities.ledger.queries import Look, Queries
from activities.ledger.search import Search
from bot.policies import Policies
from bot.slack.commands.parser import case_begun
from workflows.domain.alerts import Subject
from workflows.domain.case.approval import Purpose
from workflows.domain.case.decision import Decision, Verdict
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.events import CaseOpened, Recorded, kinds
from workflows.domain.case.model import HoldKind, Phase
from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Text, Value

_COUNTED = kinds(lambda each: not each.in_thread and each is not CaseOpened)
LATEST_EVENTS = 100
"""Read back for the last decision; alerts that join may stand behind it."""


class CaseLine(Value):
    """A case in a list. `due` is when its present step runs out; None where nothing is due.

    `approvers` are the roles that are still needed while it waits for an approval, `barred` the
    people who can't give it; `hold` and `hold_until` tell that it was set aside.
    """

    id: str
    workflow_id: str = ""
    version: int = 0
    title: Text
    subject: Subject
    severity: Severity
    phase: Phase
    owner: str | None = None
    opened_at: datetime
    due: datetime | None = None
    verdict: Verdict | None = None
    closed_at: datetime | None = None
    card: CardRef | None = None
    decider: str | None = None
    approvers: frozenset[Role] = frozenset()
    purpose: Purpose | None = None
    barred: frozenset[str] = frozenset()
    hold: HoldKind | None = None
    hold_until: datetime | None = None


class ActionLine(Value):
    """An action as it stands: `name` as in actions.yaml, `title` where it is still known."""

    case: str
    name: str
    title: Text | None = None
    status: ActionStatus
    by: str | None = None
    at: datetime | None = None
    until: datetime | None = None


class EventLine(Value):
    """One event: `kind` as in the ledger; by None: Koban itself."""

    at: datetime
    kind: str
    by: str | None = None


class Story(Value):
    """One case with its last decision, its actions and its latest events, oldest first."""

    line: CaseLine
    alerts: int
    decision_by: str | None = None
    decision_reason: str = ""
    decision_title: Text | None = None
    actions: tuple[ActionLine, ...] = ()
    events: tuple[EventLine, ...] = ()


class TimelineLine(Value):
    """An event of a timeline; `whole` is None where this version of Koban can't read it."""

    line: EventLine
    whole: Recorded | None = None


class Timeline(Value):
    """A page of a case's events, oldest first: those from the `first` (0) on, of `total`.

    `opened` is how the case began.
    """

    opened: CaseOpened | None
    lines: tuple[TimelineLine, ...]
    first: int
    total: int


class Past(Value):
    """What the team has had to do with a subject: newest first."""

    cases: tuple[CaseLine, ...] = ()
    actions: tuple[ActionLine, ...] = ()


class LookedUp(Value):
    """A look-up that is about to be shown: who, at whom, why; `revealed`: with personal data.

    `case` is the case that it is for, where one was named.
    """

    by: str
    kind: str
    id: str
    why: str
    at: datetime
    revealed: bool = False
    case: str | None = None


class Record(Value):
    """What the team has on a subject: its open cases, and how many sanctions stand."""

    open_cases: tuple[str, ...] = ()
    standing: int = 0


class LedgerReader:
    """What happened, as the ledger has it. Every call raises `LedgerUnavailable`."""

    def __init__(self, queries: Queries, policies: Policies) -> None:
        self._queries = queries
        self._policies = policies

    async def story(self, case: str) -> Story | None:
        """A case by its id."""
        row = await self._queries.case(case)
        if row is None:
            return None
        actions = await self._queries.actions_of(case)
        events = await self._queries.events_of(case, latest=LATEST_EVENTS)
        return self._story(row, actions, events)

    async def timeline(self, case: str, page: int | None, size: int) -> Timeline | None:
        """A page of what the thread of a case tells."""
        total = await self._queries.count_events(case, but=_COUNTED)
        last = max(total - 1, 0) // size
        number = last if page is None else min(page, last)
        rows = await self._queries.events_between(case, number * size, size, but=_COUNTED)
        first = rows if number == 0 else await self._queries.events_between(case, 0, 1)
        if not total:
            return None
        lines = tuple(_told(row) for row in rows)
        return Timeline(opened=_opened(first), lines=lines, first=number * size, total=total)

    async def queue(self) -> tuple[CaseLine, ...]:
        """Every case that is not closed or waits for an approval."""
        return tuple(line_of(row) for row in await self._queries.open_cases())

    async def past(self, subject: Subject) -> Past:
        """A subject's cases and actions, newest first."""
        cases = await self._queries.cases_of(subject.type, subject.id)
        actions = await self._queries.actions_on(subject.type, subject.id)
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
        await self._queries.look_up(look)

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
        workflow_id=row["workflow_id"],
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


class LedgerFinding:
    """Finding cases in the ledger. Every call raises `LedgerUnavailable`."""

    def __init__(self, finding: Search, queries: Queries) -> None:
        self._finding = finding
        self._queries = queries

    async def cases(self, text: str, first: int, size: int) -> tuple[CaseLine, ...]:
        """Cases with `text` in them, or whose id begins so."""
        rows = await self._finding.cases(text, case_begun(text), first, size)
        return tuple(line_of(row) for row in rows)

    async def near(self, case: str) -> tuple[str, ...]:
        """The ids of cases that differ in one character."""
        return tuple(await self._queries.cases_like(case))

    async def of_alert(self, detector: str, alert: str) -> CaseLine | None:
        """The case of an alert."""
        row = await self._queries.case_of_alert(detector, alert)
        return None if row is None else line_of(row)

    async def records(self, subjects: Sequence[Subject]) -> dict[str, Record]:
        """What there is on each of them."""
        found = await self._finding.records(subjects)
        return {
            key: Record(open_cases=cases, standing=standing)
            for key, (cases, standing) in found.items()
        }
