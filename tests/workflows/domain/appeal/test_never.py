"""Invariants of an appeal under random commands of people, clock, case and platform."""

from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.selection import examples
from tests.workflows.domain.appeal.builders import MORI, RULES, a_decision, fresh
from tests.workflows.domain.builders import CLARK, REED, SATO, SUZUKI, T0, TANAKA
from workflows.domain.appeal import commands as cmd
from workflows.domain.appeal import events as ev
from workflows.domain.appeal.model import OVER, WAITING, Appeal, AppealState
from workflows.domain.appeal.rules import apply_appeal, decide_appeal
from workflows.domain.case.appeal_outcome import AppealOutcome, AppealSettled
from workflows.domain.case.enforcement import Problem, ProblemKind
from workflows.domain.case.refusals import Refusal
from workflows.domain.people import Actor, Role
from workflows.domain.policy.appeals import NoticeKind

pytestmark = pytest.mark.property

PEOPLE = [SATO, CLARK, TANAKA, REED, SUZUKI, MORI]
IDS = [person.id for person in PEOPLE]
ROLES = st.frozensets(st.sampled_from(Role))
BY_PERSON = (
    ev.AppealClaimed,
    ev.AppealReleased,
    ev.AppealUpheld,
    ev.AppealOverturned,
)


class AnyAppeal(RuleBasedStateMachine):
    """Any deciders, any roles, any order."""

    def __init__(self) -> None:
        super().__init__()
        self.appeal: Appeal = fresh()
        self.now: datetime = T0
        self.events: list[ev.AppealEvent] = []
        self.actors: dict[int, Actor] = {}

    def give(self, command: cmd.AppealCommand) -> None:
        """Gives a command; a refusal must leave no event."""
        outcome = decide_appeal(self.appeal, command, self.now)
        if isinstance(outcome, Refusal):
            return
        for event in outcome:
            self.appeal = apply_appeal(self.appeal, event)
            if isinstance(event, BY_PERSON):
                self.actors[len(self.events)] = command.by  # type: ignore[union-attr]
            self.events.append(event)

    @initialize(
        deciders=st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True),
        reviewers=st.sampled_from([Role.LEAD, Role.SPECIALIST]),
        found=st.sampled_from(["it", "nothing", "no case"]),
    )
    def begins(self, deciders, reviewers, found) -> None:
        self.appeal = fresh(RULES.model_copy(update={"reviewers": reviewers}))
        known = a_decision(deciders=tuple(deciders), effective=found == "it")
        self.give(cmd.FileAppeal(appealed=None if found == "no case" else known))

    @rule(hours=st.integers(0, 24 * 9))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.give(cmd.AppealTick())

    @rule(who=st.sampled_from(IDS), roles=ROLES, version=st.none() | st.integers(0, 20))
    def claims(self, who, roles, version) -> None:
        self.give(cmd.ClaimAppeal(by=Actor(id=who, roles=roles), version=version))

    @rule(who=st.sampled_from(IDS), roles=ROLES)
    def releases(self, who, roles) -> None:
        self.give(cmd.ReleaseAppeal(by=Actor(id=who, roles=roles)))

    @rule(
        who=st.sampled_from(IDS),
        roles=ROLES,
        which=st.sampled_from([cmd.Uphold, cmd.Overturn]),
        reason=st.sampled_from(["", "理由"]),
    )
    def answers(self, who, roles, which, reason) -> None:
        self.give(which(by=Actor(id=who, roles=roles), reason=reason))

    @rule()
    def is_withdrawn(self) -> None:
        self.give(cmd.WithdrawAppeal())

    @rule(left=st.integers(0, 2), kept=st.integers(0, 2))
    def case_tells(self, left, kept) -> None:
        news = AppealSettled(appeal=self.appeal.id, left=left, kept=kept)
        self.give(cmd.SettleAppeal(settled=news))

    @rule(kind=st.sampled_from(NoticeKind), failed=st.booleans())
    def notice_ends(self, kind, failed) -> None:
        if kind in self.appeal.due_notices:
            problem = Problem(kind=ProblemKind.REFUSED, status=404) if failed else None
            self.give(cmd.NoteNotice(notice=kind, problem=problem))

    @rule(who=st.sampled_from(IDS), roles=ROLES)
    def tells_again(self, who, roles) -> None:
        self.give(cmd.RetryNotice(by=Actor(id=who, roles=roles)))

    @invariant()
    def nobody_reviews_what_they_decided(self) -> None:
        """No decider and no approver is behind any event, or owns it for a moment."""
        deciders = set(self.appeal.deciders)
        assert self.appeal.owner not in deciders
        assert self.appeal.answered_by not in deciders
        assert not [event for event in self.events if event.by in deciders]

    @invariant()
    def whoever_acts_may(self) -> None:
        """Every step of a person is by somebody with a role that reviews."""
        for actor in self.actors.values():
            assert actor.may(self.appeal.rules.may_review)

    @invariant()
    def it_is_answered_once_and_for_a_reason(self) -> None:
        """Never twice, never without words, never after its end."""
        answers = [e for e in self.events if isinstance(e, ev.AppealUpheld | ev.AppealOverturned)]
        assert len(answers) <= 1
        assert all(answer.reason for answer in answers)
        assert (self.appeal.outcome is not None) == bool(answers)

    @invariant()
    def the_state_fits_the_rest(self) -> None:
        """No state that a card could not explain."""
        appeal = self.appeal
        if appeal.state in WAITING:
            assert (appeal.state is AppealState.OPEN) == (appeal.owner is None)
            assert appeal.deadline is not None or appeal.overdue
        else:
            # Only for somebody who may send a notice again.
            assert appeal.deadline == appeal.retry_until
        overturned = appeal.outcome is AppealOutcome.OVERTURNED
        assert overturned == (appeal.state in (AppealState.UNDOING, AppealState.OVERTURNED))

    @invariant()
    def the_clock_speaks_once_each(self) -> None:
        """No reminder twice, none after it is overdue."""
        told = [n for e in self.events if isinstance(e, ev.AppealReminded) for n in e.reminders]
        assert len(told) == len(set(told))
        assert sum(isinstance(e, ev.AppealOverdue) for e in self.events) <= 1

    @invariant()
    def the_person_is_told_each_thing_once(self) -> None:
        """And of an overturn only when it is carried out."""
        told = [notice.kind for notice in self.appeal.notices]
        assert len(told) == len(set(told))
        sent = [event.notice for event in self.events if isinstance(event, ev.NoticeSent)]
        assert len(sent) == len(set(sent))
        if NoticeKind.OVERTURNED in told:
            assert self.appeal.state is AppealState.OVERTURNED

    @invariant()
    def every_event_counts_and_survives_the_wire(self) -> None:
        """The version is the number of events; what is carried over is what was there."""
        assert self.appeal.version == len(self.events)
        assert Appeal.model_validate_json(self.appeal.model_dump_json()) == self.appeal
        assert self.appeal.state not in OVER or self.appeal.turn or self.appeal.dismissal


AnyAppeal.TestCase.settings = settings(
    max_examples=examples(60), stateful_step_count=30, deadline=None
)
TestAnyAppeal = AnyAppeal.TestCase
