"""Thread of a case: one line per event."""

from collections.abc import Callable

import pytest

from activities.slack.thread import lines_message
from tests.activities.slack.cases import BAN, MUTE, SATO, TANAKA, Story
from tests.activities.slack.drawn import reader, seen, spoken
from workflows.domain.case import commands as cmd
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.domain.case.view import view_of
from workflows.domain.values import Language

REFUSED = Problem(kind=ProblemKind.REFUSED, status=409)


def last(story: Story, language: Language) -> str:
    """The last line, with times in Tokyo's zone."""
    drawn = lines_message(tuple(story.recorded[-1:]), view_of(story.case), reader(language))
    return seen(drawn)[0]


def failed() -> Story:
    return Story().ban_asked().approved().reported(BAN, ActionStatus.FAILED, 6, REFUSED)


@pytest.mark.parametrize(
    ("tell", "ja", "en"),
    [
        (
            lambda: Story().claimed(),
            "12:04 佐藤さんが担当になりました",
            "12:04 佐藤 claimed this",
        ),
        (
            lambda: Story().claimed().then(cmd.Release(by=TANAKA), 2),
            "12:05 田中さんが佐藤さんの担当を外しました",
            "12:05 田中 released 佐藤’s claim",
        ),
        (
            lambda: Story().then(cmd.Tick(), 2),
            "12:05 <!subteam^S0SHIFT> 担当者がまだいません。対応をお願いします。",
            "12:05 <!subteam^S0SHIFT> Nobody has claimed this yet. Please take a look.",
        ),
        (
            lambda: Story().claimed().then(cmd.Tick(), 10),
            "12:13 <!subteam^S0LEAD> まだ判断されていません。対応をお願いします。",
            "12:13 <!subteam^S0LEAD> Not decided yet. Please take a look.",
        ),
        (
            lambda: Story().then(cmd.Escalate(by=SATO), 1),
            "12:04 <!subteam^S0LEAD> 佐藤さんが確認を求めています。",
            "12:04 <!subteam^S0LEAD> 佐藤 asks you to take a look.",
        ),
        (
            lambda: Story().ban_asked(),
            "12:06 リードに承認を依頼しました（期限 12:36）",
            "12:06 Approval requested from: lead (due 12:36)",
        ),
        (
            lambda: Story().ban_asked().approved(),
            "12:08 田中さんが承認しました",
            "12:08 田中 approved",
        ),
        (
            lambda: Story().ban_asked().rejected(),
            "12:08 田中さんが却下しました「証拠が足りません」",
            "12:08 田中 rejected the decision: “証拠が足りません”",
        ),
        (
            failed,
            "12:09 強制退会: 実行できませんでした。プラットフォームに拒否されました（409）",
            "12:09 Permanent ban: failed (the platform refused it (409))",
        ),
        (
            lambda: failed().then(cmd.Retry(by=SATO), 7),
            "12:10 佐藤さんが再試行しました",
            "12:10 佐藤 retried",
        ),
        (
            lambda: failed().then(cmd.GiveUp(by=SATO), 7),
            "12:10 佐藤さんが実行を中止しました",
            "12:10 佐藤 gave up",
        ),
        (
            lambda: Story().muted().reported(MUTE, ActionStatus.DONE),
            "12:07 完了: 違反",
            "12:07 Closed: Violation",
        ),
    ],
)
def test_each_event_is_a_line(tell: Callable[[], Story], ja: str, en: str) -> None:
    """A line has time, person and event; escalations mention people."""
    assert last(tell(), Language.JA) == ja
    assert last(tell(), Language.EN) == en


def test_several_lines_are_one_message() -> None:
    """The notification text has all lines."""
    story = Story().claimed().ban_asked()
    lines = tuple(each for each in story.recorded if each.event.in_thread)
    drawn = lines_message(lines, view_of(story.case), reader())
    assert spoken(drawn).split("\n") == [
        "ケース K7Q2F9XM0 の経緯",
        "12:04 佐藤さんが担当になりました",
        "12:06 佐藤さんの判断: 強制退会「プロフィールと配信で計3回、LINE IDを提示」",
        "12:06 リードに承認を依頼しました（期限 12:36）",
    ]
    assert drawn.metadata["event_payload"] == {"case": "K7Q2F9XM0", "through": 4}
