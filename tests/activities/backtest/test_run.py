"""Run of a backtest: counts, comparison, labels, interruption and processes."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from activities.backtest.run import Backtest, People, Progress
from activities.policy.loader import PolicyFolder, load_policy
from tests.activities.backtest.folders import LIMITS, T0, Line, line, playbook, raw, user, written
from workflows.domain.backtest.report import BacktestReport, Change, ChangeKind, Hour
from workflows.domain.case import events as ev

MUTE = {"when": "alert.score >= 0.9", "action": "mute", "for": "10m"}
BANDS = [{"detector": "model", "act": "alert.score >= 0.6", "review": "alert.score >= 0.3"}]


class Given:
    """Alerts in memory."""

    def __init__(self, lines: Sequence[Line], unreadable: int = 0) -> None:
        self._lines = lines
        self.unreadable = unreadable

    def count(self) -> int:
        """The number of alerts."""
        return len(self._lines)

    def chunks(self, size: int) -> Iterator[Sequence[Line]]:
        """Lists of `size` alerts."""
        for start in range(0, len(self._lines), size):
            yield self._lines[start : start + size]


def a_folder(to: Path, *others: dict[str, Any], files: Any = None, **more: Any) -> PolicyFolder:
    """A folder with a playbook `spam`, and others."""
    return load_policy(written(to, playbook("spam", **more), *others, **(files or {})))


def run(folder: PolicyFolder, *lines: Line, **more: Any) -> BacktestReport:
    """The report about a few alerts."""
    return Backtest(folder, **more).run(Given(lines))


class TestCounts:
    def test_everything_is_counted_once(self, tmp_path: Path) -> None:
        """Cases, records, repeated alerts and what is none."""
        folder = a_folder(tmp_path / "a", bands=BANDS, protect=[MUTE])
        lines = [
            line(0, raw(1, score=0.95)),
            line(1, raw(2, score=0.1)),
            line(2, raw(1, score=0.95)),
            line(3, raw(3, score=2)),
            Line(line(4, {}).at, "{"),
            line(5, raw(4, score=0.5, subject=user(2))),
            line(6, raw(1, detector="rules", subject=user(3))),
        ]
        report = Backtest(folder).run(Given(lines, unreadable=2))
        assert (report.alerts, report.cases, report.logged) == (4, 3, 1)
        assert (report.duplicates, report.invalid, report.unmatched) == (1, 4, 0)
        assert report.by_playbook == {"spam": 3}
        assert report.by_severity == {"high": 1, "medium": 2}
        assert report.actions == {"mute": 1}
        assert (report.since, report.until) == (T0, T0 + timedelta(minutes=6))
        assert (report.unfinished, report.labels, report.against, report.staffing) == (
            False,
            None,
            None,
            None,
        )

    def test_no_alerts(self, tmp_path: Path) -> None:
        """A report of zeros, without times."""
        report = run(a_folder(tmp_path / "a"))
        assert (report.alerts, report.cases, report.since, report.until) == (0, 0, None, None)
        assert report.per_hour == ()

    def test_alerts_and_cases_by_hour(self, tmp_path: Path) -> None:
        """Hours without alerts are left out."""
        lines = [line(0, raw(1)), line(59, raw(2)), line(60, raw(3, subject=user(2)))]
        report = run(a_folder(tmp_path / "a"), *lines, line(200, raw(4)))
        assert report.per_hour == (
            Hour(hour=T0, alerts=2, cases=1),
            Hour(hour=T0 + timedelta(hours=1), alerts=1, cases=1),
            Hour(hour=T0 + timedelta(hours=3), alerts=1, cases=0),
        )

    def test_an_alert_that_its_detector_may_not_send_is_invalid(self, tmp_path: Path) -> None:
        """As over HTTP; another one with its id is no duplicate."""
        accepts = {"detector": "model", "title": "M", "accepts": {"kinds": ["spam"]}}
        folder = a_folder(tmp_path / "a", files={"detectors": [accepts]})
        report = run(folder, line(0, raw(1, kind="odd")), line(1, raw(1)))
        assert (report.alerts, report.invalid, report.duplicates) == (1, 1, 0)

    def test_an_alert_of_shadows_alone_is_not_unmatched(self, tmp_path: Path) -> None:
        """It is counted for the playbook in shadow mode."""
        report = run(a_folder(tmp_path / "a", mode="shadow"), line(0, raw(1)))
        assert (report.shadow, report.cases, report.unmatched) == ({"spam": 1}, 0, 0)

    def test_trips_are_listed(self, tmp_path: Path) -> None:
        """With what prevented the actions after it."""
        breaker = {"window": "10m", "floor": 2, "usual": 1}
        folder = a_folder(tmp_path / "a", protect=[MUTE], breaker=breaker)
        lines = [line(n, raw(n, score=0.95, subject=user(n))) for n in range(4)]
        report = run(folder, *lines)
        assert (report.breaker_trips, report.withheld) == (1, {"breaker": 3})
        assert [(each.at, each.cause) for each in report.trips] == [
            (T0 + timedelta(minutes=1), "rate")
        ]

    def test_the_events_of_automation_are_seen(self, tmp_path: Path) -> None:
        """Those by the folder, and not those of the one that it is compared with."""
        seen = list[str]()

        def note(_case: object, happened: Sequence[ev.Event]) -> None:
            seen.extend(each.kind for each in happened)

        new, old = a_folder(tmp_path / "a", protect=[MUTE]), a_folder(tmp_path / "b")
        alert = line(0, raw(1, score=0.95))
        run(new, alert, against=old, seen=note)
        assert seen == ["protection_started"]
        run(old, alert, against=new, seen=note)
        assert seen == ["protection_started"]


class TestComparison:
    def change(self, new: PolicyFolder, old: PolicyFolder, *lines: Line) -> tuple[Change, ...]:
        """The changed alerts."""
        found = run(new, *lines, against=old).against
        assert found is not None
        return found.changed

    def test_equal_folders_change_nothing(self, tmp_path: Path) -> None:
        """Every kind is counted."""
        folder = a_folder(tmp_path / "a", protect=[MUTE])
        report = run(folder, line(0, raw(1, score=0.95)), against=folder)
        assert report.against is not None
        assert report.against.cases == 1
        assert report.against.changed == ()
        assert report.against.counts == {
            "playbook": 0,
            "handling": 0,
            "severity": 0,
            "actions": 0,
        }

    def test_another_playbook(self, tmp_path: Path) -> None:
        """Before is what the other folder does."""
        new = a_folder(tmp_path / "a", match="false")
        changed = self.change(new, a_folder(tmp_path / "b"), line(0, raw(1)))
        assert changed == (
            Change(kind=ChangeKind.PLAYBOOK, alert="model/a1", before="spam", after="other"),
        )

    def test_another_handling(self, tmp_path: Path) -> None:
        """The score is below the new bands."""
        new = a_folder(tmp_path / "a", bands=BANDS)
        changed = self.change(new, a_folder(tmp_path / "b"), line(0, raw(1, score=0.1)))
        assert changed == (
            Change(kind=ChangeKind.HANDLING, alert="model/a1", before="case", after="log"),
        )

    def test_another_severity_with_other_actions(self, tmp_path: Path) -> None:
        """Both are changes of one alert."""
        severity = {"high": "alert.score >= 0.5", "medium": "true"}
        rule = {**MUTE, "when": "severity == 'high'"}
        new = a_folder(tmp_path / "a", severity=severity, protect=[rule])
        old = a_folder(tmp_path / "b", protect=[rule])
        assert self.change(new, old, line(0, raw(1, score=0.6))) == (
            Change(kind=ChangeKind.SEVERITY, alert="model/a1", before="medium", after="high"),
            Change(kind=ChangeKind.ACTIONS, alert="model/a1", before="", after="mute"),
        )

    @pytest.mark.parametrize(("new", "invalid", "alerts"), [("strict", 1, 1), ("free", 0, 2)])
    def test_an_alert_that_one_folder_refuses(
        self, tmp_path: Path, new: str, invalid: int, alerts: int
    ) -> None:
        """The other one takes it, and counts its case."""
        accepts = {"detector": "model", "title": "M", "accepts": {"kinds": ["spam"]}}
        folders = {
            "strict": a_folder(tmp_path / "a", files={"detectors": [accepts]}),
            "free": a_folder(tmp_path / "b"),
        }
        old = next(each for each in folders if each != new)
        lines = [line(0, raw(1, kind="odd")), line(1, raw(1, kind="odd")), line(2, raw(2))]
        if new == "free":
            del lines[1]
        else:
            invalid += 1
        report = run(folders[new], *lines, against=folders[old])
        assert (report.invalid, report.alerts) == (invalid, alerts)
        assert report.against is not None
        assert {report.cases, report.against.cases} == {1, 2}
        assert report.against.counts == {
            "playbook": 0,
            "handling": 1,
            "severity": 0,
            "actions": 0,
        }
        (change,) = report.against.changed
        outcomes = {"strict": "refused", "free": "case"}
        assert (change.before, change.after) == (outcomes[old], outcomes[new])

    def test_ten_examples_of_each_kind(self, tmp_path: Path) -> None:
        """All are counted."""
        new = a_folder(tmp_path / "a", bands=BANDS, match="alert.kind == 'spam'")
        old = a_folder(tmp_path / "b", protect=[{**MUTE, "when": "true"}])
        lines = [line(n, raw(n, score=0.1, subject=user(n))) for n in range(15)]
        found = run(new, *lines, against=old).against
        assert found is not None
        assert (found.cases, found.counts["handling"], found.counts["actions"]) == (15, 15, 15)
        kinds = [each.kind for each in found.changed]
        assert kinds == [ChangeKind.HANDLING] * 10 + [ChangeKind.ACTIONS] * 10
        assert found.changed[0].alert == "model/a0"

    def test_each_folder_has_breakers_of_its_own(self, tmp_path: Path) -> None:
        """What trips by one does not stop the other."""
        breaker = {"window": "10m", "floor": 2, "usual": 1}
        new = a_folder(tmp_path / "a", protect=[MUTE], breaker=breaker)
        old = a_folder(tmp_path / "b", protect=[MUTE])
        lines = [line(n, raw(n, score=0.95, subject=user(n))) for n in range(4)]
        report = run(new, *lines, against=old)
        assert report.actions == {"mute": 1}
        assert report.against is not None
        assert report.against.counts["actions"] == 3


class TestLabels:
    def test_an_alert_with_a_case_was_seen(self, tmp_path: Path) -> None:
        """One that is only recorded went unnoticed."""
        folder = a_folder(tmp_path / "a", bands=BANDS)
        lines = [
            line(0, raw(1, score=0.95), True),
            line(1, raw(2, score=0.5), False),
            line(2, raw(3, score=0.1), True),
            line(3, raw(4, score=0.2), False),
            line(4, raw(5, score=0.2), None),
        ]
        found = run(folder, *lines, labelled=True).labels
        assert found is not None
        assert (found.tp, found.fp, found.fn, found.tn) == (1, 1, 1, 1)
        assert found.curve[-1].cases == 0
        assert found.curve[0].cases == 4

    def test_a_silenced_alert_was_not_seen(self, tmp_path: Path) -> None:
        """People have cleared its content, and do not look again."""
        folder = a_folder(tmp_path / "a", silence={"at_most": "1h"})
        lines = [line(0, raw(1, title="a"), False), line(20, raw(2, title="a"), True)]
        report = run(folder, *lines, labelled=True, people=People(1, 5))
        assert report.silenced == 1
        assert report.labels is not None
        assert (report.labels.fp, report.labels.fn) == (1, 1)

    def test_without_labels_there_are_none(self, tmp_path: Path) -> None:
        """Also where the alerts have some."""
        assert run(a_folder(tmp_path / "a"), line(0, raw(1), True)).labels is None


def test_people_are_in_the_report(tmp_path: Path) -> None:
    """With their number and the time of a case."""
    report = run(a_folder(tmp_path / "a"), line(0, raw(1)), people=People(2, 7.5))
    assert report.staffing is not None
    assert (report.staffing.people, report.staffing.minutes) == (2, 7.5)
    assert report.staffing.waiting == 1


class TestInterruption:
    def stopped(self, at: int) -> Callable[[Progress], None]:
        """Progress that is interrupted after so many alerts."""

        def stop(progress: Progress) -> None:
            if progress.done >= at:
                raise KeyboardInterrupt

        return stop

    def test_the_report_has_what_was_played(self, tmp_path: Path) -> None:
        """And says that it is unfinished."""
        lines = [line(n / 100, raw(n, subject=user(n))) for n in range(5_000)]
        backtest = Backtest(a_folder(tmp_path / "a"))
        report = backtest.run(Given(lines), self.stopped(4_000))
        assert (report.unfinished, report.alerts, report.cases) == (True, 4_000, 4_000)
        assert report.until == T0 + timedelta(minutes=39.99)

    def test_processes_end_too(self, tmp_path: Path) -> None:
        """The rest of the alerts is not assessed."""
        lines = [line(n / 100, raw(n, subject=user(n))) for n in range(9_000)]
        backtest = Backtest(a_folder(tmp_path / "a"), alone=0)
        report = backtest.run(Given(lines), self.stopped(2_000))
        assert (report.unfinished, report.alerts) == (True, 2_000)

    def test_progress_counts_alerts(self, tmp_path: Path) -> None:
        """Up to all of them."""
        steps = list[tuple[int, int]]()
        lines = [line(n / 100, raw(n)) for n in range(4_500)]
        Backtest(a_folder(tmp_path / "a")).run(
            Given(lines), lambda each: steps.append((each.done, each.total))
        )
        assert steps == [(2_000, 4_500), (4_000, 4_500), (4_500, 4_500)]


def test_processes_change_nothing(tmp_path: Path) -> None:
    """The report is the same as that of one process, with two folders, people and labels."""
    chance = Random(7)
    limits = {**LIMITS, "automation": {"detector": {"most": 9, "within": "1h"}}}
    auto = [{"when": "alert.score >= 0.95", "preset": "mute"}]
    more: dict[str, Any] = {"bands": BANDS, "protect": [MUTE], "silence": {"at_most": "1h"}}
    more |= {"sample": {"auto": 0.1, "log": 0.1}, "auto": auto}
    new = a_folder(tmp_path / "a", files={"limits": limits}, **more)
    old = a_folder(tmp_path / "b", playbook("raid", match="alert.score > 0.8", order=1), **more)
    lines = []
    for number in range(7_000):
        alert = raw(
            chance.randrange(6_000),
            kind=chance.choice(["spam", "odd", "値"]),
            score=chance.random(),
            subject=user(chance.randrange(300)),
            title=chance.choice("abc"),
        )
        lines.append(Line(T0.timestamp() + number, json.dumps(alert), chance.random() < 0.5))
    reports = [
        Backtest(new, old, People(3, 4), labelled=True, alone=alone).run(Given(lines))
        for alone in (0, 1_000_000)
    ]
    one, other = (each.model_copy(update={"seconds": 0.0}) for each in reports)
    assert one == other
    assert one.invalid > 2_000
    assert one.duplicates > 500
    assert min(one.cases, one.logged, one.silenced, one.auto) > 0
    assert one.against is not None
    assert min(one.against.counts["playbook"], one.against.counts["actions"]) > 0
