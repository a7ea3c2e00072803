"""Random shift as a hypothesis state machine: presses, reports, alerts and time in any order."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.workflows.domain.builders import POLICY, T0, a_case, an_alert
from tests.workflows.domain.presses import possible
from tests.workflows.domain.strategies import anything
from workflows.domain.alerts import brief
from workflows.domain.automation import AutomationPause
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval
from workflows.domain.case.decide import decide
from workflows.domain.case.enforcement import ACTING, ActionReport, ActionStatus, EnforcementReport
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.rules.enforcement import begins
from workflows.domain.policy.playbook import Severity

SECONDS = st.integers(0, 1200) | st.integers(0, 4 * 86_400)
LIKELY = [
    ActionStatus.DONE,
    ActionStatus.FAILED,
    ActionStatus.RETRYING,
    ActionStatus.UNDONE,
    ActionStatus.LIFTED,
    ActionStatus.KEPT,
]


HALT = AutomationPause(by="U0TANAKA", at=T0)


class AnyShift(RuleBasedStateMachine):
    """Drives one case with every command there is, and remembers what came of it."""

    policy = POLICY
    severity = Severity.CRITICAL

    def __init__(self) -> None:
        super().__init__()
        self.case: Case = a_case(self.severity, self.policy)
        self.now: datetime = T0
        self.events: list[ev.Event] = []
        self.given: list[cmd.Command] = []
        self.came: tuple[ev.Event, ...] = ()
        self.begun: list[tuple[Case, str]] = []
        self.asked: list[Approval] = []
        self.ticked = False
        self.halted = False

    def give(self, command: cmd.Command) -> tuple[ev.Event, ...] | None:
        """Gives a command; None where it was refused."""
        self.given, self.came = [command], ()
        self.ticked = isinstance(command, cmd.Tick)
        outcome = decide(self.case, command, self.now)
        if isinstance(outcome, Refusal):
            return None
        self.case = apply_all(self.case, outcome)
        self.events += outcome
        self.came = outcome
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

    @rule(data=st.data())
    def presses_anything(self, data: Any) -> None:
        self.give(data.draw(anything(self.case, self.now)))

    @rule(data=st.data(), status=st.sampled_from(LIKELY))
    def platform_answers(self, data: Any, status: ActionStatus) -> None:
        busy = [a for a in self.case.actions if a.status in ACTING or a.in_force]
        if busy:
            action = data.draw(st.sampled_from(busy))
            self.reports(action.decision, action.planned.key, status)

    # -- time and the environment ---------------------------------------------------------------

    @rule(seconds=SECONDS, looks=st.booleans())
    def time_passes(self, seconds: int, looks: bool) -> None:
        self.now += timedelta(seconds=seconds)
        self.ticked = False
        if looks:
            self.give(cmd.Tick(pauses=(HALT,) if self.halted else ()))

    @rule(severity=st.sampled_from(Severity), stream=st.sampled_from(["s_9", "s_10"]))
    def alert_joins(self, severity: Severity, stream: str) -> None:
        alert = an_alert(2, related=[{"type": "stream", "id": stream}])
        self.give(cmd.JoinAlert(alert=brief(alert), severity=severity))

    @rule(rules=st.lists(st.integers(0, 3), max_size=3))
    def protection_begins(self, rules: list[int]) -> None:
        pauses = (HALT,) if self.halted else ()
        outcome = self.give(cmd.ProtectNow(rules=tuple(rules), pauses=pauses))
        if pauses and outcome is not None:
            assert not any(isinstance(event, ev.ProtectionStarted) for event in outcome)

    @rule(halted=st.booleans())
    def somebody_trips_or_arms_the_automation(self, halted: bool) -> None:
        self.halted = halted

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
