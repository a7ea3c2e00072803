"""Pauses of automation: one person pauses it, two people resume it."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.domain.builders import CLARK, REED, SATO, SUZUKI, T0, TANAKA, minutes
from workflows.domain.automation import (
    EVERYTHING,
    AutomationChange,
    AutomationPause,
    PauseChange,
    Scope,
    Unchanged,
    approve,
    current_pauses,
    pause,
    pause_over,
    request_resume,
    resume,
    scope_of,
    tripped,
)
from workflows.domain.brakes import BrakeCause, Tally, Trip
from workflows.domain.people import Actor, Role

HOUR = timedelta(hours=1)


def played(*turns) -> list[AutomationChange]:
    """The changes in the ledger after these steps; each step depends on the earlier changes."""
    changes: list[AutomationChange] = []
    for turn in turns:
        outcome = turn(changes)
        assert isinstance(outcome, AutomationChange), outcome
        changes.append(outcome)
    return changes


def pause_of(changes, playbook, now) -> AutomationPause | None:
    """The pause that prevents an action in a case of `playbook`, whose detector is not paused."""
    pauses = [each.pause for each in current_pauses(changes, now)]
    return pause_over(pauses, playbook, ["chat_model"], "mute_user")


def stops(by, playbook=None, lasts=None, at=T0):
    """A turn: somebody pauses."""
    return lambda before: pause(before, by, Scope(playbook=playbook), lasts, at)


def goes_on(by, playbook=None, at=T0):
    """A turn: somebody says resume."""
    return lambda before: resume(before, by, Scope(playbook=playbook), at)


class TestStopping:
    def test_a_specialist_stops_everything_at_once(self) -> None:
        """Every playbook is paused until two people resume it."""
        changes = played(stops(SATO))
        current = AutomationPause(by="U0SATO", at=T0)
        assert pause_of(changes, "off_platform", minutes(10_000)) == current
        assert pause_of(changes, "self_harm", minutes(1)) == current

    def test_one_playbook_alone(self) -> None:
        """The others go on."""
        changes = played(stops(SATO, "off_platform"))
        assert pause_of(changes, "off_platform", minutes(1)) is not None
        assert pause_of(changes, "self_harm", minutes(1)) is None

    def test_a_pause_with_an_end_ends_by_itself(self) -> None:
        """At the minute."""
        changes = played(stops(TANAKA, lasts=HOUR))
        assert pause_of(changes, "off_platform", minutes(59)) is not None
        assert pause_of(changes, "off_platform", minutes(60)) is None

    def test_a_second_pause_never_ends_sooner(self) -> None:
        """Else one person could end what takes two, by pausing for a minute."""
        short = timedelta(minutes=1)
        endless = played(stops(TANAKA), stops(SATO, lasts=short))
        assert endless[-1].until is None
        longer = played(stops(TANAKA, lasts=HOUR), stops(SATO, lasts=short))
        assert longer[-1].until == minutes(60)
        assert played(stops(SATO, lasts=HOUR), stops(TANAKA))[-1].until is None

    def test_who_only_reads_stops_nothing(self) -> None:
        """Auditors, and people without a role."""
        for by in (SUZUKI, Actor(id="U0GUEST")):
            assert pause([], by, EVERYTHING, None, T0) is Unchanged.ROLE_NEEDED

    def test_a_week_is_the_longest(self) -> None:
        """A longer pause belongs into the playbook."""
        assert pause([], SATO, EVERYTHING, timedelta(days=8), T0) is Unchanged.TOO_LONG
        assert played(stops(SATO, lasts=timedelta(days=7)))


class TestGoingOn:
    def test_it_takes_a_lead_beside_whoever_asked(self) -> None:
        """The first who says it asks, the second arms it."""
        changes = played(stops(SATO), goes_on(SATO), goes_on(TANAKA))
        kinds = [PauseChange.PAUSED, PauseChange.RESUME_ASKED, PauseChange.RESUMED]
        assert [each.kind for each in changes] == kinds
        assert pause_of(changes, "off_platform", minutes(1)) is None

    def test_nobody_agrees_with_themselves(self) -> None:
        """Neither a lead nor a specialist; nothing goes on."""
        for by in (TANAKA, SATO):
            changes = played(stops(SATO), goes_on(by))
            assert resume(changes, by, EVERYTHING, minutes(1)) is Unchanged.ALREADY_ASKED

    def test_a_second_specialist_is_not_enough(self) -> None:
        """A lead has to say it."""
        changes = played(stops(SATO), goes_on(SATO))
        assert resume(changes, CLARK, EVERYTHING, minutes(1)) is Unchanged.LEAD_NEEDED

    def test_a_leads_own_pause_is_ended_by_another_lead(self) -> None:
        """Or by themselves, once somebody else asked."""
        assert played(stops(TANAKA), goes_on(TANAKA), goes_on(REED))
        assert played(stops(TANAKA), goes_on(SATO), goes_on(TANAKA))

    def test_a_request_is_good_for_half_an_hour(self) -> None:
        """After that the first word is a request again."""
        changes = played(stops(SATO), goes_on(SATO))
        late = resume(changes, TANAKA, EVERYTHING, minutes(30))
        assert isinstance(late, AutomationChange)
        assert late.kind is PauseChange.RESUME_ASKED

    def test_a_button_never_makes_a_request(self) -> None:
        """After its request has ended, or where there was none, it changes nothing."""
        for changes in (
            [],
            played(stops(SATO)),
            played(stops(SATO), goes_on(SATO), stops(CLARK)),
            played(stops(SATO, "off_platform"), goes_on(SATO)),
        ):
            assert approve(changes, TANAKA, EVERYTHING, minutes(1)) is Unchanged.ASK_OVER
        asked = played(stops(SATO), goes_on(SATO))
        assert approve(asked, TANAKA, EVERYTHING, minutes(30)) is Unchanged.ASK_OVER
        for by, why in (
            (SATO, Unchanged.ALREADY_ASKED),
            (CLARK, Unchanged.LEAD_NEEDED),
            (SUZUKI, Unchanged.ROLE_NEEDED),
        ):
            assert approve(asked, by, EVERYTHING, minutes(29)) is why
        resumed = approve(asked, TANAKA, EVERYTHING, minutes(29))
        assert resumed == AutomationChange(kind=PauseChange.RESUMED, by=TANAKA.id, at=minutes(29))

    def test_a_request_alone_never_approves(self) -> None:
        """While anybody's request is open it changes nothing; later it is a request again."""
        paused = played(stops(SATO))
        asked = request_resume(paused, SATO, EVERYTHING, T0)
        assert asked == AutomationChange(kind=PauseChange.RESUME_ASKED, by=SATO.id, at=T0)
        for by in (SATO, CLARK, TANAKA, REED):
            again = request_resume([*paused, asked], by, EVERYTHING, minutes(29))
            assert again is Unchanged.ALREADY_ASKED
        late = request_resume([*paused, asked], TANAKA, EVERYTHING, minutes(30))
        assert late == AutomationChange(kind=PauseChange.RESUME_ASKED, by=TANAKA.id, at=minutes(30))

    def test_a_request_alone_is_refused_as_any_other(self) -> None:
        """Without a pause, without the role, and while everything is paused."""
        one = Scope(detector="shill")
        paused = [pause([], SATO, one, None, T0)]
        assert request_resume(paused, SUZUKI, one, T0) is Unchanged.ROLE_NEEDED
        assert request_resume([], SATO, one, T0) is Unchanged.NOT_PAUSED
        assert request_resume(played(stops(SATO)), SATO, one, T0) is Unchanged.ALL_PAUSED
        ended = [pause([], SATO, one, HOUR, T0)]
        assert request_resume(ended, SATO, one, minutes(60)) is Unchanged.NOT_PAUSED

    def test_a_lead_confirms_a_request_alone(self) -> None:
        """By a button, or by saying resume."""
        asked = played(stops(SATO), lambda before: request_resume(before, SATO, EVERYTHING, T0))
        for confirms in (approve, resume):
            assert confirms(asked, CLARK, EVERYTHING, minutes(1)) is Unchanged.LEAD_NEEDED
            resumed = confirms(asked, TANAKA, EVERYTHING, minutes(1))
            assert isinstance(resumed, AutomationChange)
            assert resumed.kind is PauseChange.RESUMED

    def test_a_new_pause_makes_an_old_request_void(self) -> None:
        """It was about another situation."""
        changes = played(stops(SATO), goes_on(SATO), stops(CLARK, at=minutes(1)))
        again = resume(changes, TANAKA, EVERYTHING, minutes(2))
        assert isinstance(again, AutomationChange)
        assert again.kind is PauseChange.RESUME_ASKED

    def test_the_only_pause_needs_no_name(self) -> None:
        """Two of them do."""
        one = played(stops(SATO, "off_platform"))
        asked = resume(one, SATO, EVERYTHING, T0)
        assert isinstance(asked, AutomationChange)
        assert asked.playbook == "off_platform"
        two = played(stops(SATO, "off_platform"), stops(SATO, "harassment"))
        assert resume(two, SATO, EVERYTHING, T0) is Unchanged.WHICH

    def test_what_does_not_stand_still_can_not_go_on(self) -> None:
        """Nor one playbook while all are paused."""
        assert resume([], SATO, EVERYTHING, T0) is Unchanged.NOT_PAUSED
        assert (
            resume(played(stops(SATO)), SATO, Scope(playbook="harassment"), T0)
            is Unchanged.ALL_PAUSED
        )
        other = played(stops(SATO, "off_platform"))
        assert resume(other, SATO, Scope(playbook="harassment"), T0) is Unchanged.NOT_PAUSED

    def test_an_auditor_can_not_ask(self) -> None:
        """They change nothing."""
        assert resume(played(stops(SATO)), SUZUKI, EVERYTHING, T0) is Unchanged.ROLE_NEEDED


class TestScopes:
    def test_a_paused_detector_starts_nothing_by_itself(self) -> None:
        """An alert of another detector in the same case is reason enough for the action."""
        (state,) = current_pauses([pause([], SATO, Scope(detector="shill"), None, T0)], minutes(1))
        paused = [state.pause]
        assert pause_over(paused, "off_platform", ["shill"], "mute_user") == state.pause
        assert pause_over(paused, "off_platform", ["shill", "chat_model"], "mute_user") is None
        assert pause_over(paused, "off_platform", ["chat_model"], "mute_user") is None

    def test_two_paused_detectors_start_nothing_together(self) -> None:
        """Each has a pause of its own; the first by name is the reason, in every process.

        The detectors of a case are a set, whose order differs between processes.
        """
        changes = []
        for name in ("shill", "chat_model"):
            changes.append(pause(changes, SATO, Scope(detector=name), None, T0))
        pauses = [each.pause for each in current_pauses(changes, minutes(1))]
        for sent in (["shill", "chat_model"], ["chat_model", "shill"]):
            found = pause_over(pauses, "off_platform", sent, "mute_user")
            assert found is not None
            assert found.detector == "chat_model"

    def test_a_paused_action_is_paused_in_every_playbook(self) -> None:
        """The other actions go on."""
        changes = [pause([], SATO, Scope(action="mute_user"), None, T0)]
        pauses = [each.pause for each in current_pauses(changes, minutes(1))]
        assert pause_over(pauses, "self_harm", ["chat_model"], "mute_user") is not None
        assert pause_over(pauses, "self_harm", ["chat_model"], "hide_message") is None

    def test_a_detector_named_like_a_playbook_is_another_scope(self) -> None:
        """Resuming one leaves the other paused."""
        both = played(stops(SATO, "shill"))
        both.append(pause(both, SATO, Scope(detector="shill"), None, T0))
        both.append(resume(both, SATO, Scope(detector="shill"), T0))
        both.append(resume(both, TANAKA, Scope(detector="shill"), T0))
        assert [each.pause.key for each in current_pauses(both, minutes(1))] == ["playbook/shill"]

    def test_a_scope_is_read_from_its_key(self) -> None:
        """As in the value of a button; another text is no scope."""
        for scope in (EVERYTHING, Scope(playbook="a"), Scope(detector="a"), Scope(action="a")):
            assert scope_of(scope.key) == scope
        for text in ("", "everything", "detector", "detector/", "kind/a"):
            assert scope_of(text) is None


PEOPLE = st.sampled_from([SATO, CLARK, TANAKA, REED, SUZUKI])
TURNS = st.tuples(
    st.booleans(),
    PEOPLE,
    st.sampled_from(
        [EVERYTHING, Scope(playbook="shill"), Scope(detector="shill"), Scope(action="mute_user")]
    ),
    st.none() | st.integers(1, 600),
    st.integers(0, 40),
)


def said(changes, pauses, by, scope, lasts, now) -> AutomationChange | Unchanged:
    """The outcome of a turn of `TURNS`: somebody pauses, for so many minutes, or says resume."""
    if not pauses:
        return resume(changes, by, scope, now)
    return pause(changes, by, scope, None if lasts is None else timedelta(minutes=lasts), now)


TRIP = Trip(cause=BrakeCause.RATE, window=timedelta(minutes=5), limit=19, tally=Tally(actions=20))
BROKEN = Scope(detector="chat_model", action="mute_user")


def trips(at=T0):
    """A turn: the breaker of one action of one detector trips."""
    return lambda before: tripped("chat_model", "mute_user", TRIP, "koban", "K1", at)


class TestBreaker:
    def test_it_is_a_pause_of_one_action_of_one_detector(self) -> None:
        """It has no end, the counts that tripped it, and stops nothing else."""
        (state,) = current_pauses(played(trips()), minutes(10_000))
        assert state.pause == AutomationPause(
            detector="chat_model", action="mute_user", by="koban", at=T0, trip=TRIP, case="K1"
        )
        over = [state.pause]
        assert pause_over(over, "off_platform", ["chat_model"], "mute_user") is not None
        assert pause_over(over, "off_platform", ["chat_model"], "warn") is None
        assert pause_over(over, "off_platform", ["shill"], "mute_user") is None
        assert pause_over(over, "off_platform", ["chat_model", "shill"], "mute_user") is None

    def test_two_people_arm_it_again(self) -> None:
        """A specialist asks, a lead agrees; alone neither can."""
        asked = played(trips(), lambda before: resume(before, SATO, BROKEN, minutes(1)))
        assert resume(asked, SATO, BROKEN, minutes(2)) is Unchanged.ALREADY_ASKED
        assert resume(asked, CLARK, BROKEN, minutes(2)) is Unchanged.LEAD_NEEDED
        armed = approve(asked, TANAKA, BROKEN, minutes(2))
        assert isinstance(armed, AutomationChange)
        assert (armed.kind, armed.scope) == (PauseChange.BREAKER_ARMED, BROKEN)
        assert current_pauses([*asked, armed], minutes(2)) == ()

    def test_a_pause_of_a_person_does_not_hide_it(self) -> None:
        """It does not end sooner, and its end arms the breaker."""
        hour = timedelta(hours=1)
        changes = played(trips(), lambda before: pause(before, SATO, BROKEN, hour, minutes(1)))
        (state,) = current_pauses(changes, minutes(600))
        assert (state.pause.by, state.pause.trip, state.pause.until) == ("U0SATO", TRIP, None)
        asked = resume(changes, SATO, BROKEN, minutes(2))
        assert isinstance(asked, AutomationChange)
        changes.append(asked)
        armed = approve(changes, TANAKA, BROKEN, minutes(3))
        assert isinstance(armed, AutomationChange)
        assert armed.kind is PauseChange.BREAKER_ARMED

    def test_a_pause_that_missed_the_trip_does_not_end_it(self) -> None:
        """It was decided at the same moment, with an end of its own."""
        until = minutes(6)
        paused = AutomationChange(
            kind=PauseChange.PAUSED, by="U0SATO", at=minutes(1), until=until, **dict(BROKEN)
        )
        (state,) = current_pauses([*played(trips()), paused], minutes(600))
        assert (state.pause.trip, state.pause.until, state.pause.at) == (TRIP, None, T0)

    def test_a_wider_pause_has_its_own_end(self) -> None:
        """Whoever resumes everything leaves the breaker as it is."""
        changes = played(trips(), stops(SATO), goes_on(SATO), goes_on(TANAKA))
        assert changes[-1].kind is PauseChange.RESUMED
        assert [each.pause.scope for each in current_pauses(changes, minutes(1))] == [BROKEN]


@given(
    st.builds(
        Scope,
        playbook=st.none() | st.just("off_platform"),
        detector=st.none() | st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True),
        action=st.none() | st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True),
    )
)
def test_a_key_names_one_scope(scope: Scope) -> None:
    """The value of a button says which pause it is about."""
    assert scope_of(scope.key) == scope


@given(st.lists(TURNS, max_size=30))
def test_one_person_alone_never_arms_it_again(turns) -> None:
    """Whatever is said, in whatever order: it takes two people, and a lead is the second."""
    changes: list[AutomationChange] = []
    now = T0
    leads = {each.id for each in (TANAKA, REED) if Role.LEAD in each.roles}
    for pauses, by, scope, lasts, later in turns:
        now += timedelta(minutes=later)
        before = {each.pause.key: each.pause for each in current_pauses(changes, now)}
        outcome = said(changes, pauses, by, scope, lasts, now)
        if isinstance(outcome, Unchanged):
            continue
        changes.append(outcome)
        after = {each.pause.key: each.pause for each in current_pauses(changes, now)}
        for key in before.keys() - after.keys():
            asked = [each for each in changes[:-1] if each.key == key][-1]
            assert outcome.kind is PauseChange.RESUMED
            assert asked.kind is PauseChange.RESUME_ASKED
            assert asked.by != outcome.by
            assert outcome.by in leads
        for key, current in before.items():
            if key in after and current.until is None:
                assert after[key].until is None


@given(
    st.lists(TURNS, max_size=20),
    PEOPLE,
    st.sampled_from([EVERYTHING, Scope(detector="shill")]),
)
def test_a_request_alone_never_ends_a_pause(turns, by, scope) -> None:
    """Whatever came before: it changes nothing, or adds a request to a pause without one."""
    changes: list[AutomationChange] = []
    now = T0
    for pauses, person, where, lasts, later in turns:
        now += timedelta(minutes=later)
        outcome = said(changes, pauses, person, where, lasts, now)
        changes += [outcome] if isinstance(outcome, AutomationChange) else []
    before = {each.pause.key: each for each in current_pauses(changes, now)}
    outcome = request_resume(changes, by, scope, now)
    if isinstance(outcome, Unchanged):
        assert outcome is not Unchanged.LEAD_NEEDED
        return
    assert outcome.kind is PauseChange.RESUME_ASKED
    assert before[outcome.key].asked_by is None
    after = {each.pause.key: each for each in current_pauses([*changes, outcome], now)}
    assert {key: each.pause for key, each in after.items()} == {
        key: each.pause for key, each in before.items()
    }
    assert after[outcome.key].asked_by == by.id
