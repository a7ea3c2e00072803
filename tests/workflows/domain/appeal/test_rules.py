"""Rules of an appeal: the events and refusals of each command."""

from datetime import timedelta

import pytest

from tests.workflows.domain.appeal.builders import (
    MORI,
    RULES,
    U_123,
    a_decision,
    an_appeal,
    fresh,
    given,
    kinds,
    outcome,
)
from tests.workflows.domain.builders import CLARK, REED, SATO, SUZUKI, T0, TANAKA
from workflows.domain.alerts import Subject
from workflows.domain.appeal import commands as cmd
from workflows.domain.appeal import events as ev
from workflows.domain.appeal.model import Appeal, AppealState
from workflows.domain.case.appeal_outcome import AppealSettled
from workflows.domain.case.decision import DecisionNotice, PlannedAction
from workflows.domain.case.enforcement import Problem, ProblemKind
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.people import Actor, Role
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.values import Text


def refused(appeal: Appeal, command: cmd.AppealCommand) -> Refusal:
    """The refusal that must come."""
    found = outcome(appeal, command)
    assert isinstance(found, Refusal), found
    return found


class TestFiling:
    """What becomes of a request."""

    def test_it_waits_for_a_reviewer_until_it_is_due(self) -> None:
        """The clock counts from the receipt; only the titles that are needed are kept."""
        appeal = an_appeal()
        assert appeal.state is AppealState.OPEN
        assert appeal.due_at == T0 + timedelta(days=14)
        assert sorted(appeal.titles) == ["permanent_ban"]

    @pytest.mark.parametrize(
        ("by", "state"),
        [
            (None, AppealState.OPEN),
            (U_123, AppealState.OPEN),
            (Subject(type="user", id="u_9"), AppealState.DISMISSED),
            (Subject(type="listing", id="u_123"), AppealState.DISMISSED),
        ],
    )
    def test_only_the_subject_of_the_decision_appeals(self, by, state) -> None:
        """Somebody else's appeal ends at once, without a reviewer."""
        appeal = given(fresh(subject=by), cmd.FileAppeal(appealed=a_decision()), 0)
        assert appeal.state is state
        assert appeal.dismissal == (None if state is AppealState.OPEN else "other_subject")

    def test_the_person_of_the_notice_may_appeal(self) -> None:
        """The decision acts on a listing, and its notice went to the seller."""
        listing, seller = Subject(type="listing", id="m_1"), Subject(type="user", id="u_5")
        decision = a_decision().decision
        assert decision is not None
        planned = (PlannedAction(action="remove_listing", subject=listing),)
        notice = DecisionNotice(person=seller, facts=Text(ja="事実", en="facts"))
        decision = decision.model_copy(update={"actions": planned, "notice": notice})
        found = a_decision(subject=listing, decision=decision)
        appeal = given(fresh(subject=seller), cmd.FileAppeal(appealed=found), 0)
        assert appeal.state is AppealState.OPEN

    @pytest.mark.parametrize(
        ("found", "why"),
        [
            (None, "unknown_case"),
            (a_decision(decision=None), "nothing_in_force"),
            (a_decision(effective=False), "nothing_in_force"),
        ],
    )
    def test_where_nothing_can_be_reviewed_it_says_why(self, found, why) -> None:
        """It ends, on record."""
        appeal = given(fresh(), cmd.FileAppeal(appealed=found), 0)
        assert (appeal.state, appeal.dismissal) == (AppealState.DISMISSED, why)
        assert appeal.deadline is None

    def test_it_is_filed_once(self) -> None:
        """A second try changes nothing."""
        assert outcome(an_appeal(), cmd.FileAppeal(appealed=None)) == ()


class TestReviewers:
    """Who may review."""

    @pytest.mark.parametrize("person", [SATO, TANAKA], ids=["decider", "approver"])
    @pytest.mark.parametrize(
        "command",
        [
            lambda by: cmd.ClaimAppeal(by=by),
            lambda by: cmd.ReleaseAppeal(by=by),
            lambda by: cmd.Uphold(by=by, reason="理由"),
            lambda by: cmd.Overturn(by=by, reason="理由"),
        ],
        ids=["claim", "release", "uphold", "overturn"],
    )
    def test_whoever_decided_has_no_say(self, person: Actor, command) -> None:
        """Neither who took the decision nor who approved it, whatever their roles."""
        with_every_role = Actor(id=person.id, roles=frozenset(Role))
        assert refused(an_appeal(), command(with_every_role)).reason is Reason.OWN_APPEAL

    @pytest.mark.parametrize("person", [CLARK, SUZUKI], ids=["specialist", "auditor"])
    def test_a_role_is_needed(self, person: Actor) -> None:
        """Leads review unless the policy says otherwise."""
        found = refused(an_appeal(), cmd.ClaimAppeal(by=person))
        assert (found.reason, found.roles) == (Reason.ROLE_NEEDED, (Role.LEAD,))

    def test_specialists_review_where_the_policy_lets_them(self) -> None:
        """And leads still may."""
        rules = RULES.model_copy(update={"reviewers": Role.SPECIALIST})
        assert given(an_appeal(rules), cmd.ClaimAppeal(by=CLARK), 1).owner == CLARK.id
        assert given(an_appeal(rules), cmd.ClaimAppeal(by=REED), 1).owner == REED.id

    def test_a_second_reviewer_learns_of_the_first(self) -> None:
        """By name and time."""
        appeal = given(an_appeal(), cmd.ClaimAppeal(by=REED), 1)
        found = refused(appeal, cmd.Uphold(by=MORI, reason="理由"))
        assert (found.reason, found.by) == (Reason.CLAIMED_BY_OTHER, REED.id)
        assert found.what == "appeal_claimed"

    def test_a_lead_can_take_it_from_somebody_who_is_away(self) -> None:
        """Released by another lead, it is open again."""
        appeal = given(an_appeal(), cmd.ClaimAppeal(by=REED), 1)
        appeal = given(appeal, cmd.ReleaseAppeal(by=MORI), 2)
        assert (appeal.state, appeal.owner) == (AppealState.OPEN, None)


class TestAnswers:
    """Uphold and overturn."""

    @pytest.mark.parametrize("command", [cmd.Uphold, cmd.Overturn])
    @pytest.mark.parametrize("reason", ["", "  \n "])
    def test_an_answer_needs_a_reason(self, command, reason: str) -> None:
        """An empty one is refused, and nothing happens."""
        assert refused(an_appeal(), command(by=REED, reason=reason)).reason is Reason.REASON_NEEDED

    def test_an_answer_claims_what_nobody_has(self) -> None:
        """Both in one step."""
        found = outcome(an_appeal(), cmd.Uphold(by=REED, reason="規約どおり"))
        assert kinds(found) == ["appeal_claimed", "appeal_upheld"]

    def test_upheld_is_over_at_once(self) -> None:
        """The refusal names the person who did it."""
        appeal = given(an_appeal(), cmd.Uphold(by=REED, reason="規約どおり"), 1)
        assert (appeal.state, appeal.answered_by) == (AppealState.UPHELD, REED.id)
        found = refused(appeal, cmd.Overturn(by=MORI, reason="理由"))
        assert (found.reason, found.by, found.what) == (
            Reason.APPEAL_OVER,
            REED.id,
            "appeal_upheld",
        )

    def test_overturned_waits_for_the_platform(self) -> None:
        """It is over once the case reports that nothing is left."""
        appeal = given(an_appeal(), cmd.Overturn(by=REED, reason="型番でした"), 1)
        assert appeal.state is AppealState.UNDOING
        appeal = given(appeal, settled(left=1), 1)
        assert (appeal.state, appeal.left) == (AppealState.UNDOING, 1)
        assert outcome(appeal, settled(left=1)) == ()
        appeal = given(appeal, settled(kept=1), 2)
        assert (appeal.state, appeal.left, appeal.kept) == (AppealState.OVERTURNED, 0, 1)

    def test_news_of_an_undo_that_nobody_asked_for_changes_nothing(self) -> None:
        """A lift or an undo on the case's own card is not an answer."""
        assert outcome(an_appeal(), settled()) == ()

    def test_the_person_takes_it_back(self) -> None:
        """Only while it waits."""
        appeal = given(an_appeal(), cmd.WithdrawAppeal(), 1)
        assert appeal.state is AppealState.WITHDRAWN
        assert outcome(appeal, cmd.WithdrawAppeal()) == ()
        upheld = given(an_appeal(), cmd.Uphold(by=REED, reason="理由"), 1)
        assert outcome(upheld, cmd.WithdrawAppeal()) == ()


def settled(left: int = 0, kept: int = 0) -> cmd.SettleAppeal:
    """The case reports the rest."""
    return cmd.SettleAppeal(settled=AppealSettled(appeal="A0123456789AB", left=left, kept=kept))


class TestClock:
    """Reminders and the legal clock."""

    def test_it_reminds_then_calls_the_lead(self) -> None:
        """Seven days and two days before, and when it is due; each once."""
        appeal, told = an_appeal(), []
        for day in (1, 7, 8, 12, 13, 14, 15, 30):
            found = outcome(appeal, cmd.AppealTick(), day)
            told += [(day, kind) for kind in kinds(found)]
            appeal = given(appeal, cmd.AppealTick(), day)
        assert told == [(7, "appeal_reminded"), (12, "appeal_reminded"), (14, "appeal_overdue")]
        assert appeal.deadline is None

    def test_the_alarm_is_set_for_what_comes_next(self) -> None:
        """Absolute times, whatever happens in between."""
        appeal = an_appeal()
        assert appeal.deadline == T0 + timedelta(days=7)
        appeal = given(appeal, cmd.AppealTick(), 7)
        assert appeal.deadline == T0 + timedelta(days=12)
        assert given(appeal, cmd.AppealTick(), 12.5).deadline == T0 + timedelta(days=14)

    def test_after_an_outage_it_reminds_once(self) -> None:
        """Two reminders that are due at once are one."""
        (event,) = outcome(an_appeal(), cmd.AppealTick(), 13)  # type: ignore[misc]
        assert isinstance(event, ev.AppealReminded)
        assert event.reminders == (0, 1)

    def test_an_answered_appeal_is_never_late(self) -> None:
        """Neither is one whose undo takes its time."""
        appeal = given(an_appeal(), cmd.Overturn(by=REED, reason="理由"), 1)
        assert outcome(appeal, cmd.AppealTick(), 40) == ()


class TestNotices:
    """Notices to the person and their times."""

    def test_they_come_in_their_order(self) -> None:
        """The answer follows once it is carried out."""
        appeal = an_appeal()
        assert appeal.due_notices == (NoticeKind.RECEIVED,)
        appeal = given(appeal, cmd.NoteNotice(notice=NoticeKind.RECEIVED), 0)
        appeal = given(appeal, cmd.Overturn(by=REED, reason="理由"), 1)
        assert appeal.due_notices == ()
        appeal = given(appeal, settled(), 1)
        assert appeal.due_notices == (NoticeKind.OVERTURNED,)
        appeal = given(appeal, cmd.NoteNotice(notice=NoticeKind.OVERTURNED), 1)
        assert appeal.due_notices == ()

    def test_one_that_could_not_be_sent_can_be_sent_again_for_a_month(self) -> None:
        """By whoever may review; the appeal waits for it, and ends where nobody does."""
        problem = Problem(kind=ProblemKind.REFUSED, status=404)
        appeal = given(an_appeal(), cmd.NoteNotice(notice=NoticeKind.RECEIVED), 0)
        appeal = given(appeal, cmd.Uphold(by=REED, reason="理由"), 1)
        appeal = given(appeal, cmd.NoteNotice(notice=NoticeKind.UPHELD, problem=problem), 1)
        assert appeal.deadline == T0 + timedelta(days=31)
        again = given(appeal, cmd.RetryNotice(by=MORI), 9)
        assert again.due_notices == (NoticeKind.UPHELD,)
        assert again.undelivered is None
        sent = given(again, cmd.NoteNotice(notice=NoticeKind.UPHELD), 9)
        assert (sent.due_notices, sent.deadline) == ((), None)
        over = given(appeal, cmd.AppealTick(), 32)
        assert (over.deadline, over.undelivered) == (None, None)
        refusal = outcome(over, cmd.RetryNotice(by=MORI))
        assert refusal == Refusal(reason=Reason.NO_NOTICE_FAILED)

    def test_who_decided_does_not_send_it_either(self) -> None:
        """Whoever took or approved the decision has no say in its appeal."""
        problem = Problem(kind=ProblemKind.REFUSED, status=404)
        noted = cmd.NoteNotice(notice=NoticeKind.RECEIVED, problem=problem)
        refusal = outcome(given(an_appeal(), noted, 0), cmd.RetryNotice(by=TANAKA))
        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.OWN_APPEAL

    def test_what_a_later_notice_overtook_is_not_sent_again(self) -> None:
        """The notice of the receipt is not sent after the answer."""
        problem = Problem(kind=ProblemKind.UNREACHABLE)
        noted = cmd.NoteNotice(notice=NoticeKind.RECEIVED, problem=problem)
        appeal = given(given(an_appeal(), noted, 0), cmd.Uphold(by=REED, reason="理由"), 1)
        appeal = given(appeal, cmd.NoteNotice(notice=NoticeKind.UPHELD), 1)
        assert (appeal.undelivered, appeal.deadline) == (None, None)

    def test_where_nobody_is_known_to_tell_nothing_waits(self) -> None:
        """Trying again would not help."""
        problem = Problem(kind=ProblemKind.UNUSABLE_SUBJECT)
        appeal = given(an_appeal(), cmd.NoteNotice(notice=NoticeKind.RECEIVED, problem=problem), 0)
        assert appeal.undelivered is None

    def test_one_that_could_not_be_sent_is_on_record_and_not_tried_by_itself(self) -> None:
        """The card asks for another way, or a retry."""
        problem = Problem(kind=ProblemKind.REFUSED, status=404)
        noted = cmd.NoteNotice(notice=NoticeKind.RECEIVED, problem=problem)
        appeal = given(an_appeal(), noted, 0)
        assert appeal.notices[0].problem == problem
        assert appeal.due_notices == ()
        assert outcome(appeal, cmd.NoteNotice(notice=NoticeKind.RECEIVED)) == ()

    def test_a_text_that_the_policy_does_not_have_is_not_sent(self) -> None:
        """`dismissed` is optional."""
        assert given(fresh(), cmd.FileAppeal(appealed=None), 0).due_notices == ()

    def test_who_appealed_is_told(self) -> None:
        """Else who was acted upon; nobody where there is no such person."""
        seller = Subject(type="user", id="u_9")
        assert an_appeal(subject={"type": "user", "id": "u_9"}).person("user") == seller
        assert an_appeal().person("user") == U_123
        assert an_appeal().person("company") is None
