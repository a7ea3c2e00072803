"""Player: cases by group, protections, automatic decisions, and what prevents them."""

from pathlib import Path
from typing import Any

import pytest

from activities.policy.loader import PolicyFolder, load_policy
from tests.activities.backtest.folders import LIMITS, Line, line, playbook, raw, user, written
from tests.activities.backtest.playing import Stage
from workflows.domain.backtest.report import TripRecord
from workflows.domain.case import events as ev

MUTE = {"when": "alert.score >= 0.9", "action": "mute", "for": "10m"}
PAUSE = {"when": "alert.score >= 0.9", "action": "pause", "for": "10m"}
AUTO = {
    "auto": [{"when": "alert.score >= 0.9", "preset": "mute"}],
    "sample": {"auto": 0.000001, "log": 0.02},
}
SECOND = {**MUTE, "when": "true"}


def a_folder(to: Path, *, limits: Any = None, **more: Any) -> PolicyFolder:
    """A folder with a playbook `spam`."""
    files = {} if limits is None else {"limits": {**LIMITS, **limits}}
    return load_policy(written(to / "policy", playbook("spam", **more), **files))


def stream(number: int) -> dict[str, Any]:
    """A related stream."""
    return {"related": [{"type": "stream", "id": f"s_{number}"}]}


def high(minute: float, number: int, subject: int = 1, **more: Any) -> Line:
    """An alert with a high score about a user."""
    return line(minute, raw(number, score=0.95, subject=user(subject), **more))


def low(minute: float, number: int, subject: int = 1, **more: Any) -> Line:
    """An alert with a low score about a user."""
    return line(minute, raw(number, score=0.5, subject=user(subject), **more))


class TestCases:
    def test_alerts_of_one_group_make_one_case(self, tmp_path: Path) -> None:
        """By default a case is about a subject."""
        stage = Stage(a_folder(tmp_path))
        stage.play(low(0, 1), low(1, 2), low(2, 3, subject=2), low(900, 4))
        assert stage.player.counts.cases == 2
        assert stage.player.counts.by_playbook == {"spam": 2}

    def test_the_same_subject_has_a_case_in_each_playbook(self, tmp_path: Path) -> None:
        """The catch-all is one of them."""
        stage = Stage(a_folder(tmp_path))
        stage.play(low(0, 1), low(1, 2, kind="odd"))
        assert stage.player.counts.by_playbook == {"spam": 1, "other": 1}

    def test_a_case_counts_in_its_worst_severity(self, tmp_path: Path) -> None:
        """It rises, and never falls."""
        stage = Stage(a_folder(tmp_path))
        stage.play(low(0, 1), high(1, 2), low(2, 3), low(3, 4, subject=2))
        assert +stage.player.counts.by_severity == {"high": 1, "medium": 1}

    def test_recorded_alerts_open_no_case(self, tmp_path: Path) -> None:
        """They are below both bands, and join none either."""
        bands = [{"detector": "model", "review": "alert.score >= 0.4"}]
        stage = Stage(a_folder(tmp_path, bands=bands))
        stage.play(line(0, raw(1, score=0.1)), low(1, 2), line(2, raw(3, score=0.1)))
        assert (stage.player.counts.logged, stage.player.counts.cases) == (2, 1)

    def test_a_playbook_that_is_off_records_alerts(self, tmp_path: Path) -> None:
        """Alerts of people are heard all the same."""
        stage = Stage(a_folder(tmp_path, mode="off"))
        stage.play(high(0, 1), high(1, 2, detector="people"))
        assert (stage.player.counts.logged, stage.player.counts.cases) == (1, 1)

    def test_a_playbook_in_shadow_mode_acts_on_nothing(self, tmp_path: Path) -> None:
        """Its alerts are no cases of the catch-all."""
        stage = Stage(a_folder(tmp_path, mode="shadow", protect=[MUTE]))
        stage.play(high(0, 1), high(1, 2), low(2, 3, kind="odd"))
        counts = stage.player.counts
        assert (counts.shadow, counts.cases, counts.unmatched) == ({"spam": 2}, 1, 0)
        assert counts.actions == {}

    def test_calls_count_until_the_end(self, tmp_path: Path) -> None:
        """Of a high case: 10 minutes to claim, 30 to decide."""
        stage = Stage(a_folder(tmp_path))
        stage.play(high(0, 1), high(5, 2, subject=2))
        stage.player.finish(high(31, 3).at)
        assert stage.player.counts.escalations == 3

    def test_a_worse_alert_calls_by_its_clocks(self, tmp_path: Path) -> None:
        """Medium has an hour; 40 minutes after the opening both calls of high are overdue."""
        stage = Stage(a_folder(tmp_path))
        stage.play(low(0, 1), high(40, 2))
        stage.player.finish(high(41, 3).at)
        assert stage.player.counts.escalations == 2


class TestProtections:
    def test_a_rule_acts_once_in_a_case(self, tmp_path: Path) -> None:
        """Also after its protection has ended."""
        stage = Stage(a_folder(tmp_path, protect=[MUTE]))
        started = stage.play(low(0, 1), high(1, 2), high(2, 3), high(30, 4))
        assert started == [(), ("mute",), (), ()]
        assert stage.player.counts.actions == {"mute": 1}

    def test_each_case_has_its_own(self, tmp_path: Path) -> None:
        """Of another subject."""
        stage = Stage(a_folder(tmp_path, protect=[MUTE]))
        assert stage.play(high(0, 1), high(1, 2, subject=2)) == [("mute",), ("mute",)]

    @pytest.mark.parametrize(("minute", "second"), [(9, ()), (10, ("mute",))])
    def test_another_rule_waits_for_the_end_of_the_same_action(
        self, tmp_path: Path, minute: int, second: tuple[str, ...]
    ) -> None:
        """The mute lasts ten minutes; only then it can start again."""
        rules = [MUTE, {**MUTE, "when": "alert.attributes.again == true"}]
        stage = Stage(a_folder(tmp_path, protect=rules))
        again = {"attributes": {"again": True}}
        assert stage.play(high(0, 1), low(minute, 2, **again)) == [("mute",), second]

    def test_a_rule_waits_for_its_subject(self, tmp_path: Path) -> None:
        """The first alert names no stream."""
        stage = Stage(a_folder(tmp_path, protect=[PAUSE]))
        assert stage.play(high(0, 1), high(1, 2, **stream(7))) == [(), ("pause",)]

    def test_a_subject_of_long_ago_is_known(self, tmp_path: Path) -> None:
        """A case keeps the last subject of each type, whatever else was seen 300 times."""
        stage = Stage(a_folder(tmp_path, protect=[PAUSE]))
        other = [
            low(1 + n / 100, n, related=[{"type": "message", "id": f"m_{n}"}]) for n in range(300)
        ]
        *_, last = stage.play(low(0, 900), low(0.5, 901, **stream(7)), *other, high(9, 902))
        assert last == ("pause",)
        (event,) = [each for events in stage.events.values() for each in events]
        assert isinstance(event, ev.ProtectionStarted)
        assert event.action.planned.subject.key == "stream:s_7"

    def test_reports_of_people_start_nothing(self, tmp_path: Path) -> None:
        """Unless the rule names them."""
        rules = [MUTE, {**PAUSE, "manual": ["people"]}]
        stage = Stage(a_folder(tmp_path, protect=rules))
        assert stage.play(high(0, 1, detector="people", **stream(1))) == [("pause",)]


LADDER = [
    {"after": "5m", "unless": "claimed", "notify": "shift"},
    {
        "after": "10m",
        "unless": "decided",
        "notify": "lead",
        "severity": ["high"],
        "protect": {"action": "mute", "for": "15m"},
    },
]


class TestSteps:
    def test_a_step_protects_at_its_time(self, tmp_path: Path) -> None:
        """Without an alert."""
        stage = Stage(a_folder(tmp_path, escalation=LADDER))
        stage.play(high(0, 1))
        stage.player.finish(high(9, 2).at)
        assert stage.player.counts.actions == {}
        stage.player.finish(high(10, 2).at)
        assert stage.player.counts.actions == {"mute": 1}

    def test_it_protects_late_in_a_case_that_became_worse(self, tmp_path: Path) -> None:
        """At the rise, as the step is overdue."""
        stage = Stage(a_folder(tmp_path, escalation=LADDER))
        stage.play(low(0, 1), high(20, 2))
        stage.player.finish(high(21, 3).at)
        (started,) = [
            each
            for events in stage.events.values()
            for each in events
            if isinstance(each, ev.ProtectionStarted)
        ]
        assert started.at.timestamp() == high(20, 2).at

    def test_it_counts_for_the_detector_that_opened_the_case(self, tmp_path: Path) -> None:
        """Its limit is full after one; the first name of the alphabet has nothing to do with it."""
        rate = {"automation": {"detector": {"most": 1, "within": "1h"}}}
        stage = Stage(a_folder(tmp_path, escalation=LADDER, limits=rate))
        stage.play(high(0, 1), high(1, 2, detector="a_model"))
        second, third = high(2, 3, subject=2), high(3, 4, subject=3, detector="a_model")
        stage.play(second, third)
        stage.player.finish(high(20, 9).at)
        withheld = [
            body
            for body, events in stage.events.items()
            if any(isinstance(each, ev.ProtectionWithheld) for each in events)
        ]
        assert withheld == [second.body]
        assert stage.player.counts.actions == {"mute": 2}


class TestDecisions:
    def test_a_decision_ends_the_case(self, tmp_path: Path) -> None:
        """The next alert opens another one."""
        stage = Stage(a_folder(tmp_path, **AUTO))
        started = stage.play(low(0, 1), high(1, 2), high(2, 3), low(3, 4))
        assert started == [(), ("mute", "mute"), ("mute", "mute"), ()]
        counts = stage.player.counts
        assert (counts.cases, counts.auto, counts.actions) == (3, 2, {"mute": 2})
        assert len(stage.player.open) == 1

    def test_a_decided_case_calls_nobody(self, tmp_path: Path) -> None:
        """Also where its last alert made it worse, so that a call was overdue."""
        stage = Stage(a_folder(tmp_path, **AUTO))
        stage.play(low(0, 1), high(40, 2))
        stage.player.finish(high(900, 3).at)
        assert stage.player.counts.escalations == 0

    def test_a_sample_is_left_to_people(self, tmp_path: Path) -> None:
        """It looks like any other case, and later alerts decide it neither."""
        sampled = {**AUTO, "sample": {"auto": 1.0}}
        stage = Stage(a_folder(tmp_path, **sampled))
        assert stage.play(high(0, 1), high(1, 2)) == [(), ()]
        assert stage.kinds() == [["sampled"]]
        assert (stage.player.counts.auto, stage.player.counts.cases) == (0, 1)

    def test_a_recorded_alert_is_drawn(self, tmp_path: Path) -> None:
        """Every second one becomes an ordinary case, without automation."""
        bands = [{"detector": "model", "act": "alert.score >= 0.99"}]
        auto = {**AUTO, "sample": {"auto": 0.01, "log": 0.5}, "protect": [MUTE]}
        stage = Stage(a_folder(tmp_path, bands=bands, **auto))
        stage.play(*(high(n, n, subject=n) for n in range(200)))
        counts = stage.player.counts
        assert counts.cases + counts.logged == 200
        assert 70 < counts.cases < 130
        assert stage.kinds() == [["sampled"]] * counts.cases
        assert counts.actions == {}


EXEMPT = {"exempt": [{"type": "stream", "id": "s_1", "reason": "Official"}]}
NAMED = {"exempt": [{"type": "user", "id": "u_1", "reason": "Official"}]}
HURRIED = {"window": "10m", "floor": 2, "usual": 1}


class TestWithheld:
    def test_an_exempt_subject(self, tmp_path: Path) -> None:
        """Counted once in its case, whatever follows; others are protected."""
        stage = Stage(a_folder(tmp_path, protect=[MUTE], limits=NAMED))
        started = stage.play(high(0, 1), high(1, 2), high(2, 3, subject=2))
        assert started == [(), (), ("mute",)]
        assert stage.player.counts.withheld == {"exempt": 1}

    def test_another_subject_of_the_case_is_not_exempt(self, tmp_path: Path) -> None:
        """The rule acts once an alert names a stream that is not."""
        stage = Stage(a_folder(tmp_path, protect=[PAUSE], limits=EXEMPT))
        started = stage.play(high(0, 1, **stream(1)), high(1, 2, **stream(2)))
        assert started == [(), ("pause",)]
        assert stage.player.counts.withheld == {"exempt": 1}

    def test_a_trusted_subject(self, tmp_path: Path) -> None:
        """Nothing automatic happens, and it is decided by people."""
        stage = Stage(a_folder(tmp_path, protect=[MUTE], trusted=["u_1"], **AUTO))
        assert stage.play(high(0, 1), high(1, 2)) == [(), ()]
        assert stage.player.counts.withheld == {"trusted": 2}
        assert stage.kinds() == [["protection_withheld", "protection_withheld"]]

    def test_a_full_limit(self, tmp_path: Path) -> None:
        """Two in an hour: the third is withheld, and starts once there is room."""
        rate = {"automation": {"detector": {"most": 2, "within": "1h"}}}
        stage = Stage(a_folder(tmp_path, protect=[MUTE], limits=rate))
        alerts = [high(n, n, subject=n) for n in range(3)]
        started = stage.play(*alerts, high(59, 9, subject=2), high(60, 10, subject=2))
        assert started == [("mute",), ("mute",), (), (), ("mute",)]
        assert stage.player.counts.withheld == {"detector": 1}

    def test_a_tripped_breaker(self, tmp_path: Path) -> None:
        """The second action in ten minutes trips it; it has no end."""
        stage = Stage(a_folder(tmp_path, protect=[MUTE], breaker=HURRIED))
        first, second = high(0, 1), high(1, 2, subject=2)
        started = stage.play(first, second, high(2, 3, subject=2), high(9000, 4, subject=4))
        assert started == [("mute",), (), (), ()]
        counts = stage.player.counts
        assert counts.withheld == {"breaker": 2}
        (trip,) = counts.trips
        assert trip == TripRecord(
            at=trip.at, playbook="spam", detector="model", action="mute", cause="rate"
        )
        assert trip.at.timestamp() == second.at

    def test_another_detector_of_the_case_is_not_paused(self, tmp_path: Path) -> None:
        """Its own alert starts the protection that the breaker of the first one prevented."""
        stage = Stage(a_folder(tmp_path, protect=[MUTE], breaker=HURRIED))
        started = stage.play(
            high(0, 1), high(1, 2, subject=2), high(2, 3, subject=2, detector="rules")
        )
        assert started == [("mute",), (), ("mute",)]

    def test_a_decision_that_a_breaker_prevents_is_left_to_people(self, tmp_path: Path) -> None:
        """Later alerts of the case decide it neither."""
        stage = Stage(a_folder(tmp_path, breaker=HURRIED, **AUTO))
        stage.play(high(0, 1), high(1, 2, subject=2), high(2, 3, subject=2))
        assert (stage.player.counts.auto, stage.player.counts.withheld) == (1, {"breaker": 1})
