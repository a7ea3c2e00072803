"""Report activity: collects the data of a report from ledger, policy and directory."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.ledger.database import Row
from activities.ledger.queries import Queries
from activities.ledger.rows import card_of
from activities.ledger.statistics import Statistics
from activities.slack.directory import Directory, RolesUnknown
from workflows.domain.metrics import report as lists
from workflows.domain.metrics.report import (
    DAY,
    MOST_LISTED,
    SOON,
    CaseNote,
    ProtectionNote,
    Report,
    ReportKind,
)
from workflows.domain.people import Role
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.playbook import Playbook
from workflows.domain.policy.reports import ReportRules
from workflows.domain.policy.roster import Roster, ShiftTurn, Team, next_after, on_at, zone_of
from workflows.domain.values import Text
from workflows.ports.reports import ReportWanted

MOST_CASES = 2_000
"""Open cases considered for the lists; the counts have no limit."""


class ReportPolicy(Protocol):
    """The current policy folder."""

    def reports(self) -> ReportRules | None:
        """reports.yaml."""

    def roster(self) -> Roster | None:
        """roster.yaml."""

    def catalog(self) -> ActionCatalog:
        """actions.yaml."""

    def playbook(self, name: str) -> Playbook | None:
        """A playbook by its name."""


@dataclass(frozen=True)
class _Frame:
    """Period, channel and shift of a report."""

    since: datetime
    channel: str
    team: Team | None = None
    following: tuple[Team, ...] = ()


class ReportGathering:
    """Activity that collects the data of a report."""

    def __init__(
        self,
        statistics: Statistics,
        queries: Queries,
        people: Directory,
        policy: ReportPolicy,
        zone: tzinfo,
        now: Callable[[], datetime],
    ) -> None:
        """`zone` is for rosters without one."""
        self._statistics = statistics
        self._queries = queries
        self._people = people
        self._policy = policy
        self._zone = zone
        self._now = now

    @activity.defn(name="gather_report")
    async def gather_report(self, wanted: ReportWanted) -> Report | None:
        """Collects the data; None where no report is configured.

        Raises:
            LedgerUnavailable: retryable.
            ApplicationError: `roles_unknown`, retryable: the people of a shift are unknown.
        """
        rules = self._policy.reports()
        if rules is None:
            return None
        try:
            frame = await self._frame(rules, wanted)
        except RolesUnknown:
            raise ApplicationError(
                "the people of the shift are unknown", type="roles_unknown"
            ) from None
        return await self._report(wanted, frame, rules) if frame is not None else None

    async def _frame(self, rules: ReportRules, wanted: ReportWanted) -> _Frame | None:
        if wanted.kind is not ReportKind.DAILY:
            return await self._shift(rules, wanted)
        daily = rules.daily
        return _Frame(since=wanted.at - DAY, channel=daily.channel) if daily is not None else None

    async def _shift(self, rules: ReportRules, wanted: ReportWanted) -> _Frame | None:
        roster = self._policy.roster()
        if roster is None or rules.handover is None:
            return None
        zone = zone_of(roster, self._zone)
        on = [t for t in on_at(roster, zone, wanted.at) if t.shift == wanted.shift]
        if not on:
            return None
        ending = on[0]
        # Shifts that begin at its end; those that continue are known.
        after = next_after(roster, zone, ending.ends - timedelta(microseconds=1))
        return _Frame(
            since=ending.starts,
            channel=rules.handover.channel,
            team=await self._team(ending),
            following=tuple([await self._team(turn) for turn in after]),
        )

    async def _team(self, turn: ShiftTurn) -> Team:
        people = turn.people or await self._people.members(turn.role or Role.SPECIALIST)
        return Team(
            title=turn.title,
            starts=turn.starts,
            ends=turn.ends,
            people=people,
            role=turn.role,
            leads=turn.leads or await self._people.members(Role.LEAD),
        )

    async def _report(self, wanted: ReportWanted, frame: _Frame, rules: ReportRules) -> Report:
        now = self._now()
        # A day is over at `wanted.at`; a shift may go on.
        until = wanted.at if wanted.kind is ReportKind.DAILY else now
        numbers = await self._statistics.numbers(frame.since, until)
        notes = [_note(row) for row in await self._queries.open_cases(MOST_CASES)]
        ending = await self._statistics.ending_protections(now + SOON)
        named = {each.playbook for each in numbers.playbooks}
        named |= {each.playbook for each in numbers.trials}
        books = {name: self._policy.playbook(name) for name in sorted(named)}
        return Report(
            key=wanted.key,
            kind=wanted.kind,
            channel=frame.channel,
            language=rules.language,
            at=now,
            numbers=numbers,
            playbooks={name: book.title if book else _as_is(name) for name, book in books.items()},
            team=frame.team,
            following=frame.following,
            handing=lists.handed_over(notes, frame.team.people if frame.team else ()),
            overdue=lists.overdue(notes, now),
            waiting=lists.waiting(notes),
            held=lists.held(notes),
            ending=tuple(self._protection(row) for row in ending[:MOST_LISTED]),
            endings=len(ending),
        )

    def _protection(self, row: Row) -> ProtectionNote:
        spec = self._policy.catalog().find(row["action"])
        return ProtectionNote(
            case=row["case_id"],
            title=Text.model_validate(row["title"]),
            severity=row["severity"],
            action=spec.title if spec is not None else _as_is(row["action"]),
            until=row["until"],
            card=card_of(row),
        )


def _as_is(name: str) -> Text:
    """The title of a playbook or action that the policy does not have any more."""
    return Text(ja=name, en=name)


def _note(row: Row) -> CaseNote:
    due = row["claim_due"] if row["owner"] is None else row["decide_due"]
    return CaseNote(
        id=row["id"],
        title=Text.model_validate(row["title"]),
        severity=row["severity"],
        phase=row["phase"],
        owner=row["owner"],
        due=row["approval_expires_at"] or due,
        waits=row["approval_expires_at"] is not None,
        hold=row["hold"],
        hold_until=row["hold_until"],
        card=card_of(row),
    )
