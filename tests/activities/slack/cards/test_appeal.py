"""Appeal card in each state and both languages, with hostile texts."""

import json
import re
from datetime import timedelta

import pytest
from hypothesis import given as some
from hypothesis import settings
from hypothesis import strategies as st

from activities.slack.blocks import Message
from activities.slack.cards.appeal import appeal_card, appeal_lines, on_case_card
from activities.slack.handles import decode_appeal
from activities.slack.thread import lines_message as case_lines
from tests.activities.slack.cases import MUTE, Story
from tests.activities.slack.drawn import NAMES, faults, pressable, reader, seen, spoken
from tests.selection import examples
from tests.workflows.domain.appeal.builders import (
    MORI,
    RULES,
    a_decision,
    a_request,
    an_appeal,
    fresh,
    given,
)
from tests.workflows.domain.builders import REED, T0
from workflows.domain.appeal import commands as cmd
from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.appeal.model import Appeal
from workflows.domain.appeal.rules import apply_appeal, decide_appeal, received
from workflows.domain.case import commands as case_cmd
from workflows.domain.case.appeal_outcome import AppealAnswer, AppealOutcome, AppealSettled
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.view import view_of
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.values import Language

PEOPLE = {**NAMES, "U0REED": "Reed", "U0MORI": "森"}
LINK = "https://slack.example/p1"


def drawn(appeal: Appeal, language: Language = Language.JA) -> Message:
    """The card."""
    return appeal_card(appeal, reader(language, PEOPLE), LINK)


def settled(left: int = 0, kept: int = 0) -> cmd.SettleAppeal:
    """The case's report on the actions that are left."""
    return cmd.SettleAppeal(settled=AppealSettled(appeal="A0123456789AB", left=left, kept=kept))


def test_it_says_what_was_decided_and_what_the_person_says() -> None:
    """The card has the decision, the statement and the deadline."""
    assert seen(drawn(an_appeal())) == [
        "異議申し立て · 外部誘導 · A0123456789AB · 未対応",
        "ユーザー u_123 が、ケース K7Q2F9XM0 の判断に異議を申し立てています",
        "*佐藤さんの判断: 強制退会（MKT-4.2）* · 承認 田中さん",
        "LINE IDを提示",
        "*本人の説明*",
        "型番です",
        "担当 *未定* · 期限 12月7日 12:00",
        "判断した人と承認した人は再審査できません",
        "<https://slack.example/p1|ケースのカードを開く>",
        "[担当する] [判断を維持する…] [判断を取り消す…]",
    ]


def test_it_reads_the_same_in_english() -> None:
    """The English card has the same content and is not longer."""
    assert seen(drawn(an_appeal(), Language.EN)) == [
        "Appeal · Off-platform inducement · A0123456789AB · Open",
        "User u_123 is appealing the decision in case K7Q2F9XM0",
        "*Decision by 佐藤: Permanent ban (MKT-4.2)* · Approved by 田中",
        "LINE IDを提示",
        "*Statement*",
        "型番です",
        "*Unassigned* · Due Dec 7 12:00",
        "Anyone who made or approved the decision can’t review it",
        "<https://slack.example/p1|Open the case card>",
        "[Claim] [Uphold…] [Overturn…]",
    ]


def test_its_text_is_a_whole_sentence() -> None:
    """Phones and screen readers read only the text."""
    assert spoken(drawn(an_appeal())) == (
        "異議申し立て A0123456789AB: 未対応。"
        "ユーザー u_123 が、ケース K7Q2F9XM0 の判断に異議を申し立てています。"
        "期限は 12月7日 12:00 です。"
    )


def test_its_metadata_is_an_id_alone() -> None:
    """The whole workspace can read metadata."""
    assert drawn(an_appeal()).metadata == {
        "event_type": "koban_appeal",
        "event_payload": {"appeal": "A0123456789AB"},
    }


def test_a_button_leads_to_its_appeal_as_of_its_version() -> None:
    """The card has the reviewer's buttons; the dangerous one asks for a reason."""
    card = drawn(given(an_appeal(), cmd.ClaimAppeal(by=REED), 1))
    (row,) = [block for block in card.blocks if block["type"] == "actions"]
    assert [b["action_id"] for b in pressable(card)] == [
        "appeal.uphold",
        "appeal.overturn",
        "appeal.release",
    ]
    assert [b.get("style") for b in pressable(card)] == [None, "danger", None]
    for each in pressable(card):
        assert decode_appeal(each["value"], row["block_id"]) == ("A0123456789AB", 2)


@pytest.mark.parametrize(
    ("appeal", "lines"),
    [
        (
            given(an_appeal(), cmd.Uphold(by=REED, reason="規約どおり"), 1),
            ["*Reedさんが再審査し、判断を維持しました（11月24日 12:00）*", "規約どおり"],
        ),
        (
            given(an_appeal(), cmd.Overturn(by=REED, reason="型番"), 1),
            [
                "*Reedさんが再審査し、判断を取り消しました（11月24日 12:00）*",
                "型番",
                "措置を取り消し中です",
            ],
        ),
        (
            given(given(an_appeal(), cmd.Overturn(by=REED, reason="型番"), 1), settled(left=2), 1),
            [
                "*Reedさんが再審査し、判断を取り消しました（11月24日 12:00）*",
                "型番",
                "⚠️ 取り消せなかった措置が 2件あります。"
                "ケースのカードから、もう一度取り消してください。",
            ],
        ),
        (
            given(given(an_appeal(), cmd.Overturn(by=REED, reason="型番"), 1), settled(kept=1), 1),
            [
                "*Reedさんが再審査し、判断を取り消しました（11月24日 12:00）*",
                "型番",
                "措置を取り消しました",
                "⚠️ 元に戻せない措置が 1件残っています",
            ],
        ),
        (
            given(fresh(), cmd.FileAppeal(appealed=None), 0),
            ["*ケース K7Q2F9XM0 が見つからないため、再審査できません（12:00）*"],
        ),
        (
            given(fresh(), cmd.FileAppeal(appealed=a_decision(effective=False)), 0),
            ["*ケース K7Q2F9XM0 には有効な措置がないため、再審査の対象がありません（12:00）*"],
        ),
        (
            given(an_appeal(), cmd.WithdrawAppeal(), 2),
            ["*本人が異議申し立てを取り下げました（11月25日 12:00）*"],
        ),
    ],
    ids=["upheld", "overturned", "left", "kept", "unknown case", "nothing stands", "withdrawn"],
)
def test_a_closed_appeal_shows_its_outcome(appeal: Appeal, lines: list[str]) -> None:
    """The final card has the answer, its reason and the platform's result, without buttons."""
    card = drawn(appeal)
    shown = seen(card)
    start = shown.index(lines[0])
    assert shown[start : start + len(lines)] == lines
    assert pressable(card) == []


def test_what_can_not_be_reviewed_is_named_as_people_know_it() -> None:
    """The card has the action's title, not its key in actions.yaml."""
    nothing = given(fresh(), cmd.FileAppeal(appealed=a_decision(effective=False)), 0)
    assert "*佐藤さんの判断: 強制退会（MKT-4.2）* · 承認 田中さん" in seen(drawn(nothing))


def test_a_notice_that_could_not_be_sent_is_on_the_card() -> None:
    """The card asks a person to notify the user another way."""
    problem = Problem(kind=ProblemKind.REFUSED, status=404)
    appeal = given(an_appeal(), cmd.NoteNotice(notice=NoticeKind.RECEIVED), 1)
    appeal = given(appeal, cmd.Uphold(by=REED, reason="規約どおり"), 1)
    failed = given(appeal, cmd.NoteNotice(notice=NoticeKind.UPHELD, problem=problem), 1)
    told = (
        "⚠️ 異議申し立ての結果を本人に通知できませんでした"
        "（プラットフォームに拒否されました（404））。別の方法で伝えてください。"
    )
    assert told in seen(drawn(failed))
    [again] = pressable(drawn(failed))
    assert (again["action_id"], again["text"]["text"]) == ("appeal.retry_notice", "通知を再送する")
    assert "異議申し立ての結果を本人に通知しました" not in seen(drawn(failed))
    assert "異議申し立ての結果を本人に通知しました" not in seen(drawn(appeal))
    sent = given(appeal, cmd.NoteNotice(notice=NoticeKind.UPHELD), 1)
    assert "異議申し立ての結果を本人に通知しました" in seen(drawn(sent))


def test_an_overdue_answer_is_marked() -> None:
    """The title has the mark too."""
    shown = seen(drawn(given(an_appeal(), cmd.AppealTick(), 15)))
    assert shown[0].endswith("期限超過")
    assert "担当 *未定* · 期限 12月7日 12:00 · *期限超過*" in shown


def story(*commands: tuple[float, cmd.AppealCommand], **request: object) -> tuple[Appeal, list]:
    """An appeal and its recorded events; commands are days after T0."""
    appeal = received("A0123456789AB", a_request(**request), RULES, T0, {})
    recorded: list[AppealRecorded] = []
    for day, command in ((0, cmd.FileAppeal(appealed=a_decision())), *commands):
        outcome = decide_appeal(appeal, command, T0 + timedelta(days=day))
        assert not isinstance(outcome, Refusal), outcome
        for event in outcome:
            appeal = apply_appeal(appeal, event)
            recorded.append(AppealRecorded(seq=appeal.version, event=event))
    return appeal, recorded


WHOLE = (
    (7.0, cmd.AppealTick()),
    (8.0, cmd.ClaimAppeal(by=REED)),
    (9.0, cmd.ReleaseAppeal(by=MORI)),
    (14.0, cmd.AppealTick()),
    (15.0, cmd.Overturn(by=REED, reason="型番 <!here>")),
    (15.0, settled(left=1)),
    (16.0, settled()),
    (16.0, cmd.NoteNotice(notice=NoticeKind.OVERTURNED)),
)


def test_the_thread_has_a_line_for_each_event() -> None:
    """Only people who have to act are mentioned."""
    appeal, recorded = story(*WHOLE)
    told = appeal_lines(tuple(recorded), appeal, reader(names=PEOPLE))
    assert [line.partition(" ")[2] for line in seen(told)] == [
        "<!subteam^S0LEAD> 異議申し立てを受け付けました。"
        "再審査をお願いします（期限 12月7日 12:00）。",
        "<@U0REED> 異議申し立ての回答期限が近づいています（期限 12月7日 12:00）。",
        "Reedさんが担当になりました",
        "森さんがReedさんの担当を外しました",
        "<!subteam^S0LEAD> 異議申し立ての回答期限を過ぎました。対応をお願いします。",
        "Reedさんが担当になりました",
        "Reedさんが判断を取り消しました「型番 &lt;!here&gt;」",
        "取り消せなかった措置が 1件あります。ケースのカードから、もう一度取り消してください。",
        "措置の取り消しが完了しました",
        "異議申し立ての結果を本人に通知しました",
    ]


def test_the_case_says_how_the_appeal_ended() -> None:
    """Its card and its thread have the outcome."""
    told = Story().muted().reported(MUTE, ActionStatus.VERIFIED)
    answer = AppealAnswer(
        appeal="A0123456789AB",
        case="K7Q2F9XM0",
        decision="D1",
        outcome=AppealOutcome.UPHELD,
        by="U0REED",
        at=T0,
        reason="規約どおり",
    )
    told.then(case_cmd.AnswerAppeal(answer=answer), 60)
    view, to = view_of(told.case), reader(names=PEOPLE)
    (block,) = on_case_card(view, to)
    assert block["text"]["text"] == (
        "異議申し立て A0123456789AB: Reedさんが再審査し、判断を維持しました"
        "（<!date^1795402800^{time}|12:00>）"
    )
    (line,) = seen(case_lines((told.recorded[-1],), view, to))
    assert line.endswith(
        "異議申し立て A0123456789AB: Reedさんが再審査し、判断を維持しました「規約どおり」"
    )


MENTION = re.compile(r"<(@|!channel|!here|!everyone|#)")
WORDS = st.one_of(
    st.text(max_size=80),
    st.sampled_from(["<!channel> ", "&" * 3000, "𠮷" * 900, "https://ex.com/a", "a\n" * 300]),
)


@pytest.mark.property
@settings(deadline=None, max_examples=examples(25))
@some(WORDS, WORDS, st.sampled_from(Language))
def test_any_words_stay_within_the_limits_and_mention_nobody(
    words: str, name: str, language: Language
) -> None:
    """Statements, reasons and names are hostile, in every state."""
    reason = f"理由 {words}"
    for last in (4, len(WHOLE)):
        steps = [
            (day, step.model_copy(update={"reason": reason}) if hasattr(step, "reason") else step)
            for day, step in WHOLE[:last]
        ]
        appeal, recorded = story(*steps, statement=words[:4000])
        to = reader(language, {"U0REED": name, "U0SATO": name, "U0MORI": name, "U0TANAKA": name})
        card = appeal_card(appeal, to, LINK)
        unowned = tuple(each for each in recorded if each.event.kind != "appeal_reminded")
        thread = appeal_lines(unowned, appeal, to)
        assert faults(card) == faults(thread) == []
        for message in (card, thread):
            assert not MENTION.search(message.text + json.dumps(_mrkdwn(message)))


def _mrkdwn(message: Message) -> list[str]:
    """The texts that Slack interprets as mrkdwn."""
    found: list[str] = []
    for block in message.blocks:
        for part in (block.get("text"), *block.get("elements", [])):
            if isinstance(part, dict) and part.get("type") == "mrkdwn":
                found.append(part["text"])
    return found
