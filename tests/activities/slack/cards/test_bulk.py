"""Bulk decision on cards: subjects, impact and progress."""

import pytest

from activities.slack.blocks import Message
from activities.slack.cards.approval import approval_card
from activities.slack.cards.buttons import entries
from activities.slack.cards.case import case_card
from activities.slack.cards.decision import tally_words
from activities.slack.thread import lines_message
from tests.activities.slack.cases import PLAYBOOK, POLICY, SATO, TANAKA, Story
from tests.activities.slack.drawn import faults, pressable, reader, seen
from tests.workflows.domain.case.bulk_builders import bulk_news
from workflows.domain.case import commands as cmd
from workflows.domain.case.bulk import Bulk, Impact, Sum, Tally
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.view import view_of
from workflows.domain.values import Language, Text

HOSTILE = "<!channel> *x* https://evil.example"
REACH = Impact(
    sums=(
        Sum(title=Text(ja="出品中", en="Active listings"), total=812),
        Sum(title=Text(ja=HOSTILE, en=HOSTILE), total=12345),
    ),
    sanctioned=4,
    unknown=2,
)
RINGED = POLICY.model_copy(update={"playbook": PLAYBOOK.model_copy(update={"bulk": True})})


def asked(count: int = 1000) -> Story:
    """A mute for a thousand accounts that waits for a lead's approval."""
    command = cmd.DecideBulk.model_validate(
        {
            "by": SATO,
            "actions": [{"action": "mute_user"}],
            "reason": "同じ端末",
            "bulk": Bulk(id="R0123456789AB", type="user", count=count, impact=REACH),
        }
    )
    return Story(policy=RINGED).then(command, 3)


def running(tally: Tally | None = None) -> Story:
    """An approved bulk decision with this progress."""
    story = asked().approved()
    return story if tally is None else story.then(bulk_news(story.case, tally), 6)


HALF = Tally(total=1000, step=1, done=312, failed=3)


def card(story: Story, language: Language = Language.JA) -> Message:
    return case_card(view_of(story.case), reader(language))


def labels(message: Message) -> list[str]:
    return [each["text"]["text"] for each in pressable(message) if each["type"] == "button"]


def test_the_menu_has_it_where_the_playbook_says_so() -> None:
    """Other playbooks do not offer bulk decisions."""
    assert "bulk" in entries(view_of(Story(policy=RINGED).case))[:5]
    assert "bulk" not in entries(view_of(Story().case))


def test_the_card_has_subjects_and_impact_before_it_is_carried_out() -> None:
    """The decision shows its impact; markup in titles is escaped."""
    shown = seen(card(asked()))
    text = "\n".join(shown)
    assert "コメント制限 24時間（一括 1,000件）" in text
    assert "対象 1,000件 · 措置中 4件 · 出品中 812 · " in text
    assert "プラットフォームで見つからない対象 2件" in text
    assert "https://evil" not in text
    assert faults(card(asked())) == []


@pytest.mark.parametrize(
    ("language", "words", "subjects"),
    [
        (Language.JA, "312/1,000 完了・失敗 3", "対象 1,000件"),
        (Language.EN, "312/1,000 done · 3 failed", "1,000 subjects"),
    ],
)
def test_progress_is_a_bar_in_words(language: Language, words: str, subjects: str) -> None:
    """Screen readers can read it, in both languages."""
    text = "\n".join(seen(card(running(HALF), language)))
    assert words in text
    assert subjects in text


def test_a_running_bulk_can_be_stopped_and_listed() -> None:
    """Stop disappears after the first click on it."""
    assert labels(card(running(HALF)))[:2] == ["一括実行を停止する", "対象を見る"]
    stopped = running(HALF).then(cmd.StopBulk(by=SATO), 7)
    assert labels(card(stopped))[0] == "対象を見る"
    assert "佐藤さんが停止しました。実行中の分が終わりしだい止まります。" in "\n".join(
        seen(card(stopped))
    )


def test_what_failed_offers_retry_give_up_and_the_list() -> None:
    """The buttons equal those of a single action."""
    story = running(HALF)
    over = Tally(total=1000, step=2, done=997, failed=3)
    story.then(bulk_news(story.case, over, ActionStatus.FAILED), 8)
    assert labels(card(story))[2:] == ["対象を見る"]
    assert "一括実行を停止する" not in labels(card(story))


def test_an_undo_says_how_many() -> None:
    """The question has the number of subjects."""
    story = running(HALF)
    over = Tally(total=1000, step=2, done=1000)
    story.then(bulk_news(story.case, over, ActionStatus.VERIFIED), 8)
    undo = next(c for c in pressable(card(story)) if c["action_id"] == "action.undo")
    assert "対象 1,000件" in undo["confirm"]["text"]["text"]


def test_the_approver_sees_the_reach_and_can_list_everybody() -> None:
    """The approval card has the impact and a list button."""
    view = view_of(asked().case)
    assert view.approval is not None
    assert view.decision is not None
    message = approval_card(view, view.approval, view.decision, reader(), None)
    text = "\n".join(seen(message))
    assert "影響: 対象 1,000件" in text
    assert "影響範囲: 対象 1,000件 · 措置 1,000件" in text
    assert "対象を見る" in labels(message)
    assert faults(message) == []


def test_the_thread_names_who_stopped_it() -> None:
    """Progress is on the card only."""
    story = running(HALF).then(cmd.StopBulk(by=TANAKA), 7)
    told = seen(lines_message((story.recorded[-1],), view_of(story.case), reader()))
    assert told == ["12:10 田中さんが一括実行を停止しました"]


@pytest.mark.parametrize(
    ("tally", "ja", "en"),
    [
        (Tally(total=3), "0/3 完了", "0/3 done"),
        (Tally(total=60, done=25, skipped=35), "25/60 完了・見送り 35", "25/60 done · 35 skipped"),
        (Tally(total=60, undone=60), "取り消し 60", "60 undone"),
        (
            Tally(total=60, done=2, undone=58),
            "2/60 完了・取り消し 58",
            "2/60 done · 58 undone",
        ),
        (
            Tally(total=60, done=50, drifted=1, retrying=9),
            "50/60 完了・反映を確認できない 1・再試行中 9",
            "50/60 done · 1 not showing on the platform · 9 retrying",
        ),
        (Tally(total=60, lifted=60), "期間終了 60", "60 expired"),
    ],
)
def test_counts_say_what_there_is(tally: Tally, ja: str, en: str) -> None:
    """Counts of zero are left out."""
    assert tally_words(tally, reader(Language.JA)) == ja
    assert tally_words(tally, reader(Language.EN)) == en
