"""Any shift: presses, reports, alerts and hours in any order, as a hypothesis state machine."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.domain.building import (
    CATALOG,
    CLARK,
    POLICY,
    REED,
    SATO,
    SUZUKI,
    T0,
    TANAKA,
    a_case,
    an_alert,
    preset,
)
from tests.domain.presses import possible
from workflows.domain import commands as cmd
from workflows.domain import events as ev
from workflows.domain.alert import Subject, brief
from workflows.domain.approval import Approval
from workflows.domain.case import decide
from workflows.domain.case_state import Case
from workflows.domain.decision import Verdict
from workflows.domain.enforcement import ACTING, ActionReport, ActionStatus, EnforcementReport
from workflows.domain.enforcing import begins
from workflows.domain.history import apply_all
from workflows.domain.people import Actor, Cover, Role
from workflows.domain.playbook.model import PresetAction, Severity
from workflows.domain.refusal import Refusal

STAFF = [SATO, CLARK, TANAKA, REED, SUZUKI]
PEOPLE = st.sampled_from(STAFF)
VERSIONS = st.none() | st.integers(0, 60)
WORDS = st.sampled_from(["", " ", "理由"])
SECONDS = st.integers(0, 1200) | st.integers(0, 4 * 86_400)
LATER = st.integers(-600, 7200) | st.integers(0, 40 * 86_400)
LIKELY = [
    ActionStatus.DONE,
    ActionStatus.FAILED,
    ActionStatus.RETRYING,
    ActionStatus.UNDONE,
    ActionStatus.LIFTED,
    ActionStatus.KEPT,
]


@st.composite
def standing_in(draw: Any) -> Actor:
    """A person, perhaps with a role in a colleague's stead."""
    person, colleague = draw(PEOPLE), draw(PEOPLE)
    if not draw(st.booleans()):
        return person
    role = Role.LEAD if Role.LEAD in colleague.roles else Role.SPECIALIST
    cover = Cover(
        role=role, person=colleague.id, until=T0 + timedelta(days=draw(st.integers(0, 9)))
    )
    return person.model_copy(update={"covers": (cover,)})


class AnyShift(RuleBasedStateMachine):
    """Drives one case with every command there is, and remembers what came of it."""

    policy = POLICY

    def __init__(self) -> None:
        super().__init__()
        self.case: Case = a_case(policy=self.policy)
        self.now: datetime = T0
        self.events: list[ev.Event] = []
        self.given: list[cmd.Command] = []
        self.begun: list[tuple[Case, str]] = []
        self.asked: list[Approval] = []
        self.ticked = False

    def give(self, command: cmd.Command) -> tuple[ev.Event, ...] | None:
        """Gives a command; None where it was refused."""
        self.given = [command]
        self.ticked = isinstance(command, cmd.Tick)
        outcome = decide(self.case, command, self.now)
        if isinstance(outcome, Refusal):
            return None
        self.case = apply_all(self.case, outcome)
        self.events += outcome
        for event in outcome:
            if isinstance(event, ev.ApprovalRequested):
                self.asked.append(event.approval)
            if begins(self.case, event):
                assert self.case.decision is not None
                self.begun.append((self.case, self.case.decision.id))
        return outcome

    # -- what is likely -------------------------------------------------------------------

    @rule(data=st.data())
    def presses_what_is_offered(self, data: Any) -> None:
        offered = possible(self.case, self.now)
        if offered:
            self.give(data.draw(st.sampled_from(offered)))

    @rule(data=st.data())
    def presses_what_is_offered_too(self, data: Any) -> None:
        self.presses_what_is_offered(data)

    @rule(data=st.data(), status=st.sampled_from(LIKELY))
    def platform_answers(self, data: Any, status: ActionStatus) -> None:
        busy = [a for a in self.case.actions if a.status in ACTING or a.standing]
        if busy:
            action = data.draw(st.sampled_from(busy))
            self.reports(action.decision, action.planned.key, status)

    # -- time and the world ---------------------------------------------------------------

    @rule(seconds=SECONDS, looks=st.booleans())
    def time_passes(self, seconds: int, looks: bool) -> None:
        self.now += timedelta(seconds=seconds)
        self.ticked = False
        if looks:
            self.give(cmd.Tick())

    @rule(severity=st.sampled_from(Severity), stream=st.sampled_from(["s_9", "s_10"]))
    def alert_joins(self, severity: Severity, stream: str) -> None:
        alert = an_alert(2, related=[{"type": "stream", "id": stream}])
        self.give(cmd.JoinAlert(alert=brief(alert), severity=severity))

    @rule(rules=st.lists(st.integers(0, 3), max_size=3))
    def protection_begins(self, rules: list[int]) -> None:
        self.give(cmd.ProtectNow(rules=tuple(rules)))

    @rule(number=st.integers(1, 3), by=PEOPLE)
    def another_case_ends_here(self, number: int, by: Actor) -> None:
        self.give(cmd.Absorb(case=f"K000000{number}", alerts=number, by=by.id))

    @rule(data=st.data(), status=st.sampled_from(ActionStatus))
    def platform_reports(self, data: Any, status: ActionStatus) -> None:
        if self.case.actions:
            action = data.draw(st.sampled_from(self.case.actions))
            self.reports(action.decision, action.planned.key, status)

    @rule(status=st.sampled_from(["done", "verified", "failed", "undone", "lifted", "kept"]))
    def platform_ends_what_it_does(self, status: str) -> None:
        for action in self.case.actions:
            self.reports(action.decision, action.planned.key, ActionStatus(status))

    def reports(self, decision: str, action: str, status: ActionStatus) -> None:
        """One piece of news of one action."""
        news = ActionReport(action=action, status=status)
        report = EnforcementReport(id="r", case=self.case.id, decision=decision, actions=(news,))
        self.give(cmd.Report(report=report))

    # -- work -----------------------------------------------------------------------------

    @rule(
        by=PEOPLE,
        version=VERSIONS,
        which=st.sampled_from(
            [cmd.Claim, cmd.Release, cmd.Acknowledge, cmd.Resume, cmd.Escalate, cmd.LiftProtection]
        ),
    )
    def handles(self, by: Actor, version: int | None, which: Any) -> None:
        self.give(which(by=by, version=version))

    @rule(by=PEOPLE, which=st.sampled_from([cmd.Watch, cmd.Unwatch]))
    def watches(self, by: Actor, which: Any) -> None:
        self.give(which(by=by))

    @rule(by=PEOPLE, to=PEOPLE, note=WORDS)
    def hands_over(self, by: Actor, to: Actor, note: str) -> None:
        self.give(cmd.HandOver(by=by, to=to, note=note))

    @rule(by=PEOPLE, note=WORDS)
    def notes(self, by: Actor, note: str) -> None:
        self.give(cmd.AddNote(by=by, note=note))

    @rule(by=PEOPLE, seconds=LATER)
    def snoozes(self, by: Actor, seconds: int) -> None:
        self.give(cmd.Snooze(by=by, until=self.now + timedelta(seconds=seconds)))

    @rule(by=PEOPLE, seconds=st.none() | LATER, note=WORDS)
    def waits(self, by: Actor, seconds: int | None, note: str) -> None:
        until = None if seconds is None else self.now + timedelta(seconds=seconds)
        self.give(cmd.Wait(by=by, until=until, note=note))

    @rule(by=PEOPLE, version=VERSIONS, known=st.booleans(), same=st.booleans())
    def merges(self, by: Actor, version: int | None, known: bool, same: bool) -> None:
        subject = self.case.subject if same else Subject(type="user", id="u_other")
        self.give(
            cmd.Merge(by=by, version=version, into="K0000009", subject=subject if known else None)
        )

    @rule(by=PEOPLE, reason=WORDS)
    def reopens(self, by: Actor, reason: str) -> None:
        self.give(cmd.Reopen(by=by, reason=reason))

    # -- decisions ------------------------------------------------------------------------

    @rule(
        by=PEOPLE,
        version=VERSIONS,
        name=st.sampled_from(["warn", "mute", "ban", "forfeit"]),
        over=st.booleans(),
    )
    def taps(self, by: Actor, version: int | None, name: str, over: bool) -> None:
        self.give(preset(by, name, version).model_copy(update={"over_limit": over}))

    @rule(
        by=PEOPLE,
        verdict=st.sampled_from(Verdict),
        names=st.lists(st.sampled_from([*CATALOG.actions, "vaporise"]), max_size=3),
        reason=WORDS,
        over=st.booleans(),
    )
    def decides(
        self, by: Actor, verdict: Verdict, names: list[str], reason: str, over: bool
    ) -> None:
        actions = tuple(PresetAction(action=name) for name in names)
        self.give(
            cmd.Decide(by=by, verdict=verdict, actions=actions, reason=reason, over_limit=over)
        )

    @rule(by=PEOPLE, version=VERSIONS)
    def clears(self, by: Actor, version: int | None) -> None:
        self.give(cmd.Clear(by=by, version=version))

    @rule(by=PEOPLE, version=VERSIONS, over=st.booleans())
    def confirms(self, by: Actor, version: int | None, over: bool) -> None:
        self.give(cmd.Confirm(by=by, version=version, over_limit=over))

    @rule(by=standing_in(), version=VERSIONS)
    def approves(self, by: Actor, version: int | None) -> None:
        self.give(cmd.Approve(by=by, version=version))

    @rule(by=standing_in(), version=VERSIONS, reason=WORDS)
    def rejects(self, by: Actor, version: int | None, reason: str) -> None:
        self.give(cmd.Reject(by=by, version=version, reason=reason))

    @rule(by=standing_in(), question=WORDS)
    def asks_back(self, by: Actor, question: str) -> None:
        self.give(cmd.AskBack(by=by, question=question))

    @rule(by=PEOPLE, answer=WORDS)
    def answers(self, by: Actor, answer: str) -> None:
        self.give(cmd.AnswerBack(by=by, answer=answer))

    @rule(
        by=PEOPLE,
        version=VERSIONS,
        which=st.sampled_from([cmd.Withdraw, cmd.Retry, cmd.GiveUp, cmd.Undo]),
    )
    def mends(self, by: Actor, version: int | None, which: Any) -> None:
        self.give(which(by=by, version=version))
