"""People in a backtest: they take the worst case first, one at a time, and decide it."""

import heapq
from collections.abc import Mapping
from datetime import datetime
from itertools import count
from statistics import median, quantiles

from activities.backtest.assessment import Assessed, whole
from activities.backtest.player import OpenCase, Player, Seen, moment
from workflows.domain.alerts import MANUAL_DETECTORS, Alert
from workflows.domain.backtest.report import Staffing
from workflows.domain.brakes import LastCase, content_digest, is_silenced
from workflows.domain.case import events as ev
from workflows.domain.case.commands import ChoosePreset, Command, MarkNoViolation
from workflows.domain.case.decide import decide
from workflows.domain.case.evolve import apply
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Refusal
from workflows.domain.people import Actor, Role
from workflows.domain.policy.playbook import Playbook, Policy

_SPECIALIST = Actor(id="U0", roles=frozenset({Role.SPECIALIST, Role.LEAD}))


class StaffedPlayer(Player):
    """Player with people. A violation is decided with the first preset of the playbook.

    A case is a violation unless the label of its first alert says otherwise. An approval takes no
    time. Automation comes first: people take a case that it has left to them.
    """

    def __init__(
        self,
        policies: Mapping[str, Policy],
        people: int,
        minutes: float,
        seen: Seen | None = None,
    ) -> None:
        """`people` work at any time; a case takes one of them `minutes`."""
        super().__init__(policies, seen)
        self._people, self._seconds = people, minutes * 60
        self._free = people
        self._numbers = count()
        self._waiting: list[tuple[int, float, int, str, OpenCase]] = []
        self._working: list[tuple[float, int, str, OpenCase]] = []
        self._waits: list[float] = []
        self._content: dict[str, set[str]] = {}
        self._last: dict[tuple[str, str], LastCase] = {}
        self._began: float | None = None
        self._ended = 0.0
        self._handled = self._late_claims = self._late_decisions = 0

    def take(
        self,
        at: float,
        assessed: Assessed,
        group: str,
        body: str,
        label: bool | None = None,
        related: tuple[str, ...] | None = None,
    ) -> tuple[str, ...]:
        """Plays one alert, and lets people take the cases that wait."""
        started = super().take(at, assessed, group, body, label, related)
        self._assign(at)
        return started

    def advance(self, at: float) -> None:
        """Lets people decide the cases that they have finished, and take the next ones."""
        self._began = at if self._began is None else self._began
        self._ended = max(self._ended, at)
        while self._working and self._working[0][0] <= at:
            done, _, group, case = heapq.heappop(self._working)
            super().advance(done)
            self._free += 1
            if self.open.get(group) is case:
                self._decide(group, case, done)
            self._assign(done)
        super().advance(at)

    def staffing(self) -> Staffing:
        """The work of all people up to the end."""
        span = max(self._ended - (self._began or 0.0), 1.0)
        unfinished = sum(done - self._ended for done, *_ in self._working)
        busy = (len(self._waits) * self._seconds - unfinished) / (self._people * span)
        waits = [each / 60 for each in self._waits] or [0.0]
        left = self.open.values()
        unclaimed = [case for case in left if case.claimed_at is None]
        late_claims = sum(self._is_late(each, self._ended, False) for each in unclaimed)
        late_decisions = sum(self._is_late(each, self._ended, True) for each in left)
        return Staffing(
            people=self._people,
            minutes=self._seconds / 60,
            handled=self._handled,
            waiting=len(left),
            late_claims=self._late_claims + late_claims,
            late_decisions=self._late_decisions + late_decisions,
            busy=round(min(busy, 1.0), 4),
            wait_median=median(waits),
            wait_p90=quantiles(waits, n=10, method="inclusive")[-1] if len(waits) > 1 else waits[0],
        )

    def _open(self, at: float, assessed: Assessed, group: str, body: str) -> OpenCase:
        case = super()._open(at, assessed, group, body)
        self._note_opening(case, group, body)
        entry = (case.severity.rank, at, next(self._numbers), group, case)
        heapq.heappush(self._waiting, entry)
        return case

    def _join(self, case: OpenCase, at: float, assessed: Assessed, group: str, body: str) -> None:
        before = case.severity
        super()._join(case, at, assessed, group, body)
        self._note_content(case, group, body)
        if case.severity is not before and case.claimed_at is None:
            entry = (case.severity.rank, case.opened_at, next(self._numbers), group, case)
            heapq.heappush(self._waiting, entry)

    def _assign(self, at: float) -> None:
        while self._free and self._waiting:
            _, _, number, group, case = heapq.heappop(self._waiting)
            if self.open.get(group) is not case or case.claimed_at is not None:
                continue
            self._free -= 1
            case.claimed_at, case.decidable = at, False
            self._waits.append(at - case.opened_at)
            self._late_claims += self._is_late(case, at, False)
            heapq.heappush(self._working, (at + self._seconds, number, group, case))

    def _is_late(self, case: OpenCase, at: float, decides: bool) -> bool:
        """Whether a claim, or a decision, is late at this time."""
        clocks = self._policies[case.playbook].playbook.clocks_of(case.severity)
        clock = clocks.decide if decides else clocks.claim
        return at - case.opened_at > clock.total_seconds()

    def domain_case(self, case: OpenCase, now: datetime) -> Case:
        """The case as the domain has it; its claim does not end while a person works on it."""
        known = super().domain_case(case, now)
        if case.claimed_at is None:
            return known
        case.case = apply(known, ev.CaseClaimed(at=now, by=_SPECIALIST.id))
        return case.case

    def _plans(self, playbook: Playbook) -> bool:
        return super()._plans(playbook) or bool(playbook.presets)

    def _decide(self, group: str, case: OpenCase, at: float) -> None:
        now = moment(at)
        known = self.domain_case(case, now)
        outcome = decide(known, _command(known, case.label), now)
        events = () if isinstance(outcome, Refusal) else outcome
        self.counts.approvals += sum(isinstance(each, ev.ApprovalRequested) for each in events)
        self._handled += 1
        self._late_decisions += self._is_late(case, at, True)
        self._remember(case, group, known, now)
        self._close(group, at)

    # -- silence ----------------------------------------------------------------------------

    def _is_silenced(self, at: float, assessed: Assessed, body: str) -> bool:
        rule = self._policies[assessed.playbook].playbook.silence
        alert = whole(body) if rule is not None else None
        if rule is None or alert is None or alert.detector in MANUAL_DETECTORS:
            return False
        content = content_digest(alert)
        last = self._last.get((assessed.playbook, alert.subject.key))
        if content is None:
            return False
        return is_silenced(rule, last, content, assessed.severity.rank, moment(at))

    def _note_opening(self, case: OpenCase, group: str, body: str) -> None:
        """The subject's newest case of a playbook counts, also while it is open."""
        self._content[group] = set()
        alert = self._note_content(case, group, body)
        if alert is not None:
            last = LastCase(
                case=alert.key, severity=case.severity.rank, closed_at=None, cleared=False
            )
            self._last[case.playbook, alert.subject.key] = last

    def _note_content(self, case: OpenCase, group: str, body: str) -> Alert | None:
        """Notes what an alert shows; returns the alert where a playbook has silence."""
        if self._policies[case.playbook].playbook.silence is None:
            return None
        alert = whole(body)
        content = content_digest(alert) if alert is not None else None
        if content is not None:
            self._content[group].add(content)
        return alert

    def _close(self, group: str, at: float) -> None:
        super()._close(group, at)
        self._content.pop(group, None)

    def _remember(self, case: OpenCase, group: str, known: Case, now: datetime) -> None:
        key = (case.playbook, known.subject.key)
        last = self._last.get(key)
        if last is not None and last.case == known.id:
            self._last[key] = LastCase(
                case=known.id,
                severity=case.severity.rank,
                closed_at=now,
                cleared=case.label is False,
                content=frozenset(self._content[group]),
            )


def _command(case: Case, label: bool | None) -> Command:
    presets = case.policy.playbook.presets
    if label is False or not presets:
        return MarkNoViolation(by=_SPECIALIST, version=case.version)
    return ChoosePreset(by=_SPECIALIST, preset=presets[0].id, version=case.version)
