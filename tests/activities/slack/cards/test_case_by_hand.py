"""Cards of manual reports, and of withheld protections."""

import pytest

from activities.slack.cards.case import case_card
from activities.slack.thread import line
from tests.activities.slack.cases import AT, PROTECTS, Story, alert
from tests.activities.slack.drawn import faults, reader, seen
from workflows.domain.automation import AutomationPause
from workflows.domain.case import commands as cmd
from workflows.domain.case.view import CardView, view_of
from workflows.domain.values import Language

LINK = "https://koban.slack.com/archives/C0LIVE/p1763900000000100"


def made(detector: str, **more: str) -> CardView:
    """A case with one alert that a person made."""
    hand = {"by": "U0SATO", **more}
    return view_of(Story(alert(detector=detector, attributes=hand, score=None, title=None)).case)


def text_of(view: CardView, language: Language = Language.JA) -> str:
    """All text of the card, within Slack's limits."""
    drawn = case_card(view, reader(language))
    assert faults(drawn) == []
    return "\n".join(seen(drawn))


@pytest.mark.parametrize(
    ("detector", "language", "words"),
    [
        ("people", Language.JA, "佐藤さんが作成しました"),
        ("people", Language.EN, "Opened by 佐藤"),
        ("reports", Language.JA, "佐藤さんからの報告です（未確認）"),
        ("reports", Language.EN, "Reported by 佐藤 (not checked yet)"),
    ],
)
def test_a_card_says_who_made_it(detector: str, language: Language, words: str) -> None:
    """The card has the reporter's name without a mention, and no verdict."""
    assert words in text_of(made(detector), language).splitlines()


def test_a_note_and_a_permalink_are_on_the_card() -> None:
    """The reported message is the evidence."""
    shown = text_of(made("reports", note="電話で確認", link=LINK))
    assert f" · メモ「電話で確認」 · <{LINK}|元のメッセージ>" in shown


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/archives/C0LIVE/p176|<!channel>",
        "javascript:alert(1)",
        "https://evil.example/login",
    ],
)
def test_what_is_no_permalink_is_not_linked(link: str) -> None:
    """Invalid links and hostile notes are escaped."""
    shown = text_of(made("reports", note="<!channel> *x* https://e.example", link=link))
    assert "元のメッセージ" not in shown
    assert "<!channel>" not in shown
    assert "&lt;!channel&gt; ∗x∗ hxxps://e[.]example" in shown


@pytest.mark.parametrize(
    ("playbook", "language", "words"),
    [
        (
            None,
            Language.JA,
            "*自動対応は停止中です*（田中さん、12:00 から） · このケースでは自動対応していません",
        ),
        (
            "off_platform",
            Language.EN,
            "*Auto-actions of this type are paused* (by 田中, since 12:00) · None was taken here",
        ),
    ],
)
def test_a_card_says_that_automation_is_paused(
    playbook: str | None, language: Language, words: str
) -> None:
    """The card has the person and the time until the case is decided."""
    pause = AutomationPause(playbook=playbook, by="U0TANAKA", at=AT.replace(minute=0, second=0))
    story = Story(policy=PROTECTS).then(cmd.ProtectNow(rules=(0,), pauses=(pause,)))
    assert any(each.endswith(words) for each in text_of(view_of(story.case), language).splitlines())
    assert words not in text_of(view_of(story.muted().case), language)


def test_the_thread_says_that_no_protection_started() -> None:
    """The line appears once."""
    pause = AutomationPause(by="U0TANAKA", at=AT)
    story = Story(policy=PROTECTS).then(cmd.ProtectNow(rules=(0,), pauses=(pause,)))
    words = line(story.recorded[-1], view_of(story.case), reader())
    assert words.endswith("自動対応は停止中のため、実行しませんでした（田中さんが停止）")
