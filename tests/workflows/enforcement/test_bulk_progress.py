"""Progress of a bulk decision, for any order of reports and signals."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.selection import examples
from workflows.domain.case.bulk import WAVE
from workflows.domain.case.bulk_progress import (
    HELD_UP,
    MEMBERS_IN_FORCE,
    WORK,
    MemberStatus,
    NoticeMark,
    after,
    notice_after,
    notices_state,
    of,
    outcome,
    tally,
)
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import (
    ActionReport,
    ActionStatus,
    EnforcementReport,
    NoticeState,
    Problem,
    ProblemKind,
    Proof,
    terms_of,
)
from workflows.domain.policy.actions import ActionSpec
from workflows.enforcement.bulk_progress import BulkProgress
from workflows.ports.bulk import BulkJob, BulkStart

SPEC = ActionSpec.model_validate(
    {"title": "x", "subject": "user", "request": {"path": "/x"}, "undo": {"path": "/x"}}
)
PROOF = Proof(playbook="harassment", policy="v1")
S = ActionStatus
SETTLED = (S.DONE, S.VERIFIED, S.DRIFTED, S.FAILED, S.GIVEN_UP, S.UNDONE, S.LIFTED, S.DRY_RUN)


def a_start(count: int, *names: str, **more: object) -> BulkStart:
    """Returns the start of a bulk decision for so many users."""
    lasts = timedelta(hours=1)
    return BulkStart(
        case="K7Q2F9XM0",
        workflow_id="case/x/TEST",
        decision="D1",
        actor="U0SATO",
        bulk="R0123456789AB",
        count=count,
        jobs=tuple(
            BulkJob(action=n, lasts=lasts, terms=terms_of(SPEC), proof=PROOF)
            for n in names or ("warn",)
        ),
        **more,
    )


def news(place: int, *statuses: ActionStatus, over: bool = True) -> EnforcementReport:
    """Returns the report of one subject's enforcement."""
    names = ("warn", "mute")
    actions = tuple(
        ActionReport(action=f"{name}/user:u_{place}", status=status)
        for name, status in zip(names, statuses, strict=False)
    )
    return EnforcementReport(
        id="r", case="K7Q2F9XM0", decision="D1", actions=actions, place=place, over=over
    )


@given(st.lists(st.sampled_from(MemberStatus), max_size=60))
def test_a_tally_counts_each_subject_once(marks: list[MemberStatus]) -> None:
    """The counts add up to the number of subjects."""
    counted = tally(marks, 7)
    assert counted.total == len(marks)
    assert counted.left == sum(
        mark in WORK or mark in HELD_UP or mark in (MemberStatus.ACTING, MemberStatus.UNDOING)
        for mark in marks
    )
    assert counted.drifted <= counted.done


@given(st.lists(st.sampled_from(SETTLED), min_size=1, max_size=3))
def test_the_ledger_has_the_states_of_the_reports(statuses: list[ActionStatus]) -> None:
    """States read from the rows equal those of the reports."""
    assert after(MemberStatus.ACTING, statuses) is of(statuses)


@given(
    st.sampled_from(sorted(MEMBERS_IN_FORCE)), st.lists(st.sampled_from(ActionStatus), min_size=1)
)
def test_what_is_in_effect_never_fails(before: MemberStatus, statuses: list[ActionStatus]) -> None:
    """An undo or lift that the platform refuses leaves the action in effect."""
    assert after(before, statuses) is not MemberStatus.FAILED


@given(st.lists(st.sampled_from(MemberStatus), min_size=1, max_size=100), st.integers(1, 40))
def test_subjects_held_up_count_for_a_wave(marks: list[MemberStatus], size: int) -> None:
    """A wave with the subjects held up is never too large, and has only those with work."""
    progress = BulkProgress(a_start(len(marks), marks="".join(mark.value for mark in marks)))
    wave = progress.next_wave(size)
    held = sum(mark in HELD_UP for mark in marks)
    assert len(wave) <= max(size - held, 0)
    assert all(marks[place] in WORK for place in wave)
    assert list(wave) == sorted(set(wave))


@pytest.mark.property
@settings(max_examples=examples(150))
@given(st.data(), st.integers(1, 30))
def test_any_bulk_decision_ends(data: st.DataObject, count: int) -> None:
    """After its waves each subject has one final state."""
    progress = BulkProgress(a_start(count))
    while wave := progress.next_wave(WAVE):
        for place in wave:
            progress.begin(place)
        assert progress.at_work
        for place in wave:
            answer = data.draw(st.sampled_from([S.VERIFIED, S.DONE, S.FAILED, S.DRY_RUN]))
            progress.note(news(place, answer, over=answer is not S.FAILED))
        if data.draw(st.booleans()):
            progress.stop()
    assert not progress.at_work
    assert progress.tally(1).ended == count
    failed = progress.tally(1).failed
    assert (progress.outcome() is S.FAILED) == (failed > 0)
    assert progress.over == (failed == 0)
    progress.give_up()
    for place in progress.next_wave(count):
        progress.begin(place)
        progress.note(news(place, S.GIVEN_UP))
    assert progress.tally(1).given_up == failed
    assert progress.over


@given(st.lists(st.sampled_from(MemberStatus), min_size=1, max_size=50), st.data())
def test_continue_as_new_keeps_every_state(marks: list[MemberStatus], data: st.DataObject) -> None:
    """Continue-as-new keeps every state."""
    letters = "".join(mark.value for mark in marks)
    alive = "".join(data.draw(st.sampled_from("01")) for _ in marks)
    progress = BulkProgress(a_start(len(marks), marks=letters, alive=alive))
    again = BulkProgress(
        a_start(len(marks), marks=progress.letters(), alive=progress.alive_digits())
    )
    assert (again.marks, again.alive) == (progress.marks, progress.alive)
    assert (progress.letters(), progress.alive_digits()) == (letters, alive)


def test_stop_skips_and_records_what_has_not_started() -> None:
    """Each skipped subject has a row."""
    progress = BulkProgress(a_start(3, "warn", "mute"))
    progress.begin(0)
    progress.stop()
    assert progress.letters() == "ass"
    rows = [(row.place, row.action, row.status) for row in progress.rows]
    assert rows == [(place, action, S.SKIPPED) for place in (1, 2) for action in ("warn", "mute")]


def test_a_failed_undo_leaves_its_row_in_effect_with_the_reason() -> None:
    """The ledger must not show a sanction in force as failed."""
    progress = BulkProgress(a_start(1, marks="v", alive="0"))
    progress.undo()
    progress.begin(0)
    problem = Problem(kind=ProblemKind.REFUSED, status=409)
    report = news(0, S.FAILED)
    refused = report.actions[0].model_copy(update={"problem": problem})
    progress.note(report.model_copy(update={"actions": (refused,)}))
    assert progress.letters() == "d"
    assert [(row.status, row.problem) for row in progress.rows] == [(S.DONE, problem)]
    assert progress.outcome() is S.FAILED


def test_a_report_of_an_unknown_place_changes_nothing() -> None:
    """A report with an unknown place, or none, is ignored."""
    progress = BulkProgress(a_start(2))
    progress.note(news(2, S.VERIFIED))
    progress.note(news(-1, S.VERIFIED))
    progress.note(news(0, S.VERIFIED).model_copy(update={"place": None}))
    assert (progress.letters(), progress.rows) == ("..", [])


def test_a_subject_held_up_counts_as_retried() -> None:
    """It counts as retried, and the rest continues."""
    progress = BulkProgress(a_start(2))
    progress.begin(0)
    progress.note(news(0, S.RETRYING, over=False))
    assert (progress.letters(), progress.at_work, progress.over) == ("r.", False, False)
    assert progress.next_wave(2) == (1,)
    progress.note(news(0, S.VERIFIED))
    assert progress.letters() == "v."


def test_the_outcome_of_mixed_states() -> None:
    """Drifted goes before verified, failed before all."""
    assert outcome([MemberStatus.VERIFIED, MemberStatus.DRIFTED], False) is S.DRIFTED
    assert (
        outcome([MemberStatus.VERIFIED, MemberStatus.DONE, MemberStatus.SKIPPED], False) is S.DONE
    )
    assert outcome([MemberStatus.VERIFIED, MemberStatus.FAILED], False) is S.FAILED
    assert (
        outcome([MemberStatus.UNDONE, MemberStatus.LIFTED, MemberStatus.SKIPPED], True) is S.UNDONE
    )
    assert outcome([MemberStatus.UNDONE, MemberStatus.VERIFIED], True) is S.FAILED
    assert outcome([MemberStatus.SKIPPED, MemberStatus.SKIPPED], False) is S.SKIPPED


def test_a_rebuilt_decision_continues_every_lift() -> None:
    """The enforcements of all subjects were lost; those without a result are acted on."""
    progress = BulkProgress(a_start(4))
    progress.restore("vf.g")
    progress.rebuild()
    assert progress.letters() == "CF.g"
    assert progress.alive == set()
    assert progress.next_lost(WAVE) == (0, 1)
    assert progress.next_wave(WAVE) == (2,)
    assert progress.tally(1).done == 1
    assert progress.tally(1).failed == 1
    assert not progress.over


def test_a_rebuilt_decision_without_times_waits_for_nobody() -> None:
    """What is in effect stays, and what failed can be retried or given up."""
    start = a_start(2)
    jobs = tuple(job.model_copy(update={"lasts": None}) for job in start.jobs)
    progress = BulkProgress(start.model_copy(update={"jobs": jobs}))
    progress.restore("vf")
    progress.rebuild()
    assert progress.letters() == "vf"
    assert progress.next_wave(WAVE) == ()
    progress.give_up()
    assert progress.letters() == "vG"


def test_what_a_stopped_decision_may_have_begun_is_read_back() -> None:
    """A lost wave may have acted; those after it are skipped, as the person asked."""
    progress = BulkProgress(a_start(5))
    progress.restore("v....")
    progress.rebuild()
    progress.doubt(2)
    progress.stop()
    assert progress.letters() == "CFFss"


def test_an_undo_includes_what_waits_to_continue() -> None:
    """Its lift would come in time; the undo comes first."""
    progress = BulkProgress(a_start(3))
    progress.restore("vf.")
    progress.rebuild()
    progress.undo()
    assert progress.letters() == "UF."


def reported(place: int, status: NoticeStatus | None, *actions: ActionStatus) -> EnforcementReport:
    """Returns the report of one subject's enforcement, with its notice."""
    notice = None if status is None else NoticeState(status=status)
    report = news(place, *actions, over=status is not NoticeStatus.RETRYING)
    return report.model_copy(update={"notice": notice})


N = NoticeStatus
REFUSED = Problem(kind=ProblemKind.REFUSED, status=404)


def notified(*statuses: NoticeStatus | None, timed: bool = True) -> BulkProgress:
    """Returns the progress of a bulk decision in effect, with these notices."""
    start = a_start(len(statuses))
    if not timed:
        jobs = tuple(job.model_copy(update={"lasts": None}) for job in start.jobs)
        start = start.model_copy(update={"jobs": jobs})
    progress = BulkProgress(start)
    for place, status in enumerate(statuses):
        progress.begin(place)
        progress.note(reported(place, status, S.VERIFIED))
    return progress


def test_each_notice_is_counted_with_its_subject() -> None:
    """A subject without a measure in effect has none."""
    progress = notified(N.SENT, N.FAILED, N.RETRYING)
    assert (progress.letters(), progress.notice_letters()) == ("vvv", "sfr")
    assert progress.notice_rows == {0: N.SENT, 1: N.FAILED, 2: N.RETRYING}
    counted = progress.tally(1)
    assert (counted.notices_sent, counted.notices_failed, counted.notices_retrying) == (1, 1, 1)
    assert (counted.notices, counted.done) == (3, 3)


@pytest.mark.parametrize("status", [S.FAILED, S.GIVEN_UP, S.SKIPPED, S.DRY_RUN, S.UNDONE])
def test_what_had_no_effect_has_no_notice(status: ActionStatus) -> None:
    """Nothing is due, and nothing counts as failed."""
    progress = BulkProgress(a_start(1))
    progress.begin(0)
    progress.note(reported(0, None, status))
    assert (progress.notice_letters(), progress.tally(1).notices) == (".", 0)
    assert progress.notices_state is None


def test_a_notice_that_is_retried_does_not_hold_up_a_wave() -> None:
    """The subject is done; its enforcement runs on."""
    progress = notified(N.RETRYING, timed=False)
    assert (progress.at_work, progress.over, progress.alive) == (False, False, {0})
    progress.note(reported(0, N.SENT, S.VERIFIED))
    assert (progress.notice_letters(), progress.over) == ("s", True)


def test_only_failed_notices_are_repeated() -> None:
    """Each is part of one wave, and its measure is not touched."""
    progress = notified(N.SENT, N.FAILED, N.FAILED)
    progress.notify_again()
    assert progress.notice_letters() == "spp"
    assert progress.next_wave(WAVE) == (1, 2)
    assert (progress.only_notifies(0), progress.only_notifies(1)) == (False, True)
    progress.begin(1)
    assert (progress.letters(), progress.at_work) == ("vvv", True)
    progress.note(reported(1, N.SENT, S.VERIFIED))
    assert (progress.notice_letters(), progress.at_work) == ("ssp", False)
    progress.notify_again()
    assert progress.next_wave(WAVE) == (2,)


def test_a_sent_notice_stays_sent() -> None:
    """A later report without it, an undo and a lift change nothing."""
    progress = notified(N.SENT)
    for status in (S.LIFTED, S.UNDONE, S.FAILED):
        progress.note(reported(0, None, status))
    assert progress.notice_letters() == "s"


def test_an_undo_cancels_what_is_not_sent() -> None:
    """Neither the retried nor the failed notice counts afterwards."""
    progress = notified(N.SENT, N.RETRYING, N.FAILED)
    progress.notify_again()
    progress.undo()
    assert progress.notice_letters() == "srf"
    for place in progress.next_wave(WAVE):
        progress.begin(place)
        progress.note(reported(place, None, S.UNDONE))
    assert (progress.letters(), progress.notice_letters()) == ("uuu", "s..")
    assert progress.notice_rows == {0: N.SENT, 1: None, 2: None}
    assert progress.notices_state == NoticeState(status=N.SENT)


def test_a_failed_undo_leaves_a_notice_to_repeat() -> None:
    """The measure is still in effect, and its notice was cancelled."""
    progress = notified(N.RETRYING)
    progress.undo()
    progress.begin(0)
    progress.note(reported(0, None, S.FAILED))
    assert (progress.letters(), progress.notice_letters()) == ("d", "f")


def test_a_lost_enforcement_of_a_notice_leaves_the_measure_in_effect() -> None:
    """Only its notice has failed."""
    progress = notified(N.RETRYING, timed=False)
    progress.lose(0, REFUSED)
    assert (progress.letters(), progress.notice_letters(), progress.over) == ("v", "f", True)
    progress.notify_again()
    progress.begin(0)
    progress.lose(0, REFUSED)
    assert (progress.letters(), progress.notice_letters()) == ("v", "f")
    assert progress.notices_state == NoticeState(status=N.FAILED, problem=REFUSED)


def test_a_restart_sends_only_what_was_not_sent() -> None:
    """What was being retried is sent under the same key; a failed one waits for a person."""
    progress = BulkProgress(a_start(5))
    progress.restore("vvvv.")
    progress.restore_notices("srf")
    assert progress.notice_letters() == "spf.."
    assert progress.next_wave(WAVE) == (1, 4)
    assert [progress.only_notifies(place) for place in (1, 4)] == [True, False]
    assert not progress.over


def test_a_rebuilt_timed_measure_continues_with_its_notice() -> None:
    """One enforcement has both: its lift and its notice."""
    progress = BulkProgress(a_start(2))
    progress.restore("vv")
    progress.restore_notices("rs")
    progress.rebuild()
    assert progress.next_lost(WAVE) == (0, 1)
    for place in (0, 1):
        progress.begin(place)
    assert progress.letters() == "aa"
    progress.note(reported(0, N.SENT, S.VERIFIED))
    progress.note(reported(1, None, S.VERIFIED))
    assert (progress.notice_letters(), progress.next_wave(WAVE)) == ("ss", ())


@given(st.lists(st.sampled_from(NoticeMark), min_size=1, max_size=50))
def test_continue_as_new_keeps_every_notice(marks: list[NoticeMark]) -> None:
    """A letter each, and the counts add up."""
    letters = "".join(mark.value for mark in marks)
    progress = BulkProgress(a_start(len(marks), marks="v" * len(marks), notices=letters))
    assert progress.notice_letters() == letters
    assert progress.tally(1).notices == sum(mark is not NoticeMark.NONE for mark in marks)


@given(
    st.sampled_from(NoticeMark),
    st.sampled_from(MemberStatus),
    st.sampled_from([None, *NoticeStatus]),
)
def test_a_notice_is_due_or_sent(
    before: NoticeMark, subject: MemberStatus, reported: NoticeStatus | None
) -> None:
    """A report never loses a sent notice, and leaves none that is being sent unreported."""
    mark = notice_after(before, subject, reported)
    if NoticeMark.SENT in (before, mark):
        assert mark is NoticeMark.SENT
        assert before is NoticeMark.SENT or reported is NoticeStatus.SENT
    if subject in MEMBERS_IN_FORCE:
        assert mark is not NoticeMark.SENDING


@pytest.mark.parametrize(
    ("letters", "status"),
    [("..", None), ("s.", N.SENT), ("sf", N.FAILED), ("sfr", N.FAILED), ("sp", N.RETRYING)],
)
def test_the_state_of_all_notices(letters: str, status: NoticeStatus | None) -> None:
    """What failed goes first, so that a person can repeat it while others are retried."""
    state = notices_state([NoticeMark(letter) for letter in letters], None)
    assert (state.status if state else None) == status
