"""Case queries on the ledger for Slack: queue in its order, search, timeline, subject history."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import ValidationError

from activities.ledger.database import Row
from activities.ledger.queries import Queries
from activities.ledger.rows import card_of, subject_of
from activities.ledger.search import Search
from bot.policies import Policies
from workflows.domain.alerts import Subject
from workflows.domain.case.approval import Purpose
from workflows.domain.case.decision import Decision, Verdict
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.event_base import kind_of
from workflows.domain.case.events import CaseOpened, Decided, Recorded, Sampled, kinds
from workflows.domain.case.model import HoldKind, Phase
from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import Cover, Role
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Text, Value

_COUNTED = kinds(lambda each: not each.in_thread and each is not CaseOpened)
_BLIND = kinds(lambda each: each is Sampled)
"""Events that people who work on the case must not see."""
LATEST_EVENTS = 100
"""Events read for the last decision, which joined alerts may follow."""


class CaseLine(Value):
    """A case in a list. `due` is the deadline of its current step, if it has one.

    `approvers` are the roles that a pending approval still needs, and `barred` the people who can't
    give it.
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
    """Status of an action. `name` is its key in actions.yaml; a removed action has no `title`."""

    case: str
    name: str
    title: Text | None = None
    status: ActionStatus
    by: str | None = None
    at: datetime | None = None
    until: datetime | None = None


class EventLine(Value):
    """One event. `kind` is the ledger's; `by` is None for Koban itself."""

    at: datetime
    kind: str
    by: str | None = None


class Story(Value):
    """A case with its last decision, its actions and its latest events, oldest first."""

    line: CaseLine
    alerts: int
    decision_by: str | None = None
    decision_reason: str = ""
    decision_title: Text | None = None
    actions: tuple[ActionLine, ...] = ()
    events: tuple[EventLine, ...] = ()


class TimelineLine(Value):
    """An event of a timeline; `whole` is None for an event of a newer version of Koban."""

    line: EventLine
    whole: Recorded | None = None


class Timeline(Value):
    """A page of a case's events, oldest first. `first` is its offset in all `total` events."""

    opened: CaseOpened | None
    lines: tuple[TimelineLine, ...]
    first: int
    total: int


class Past(Value):
    """Cases and actions of a subject, newest first."""

    cases: tuple[CaseLine, ...] = ()
    actions: tuple[ActionLine, ...] = ()


class SnoozeLine(Value):
    """A snoozed detector: `number` is that of its event, `reason` is empty once it was erased."""

    case: str
    number: int
    workflow_id: str
    version: int
    card: CardRef | None = None
    detector: str
    subject: Subject
    by: str
    until: datetime
    reason: str = ""


class Record(Value):
    """Open cases of a subject, and its number of sanctions in force."""

    open_cases: tuple[str, ...] = ()
    in_force: int = 0


class LedgerReader:
    """Read access to cases. Every call raises `LedgerUnavailable`."""

    def __init__(self, queries: Queries, policies: Policies) -> None:
        self._queries = queries
        self.looked_up, self.detectors_of = queries.look_up, queries.detectors_of
        self._policies = policies

    async def story(self, case: str) -> Story | None:
        """Returns a case with its decision, actions and events."""
        row = await self._queries.case(case)
        if row is None:
            return None
        actions = await self._queries.actions_of(case)
        events = await self._queries.events_of(case, latest=LATEST_EVENTS)
        return self._story(row, actions, events)

    async def is_open(self, case: str) -> bool:
        """Whether the ledger has the case as open."""
        row = await self._queries.case(case)
        return row is not None and row["phase"] != Phase.CLOSED.value

    async def timeline(self, case: str, page: int | None, size: int) -> Timeline | None:
        """Returns page `page` (from 0; None: the last) with `size` events of the case's thread."""
        total = await self._queries.count_events(case, but=_COUNTED)
        last = max(total - 1, 0) // size
        number = last if page is None else min(page, last)
        rows = await self._queries.events_between(case, number * size, size, but=_COUNTED)
        first = rows if number == 0 else await self._queries.events_between(case, 0, 1)
        if not total:
            return None
        lines = tuple(_timeline_line(row) for row in rows)
        return Timeline(opened=_opened(first), lines=lines, first=number * size, total=total)

    async def queue(self) -> tuple[CaseLine, ...]:
        """Returns every case that is not closed or waits for an approval."""
        return tuple(line_of(row) for row in await self._queries.open_cases())

    async def snoozes(self, now: datetime) -> tuple[SnoozeLine, ...]:
        """Returns the snoozed detectors, the first to end first."""
        return tuple(_snooze_line(row) for row in await self._queries.snoozes_at(now))

    async def past(self, subject: Subject) -> Past:
        """Returns a subject's cases and actions, newest first."""
        cases = await self._queries.cases_of(subject.type, subject.id)
        actions = await self._queries.actions_on(subject.type, subject.id)
        return Past(
            cases=tuple(line_of(row) for row in cases),
            actions=tuple(self._action(row) for row in actions),
        )

    async def naming(self, subject: Subject) -> tuple[CaseLine, ...]:
        """Returns the cases about others that name the subject as related, newest first."""
        return tuple(line_of(row) for row in await self._queries.cases_naming(subject))

    def _story(self, row: Row, actions: Sequence[Row], events: Sequence[Row]) -> Story:
        decision = _last_decision(events)
        return Story(
            line=line_of(row),
            alerts=row["alerts"],
            decision_by=row["decider"],
            decision_reason=decision.reason if decision else "",
            decision_title=self._preset(row["playbook"], decision),
            actions=tuple(self._action(each) for each in actions),
            events=tuple(_event_line(each) for each in events if each["kind"] not in _BLIND),
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


def _event_line(row: Row) -> EventLine:
    return EventLine(at=row["at"], kind=row["kind"], by=row["actor"])


def _timeline_line(row: Row) -> TimelineLine:
    event = {**row["data"], "kind": row["kind"], "at": row["at"], "by": row["actor"]}
    try:
        whole = Recorded.model_validate({"seq": row["seq"], "event": event})
    except ValidationError:  # of a newer version, or of an appeal
        whole = None
    return TimelineLine(line=_event_line(row), whole=whole)


def _opened(rows: Sequence[Row]) -> CaseOpened | None:
    first = _timeline_line(rows[0]).whole if rows else None
    return first.event if first is not None and isinstance(first.event, CaseOpened) else None


def _last_decision(events: Sequence[Row]) -> Decision | None:
    kind = kind_of(Decided)
    decided = [each["data"]["decision"] for each in events if each["kind"] == kind]
    return Decision.model_validate(decided[-1]) if decided else None


def _snooze_line(row: Row) -> SnoozeLine:
    named = {"case": row["case_id"], "by": row["actor"], "reason": row["reason"] or ""}
    return SnoozeLine.model_validate(
        {**row, **named, "card": card_of(row), "subject": subject_of(row)}
    )


def line_of(row: Row) -> CaseLine:
    """Converts a row of the table `cases`."""
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
        card=card_of(row),
        decider=row["decider"],
        approvers=frozenset(row["approvers"]),
        purpose=row["approval_purpose"],
        barred=_barred(row),
        hold=row["hold"],
        hold_until=row["hold_until"],
    )


def _barred(row: Row) -> frozenset[str]:
    """People who can't approve; rows of an older version have the decider only."""
    barred = row["approval_barred"]
    if barred is None:
        barred = [row["decider"]] if row["decider"] else []
    return frozenset(barred)


class CaseSearch:
    """Search for cases; `near` finds similar ids. Every call raises `LedgerUnavailable`."""

    def __init__(self, search: Search, queries: Queries) -> None:
        self._search = search
        self._queries = queries
        self.near = queries.cases_like

    async def cases(
        self, text: str, prefix: str | None, first: int, size: int
    ) -> tuple[CaseLine, ...]:
        """Returns cases that contain `text` or whose id starts with `prefix`."""
        rows = await self._search.cases(text, prefix, first, size)
        return tuple(line_of(row) for row in rows)

    async def of_alert(self, detector: str, alert: str) -> CaseLine | None:
        """Returns the case of an alert."""
        row = await self._queries.case_of_alert(detector, alert)
        return None if row is None else line_of(row)

    async def records(self, subjects: Sequence[Subject]) -> dict[str, Record]:
        """Returns the record of each subject by its key."""
        return {
            key: Record(open_cases=cases, in_force=in_force)
            for key, (cases, in_force) in (await self._search.records(subjects)).items()
        }


class Which(StrEnum):
    """A part of the queue."""

    ALL = "all"
    MINE = "mine"
    OVERDUE = "overdue"
    APPROVALS = "approvals"


_NEVER = datetime.max.replace(tzinfo=UTC)


def ordered(lines: tuple[CaseLine, ...]) -> list[CaseLine]:
    """The most severe first, then by due time."""
    return sorted(lines, key=lambda line: (line.severity.rank, line.due or _NEVER, line.id))


def chosen(lines: tuple[CaseLine, ...], which: Which, person: str, now: datetime) -> list[CaseLine]:
    """A part of the queue. Closed cases are only among the approvals: their undo needs one."""
    keep: dict[Which, Callable[[CaseLine], bool]] = {
        Which.ALL: _is_open,
        Which.MINE: lambda line: _is_open(line) and line.owner == person,
        Which.OVERDUE: lambda line: _is_open(line) and line.due is not None and line.due < now,
        Which.APPROVALS: lambda line: bool(line.approvers),
    }
    return [line for line in ordered(lines) if keep[which](line)]


def _is_open(line: CaseLine) -> bool:
    return line.phase is not Phase.CLOSED


def waiting_for(
    lines: tuple[CaseLine, ...],
    person: str,
    roles: frozenset[Role],
    covers: tuple[Cover, ...] = (),
) -> list[CaseLine]:
    """The cases that `person` may approve: never their own decisions or approvals."""
    return [line for line in ordered(lines) if _may_agree(line, person, roles, covers)]


def _may_agree(
    line: CaseLine, person: str, roles: frozenset[Role], covers: tuple[Cover, ...]
) -> bool:
    if person in line.barred:
        return False
    if line.approvers & roles:
        return True
    # Somebody who covers for the decider is no second pair of eyes.
    return any(each.role in line.approvers and each.person not in line.barred for each in covers)
