"""People in a backtest: who takes which case when, approvals, and silence after cleared content."""

from pathlib import Path
from typing import Any

import pytest

from activities.policy.loader import PolicyFolder, load_policy
from tests.activities.backtest.folders import Line, line, playbook, raw, user, written
from tests.activities.backtest.playing import Stage
from workflows.domain.backtest.report import Staffing

MUTE = {"when": "alert.score >= 0.9", "action": "mute", "for": "10m"}
AUTO = {
    "auto": [{"when": "alert.score >= 0.9", "preset": "mute"}],
    "sample": {"auto": 0.000001},
}


def a_folder(to: Path, **more: Any) -> PolicyFolder:
    """A folder with a playbook `spam`."""
    return load_policy(written(to / "policy", playbook("spam", **more)))


def spam(
    minute: float, number: int, subject: int = 1, label: bool | None = None, **more: Any
) -> Line:
    """An alert about a user."""
    return line(minute, raw(number, subject=user(subject), **more), label)


def staffing(stage: Stage, minute: float) -> Staffing:
    """The staffing after this many minutes."""
    stage.player.finish(spam(minute, 0).at)
    return stage.staffed.staffing()


class TestWork:
    def test_one_person_takes_one_case_at_a_time(self, tmp_path: Path) -> None:
        """Three cases at once and ten minutes each: they wait 0, 10 and 20 minutes."""
        stage = Stage(a_folder(tmp_path), people=1, minutes=10)
        stage.play(*(spam(0, n, subject=n) for n in range(3)))
        found = staffing(stage, 60)
        assert (found.people, found.minutes, found.handled, found.waiting) == (1, 10, 3, 0)
        assert (found.wait_median, found.wait_p90) == (10, 18)
        assert found.busy == pytest.approx(0.5)

    def test_two_people_take_two(self, tmp_path: Path) -> None:
        """The third case waits for the first of them."""
        stage = Stage(a_folder(tmp_path), people=2, minutes=10)
        stage.play(*(spam(0, n, subject=n) for n in range(3)))
        found = staffing(stage, 60)
        assert (found.handled, found.wait_median) == (3, 0)
        assert found.busy == pytest.approx(0.25)

    def test_the_worst_case_goes_first(self, tmp_path: Path) -> None:
        """Then the oldest: the medium ones wait until the high one is done."""
        stage = Stage(a_folder(tmp_path), people=1, minutes=10)
        stage.play(
            spam(0, 1, subject=1),
            spam(1, 2, subject=2),
            spam(2, 3, subject=3),
            spam(3, 4, subject=4, score=0.95),
        )
        stage.player.finish(spam(21, 0).at)
        claimed = {
            group.split(":")[-1]: case.claimed_at for group, case in stage.player.open.items()
        }
        assert claimed == {"u_2": spam(20, 0).at, "u_3": None}

    def test_a_case_that_becomes_worse_moves_forward(self, tmp_path: Path) -> None:
        """While it waits."""
        stage = Stage(a_folder(tmp_path), people=1, minutes=10)
        stage.play(
            spam(0, 1, subject=1),
            spam(1, 2, subject=2),
            spam(2, 3, subject=3),
            spam(3, 4, subject=3, score=0.95),
        )
        stage.player.finish(spam(11, 0).at)
        claimed = {
            group.split(":")[-1]: case.claimed_at for group, case in stage.player.open.items()
        }
        assert claimed == {"u_2": None, "u_3": spam(10, 0).at}

    def test_the_share_of_work_ends_with_the_alerts(self, tmp_path: Path) -> None:
        """A case that was taken a minute before counts for that minute."""
        stage = Stage(a_folder(tmp_path), people=1, minutes=10)
        stage.play(spam(0, 1, subject=1), spam(19, 2, subject=2))
        found = staffing(stage, 20)
        assert (found.handled, found.waiting) == (1, 1)
        assert found.busy == pytest.approx(11 / 20)

    def test_late_claims_and_decisions(self, tmp_path: Path) -> None:
        """High: ten minutes to claim and thirty to decide, also for cases that nobody has taken."""
        stage = Stage(a_folder(tmp_path), people=1, minutes=20)
        stage.play(*(spam(0, n, subject=n, score=0.95) for n in range(4)))
        found = staffing(stage, 45)
        assert (found.handled, found.waiting) == (2, 2)
        assert (found.late_claims, found.late_decisions) == (3, 3)

    def test_without_cases_nobody_works(self, tmp_path: Path) -> None:
        """All numbers are zero."""
        found = staffing(Stage(a_folder(tmp_path), people=3), 10)
        assert (found.handled, found.busy, found.wait_median, found.wait_p90) == (0, 0, 0, 0)

    def test_a_decided_case_gets_no_more_alerts(self, tmp_path: Path) -> None:
        """The next one opens another case."""
        stage = Stage(a_folder(tmp_path), people=1, minutes=5)
        stage.play(spam(0, 1), spam(4, 2), spam(5, 3), spam(6, 4))
        assert stage.player.counts.cases == 2

    def test_a_claimed_case_calls_nobody_to_claim_it(self, tmp_path: Path) -> None:
        """The leads are still called where it is not decided in time."""
        stage = Stage(a_folder(tmp_path), people=1, minutes=60)
        stage.play(spam(0, 1, score=0.95))
        stage.player.finish(spam(40, 0).at)
        assert stage.player.counts.escalations == 1


class TestAutomation:
    def test_automation_comes_before_people(self, tmp_path: Path) -> None:
        """A case that Koban decides at its first alert takes nobody's time."""
        stage = Stage(a_folder(tmp_path, **AUTO), people=1, minutes=10)
        started = stage.play(
            spam(0, 1, subject=1, score=0.95), spam(1, 2, subject=2), spam(2, 3, subject=3)
        )
        assert started == [("mute", "mute"), (), ()]
        found = staffing(stage, 60)
        assert (found.handled, found.wait_median) == (2, 4.5)

    def test_koban_decides_no_case_that_a_person_works_on(self, tmp_path: Path) -> None:
        """Protections still start."""
        stage = Stage(a_folder(tmp_path, protect=[MUTE], **AUTO), people=1, minutes=10)
        assert stage.play(spam(0, 1), spam(1, 2, score=0.95)) == [(), ("mute",)]
        assert stage.player.counts.auto == 0

    def test_a_claim_quiets_the_steps_that_wait_for_one(self, tmp_path: Path) -> None:
        """The step would protect after five minutes, unless claimed."""
        step = {"after": "5m", "unless": "claimed", "notify": "lead"}
        ladder = [{**step, "protect": {"action": "mute", "for": "15m"}}]
        # A claim ends without activity; who works on a case is active.
        claims = {"idle": "3m", "warn": "1m"}
        stage = Stage(a_folder(tmp_path, escalation=ladder, claims=claims), people=1, minutes=10)
        stage.play(spam(0, 1, subject=1), spam(0, 2, subject=2))
        stage.player.finish(spam(30, 0).at)
        assert stage.player.counts.actions == {"mute": 1}


class TestApprovals:
    def test_a_preset_that_needs_an_approval(self, tmp_path: Path) -> None:
        """Each decision requests one."""
        ban = [{"id": "ban", "title": {"ja": "退会", "en": "Ban"}, "actions": ["ban"]}]
        stage = Stage(a_folder(tmp_path, presets=ban), people=1)
        stage.play(spam(0, 1), spam(10, 2, label=False), spam(20, 3))
        stage.player.finish(spam(60, 0).at)
        assert stage.player.counts.approvals == 2

    def test_a_later_alert_names_the_subject(self, tmp_path: Path) -> None:
        """Without its stream the preset would be refused, and nobody would be asked."""
        preset = {"id": "p", "title": {"ja": "停止", "en": "P"}, "actions": ["pause", "ban"]}
        stage = Stage(a_folder(tmp_path, presets=[preset]), people=1)
        named = [{"type": "stream", "id": "s_1"}]
        stage.play(spam(0, 1), spam(1, 2, related=named), spam(10, 3))
        stage.player.finish(spam(60, 0).at)
        assert stage.player.counts.approvals == 1


class TestSilence:
    """Alerts about content that people have cleared."""

    @pytest.fixture
    def stage(self, tmp_path: Path) -> Stage:
        """One person, five minutes a case."""
        return Stage(a_folder(tmp_path, silence={"at_most": "1h"}), people=1, minutes=5)

    def test_cleared_content_opens_no_case(self, stage: Stage) -> None:
        """Until it changes, or the time is over."""
        stage.play(
            spam(0, 1, title="a", label=False),
            spam(1, 2, title="b"),
            spam(6, 3, title="a"),
            spam(7, 4, title="b"),
        )
        assert (stage.player.counts.cases, stage.player.counts.silenced) == (1, 2)
        stage.play(spam(8, 5, title="c", label=True))
        assert (stage.player.counts.cases, stage.player.counts.silenced) == (2, 2)

    @pytest.mark.parametrize(("minute", "silenced"), [(64, 1), (65, 0)])
    def test_it_ends_in_time(self, stage: Stage, minute: int, silenced: int) -> None:
        """An hour after the decision, at five minutes."""
        stage.play(spam(0, 1, title="a", label=False), spam(minute, 2, title="a"))
        assert stage.player.counts.silenced == silenced

    @pytest.mark.parametrize(
        "more",
        [
            {"score": 0.95, "title": "a"},
            {"detector": "people", "title": "a"},
            {"subject": {"type": "user", "id": "u_9"}, "title": "a"},
            {},
        ],
        ids=["worse", "by a person", "another subject", "nothing to compare"],
    )
    def test_others_are_heard(self, stage: Stage, more: dict[str, Any]) -> None:
        """Each opens a case."""
        stage.play(spam(0, 1, title="a", label=False), line(6, raw(2, **more)))
        assert (stage.player.counts.cases, stage.player.counts.silenced) == (2, 0)

    @pytest.mark.parametrize("label", [True, None])
    def test_a_violation_silences_nothing(self, stage: Stage, label: bool | None) -> None:
        """And so does a case without a label."""
        stage.play(spam(0, 1, title="a", label=label), spam(6, 2, title="a"))
        assert stage.player.counts.silenced == 0

    def test_the_newest_case_counts(self, stage: Stage) -> None:
        """A violation after a cleared case ends the silence, and so does a case that is open."""
        stage.play(spam(0, 1, title="a", label=False), spam(6, 2, title="b", label=True))
        stage.play(spam(12, 3, title="a"))
        assert (stage.player.counts.cases, stage.player.counts.silenced) == (3, 0)

    def test_an_open_case_of_another_group_counts(self, tmp_path: Path) -> None:
        """The subject's newest case of the playbook is not closed, so nothing is silenced."""
        folder = a_folder(tmp_path, silence={"at_most": "1h"}, group_by=["attributes.room"])
        stage = Stage(folder, people=1, minutes=5)
        stage.play(
            spam(0, 1, title="a", label=False, attributes={"room": 1}),
            spam(6, 2, title="b", attributes={"room": 2}),
            spam(7, 3, title="a", attributes={"room": 3}),
        )
        assert (stage.player.counts.cases, stage.player.counts.silenced) == (3, 0)

    def test_content_of_a_case_that_koban_decided_is_not_cleared(self, tmp_path: Path) -> None:
        """Another case that people clear does not have it."""
        folder = a_folder(tmp_path, silence={"at_most": "1h"}, **AUTO)
        stage = Stage(folder, people=1, minutes=5)
        for number in range(50):
            at = 10.0 * number
            shown = f"a {number}"
            stage.play(spam(at, 10 * number, score=0.95, title=shown))
            stage.play(spam(at + 1, 10 * number + 1, title="b", label=False))
            stage.play(spam(at + 7, 10 * number + 2, title=shown, label=True))
        assert stage.player.counts.silenced == 0
