"""Texts of refusals: the earlier event, its person, and the next step."""

from datetime import UTC, timedelta
from typing import get_args

import pytest

from activities.slack.i18n.catalog import texts
from activities.slack.reader import Reader
from activities.slack.refusals import refusal_text
from tests.activities.slack.cases import AT
from workflows.domain.case.events import Event
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.people import Role
from workflows.domain.policy.limits import Full, Power
from workflows.domain.values import Language

NAMES = {"U0SATO": "佐藤"}
NOW = AT + timedelta(seconds=12)
KINDS = {each.model_fields["kind"].default for each in get_args(get_args(Event)[0])}


def texts_of(refusal: Refusal) -> tuple[str, str]:
    ja, en = (
        refusal_text(refusal, Reader(texts(each), UTC, NAMES), NOW, "K7Q2F9XM0")
        for each in Language
    )
    return ja, en


def by_sato(reason: Reason, what: str) -> Refusal:
    return Refusal(reason=reason, by="U0SATO", at=AT, what=what)


@pytest.mark.parametrize(
    ("refusal", "ja", "en"),
    [
        (
            by_sato(Reason.CLOSED, "case_closed"),
            "佐藤さんが12秒前に完了にしました。最新の状態をカードで確認してください。",
            "佐藤 closed it 12 seconds ago. See the card for the result.",
        ),
        (
            Refusal(reason=Reason.CLOSED, at=AT, what="case_closed"),
            "12秒前に完了しました。最新の状態をカードで確認してください。",
            "It was closed 12 seconds ago. See the card for the result.",
        ),
        (
            by_sato(Reason.CLAIMED_BY_OTHER, "case_claimed"),
            "佐藤さんが12秒前に担当になりました。進めたいときは、佐藤さんに声をかけてください。",
            "佐藤 claimed it 12 seconds ago. Please talk to 佐藤.",
        ),
        (
            by_sato(Reason.CHANGED, "rejected"),
            "佐藤さんが12秒前に却下しました。カードを確認して、もう一度選んでください。",
            "佐藤 rejected it 12 seconds ago. Please check the card and choose again.",
        ),
        (
            Refusal(reason=Reason.ROLE_NEEDED, roles=(Role.LEAD, Role.SPECIALIST)),
            "この操作ができるのはリードかスペシャリストです。必要なときは依頼してください。",
            "This needs the role lead or specialist. Please ask someone who has it.",
        ),
        (
            Refusal(reason=Reason.NOT_WAITING),
            "承認待ちの判断はありません。",
            "Nothing is awaiting approval.",
        ),
        (
            Refusal(reason=Reason.EXPIRED, at=AT),
            "承認の期限が12秒前に切れました。必要なときは、もう一度判断してもらってください。",
            "The approval expired 12 seconds ago. If it’s still needed, ask for a new decision.",
        ),
        (
            Refusal(reason=Reason.UNKNOWN_CASE),
            "ケース K7Q2F9XM0 は見つかりません。ID を確認してください。",
            "No case K7Q2F9XM0. Please check the ID.",
        ),
        (
            Refusal(reason=Reason.UNKNOWN_CASE, name="K1AB2CD3E"),
            "ケース K1AB2CD3E は見つかりません。ID を確認してください。",
            "No case K1AB2CD3E. Please check the ID.",
        ),
        (
            by_sato(Reason.CLOSED, "case_merged"),
            "佐藤さんが12秒前に別のケースに統合しました。最新の状態をカードで確認してください。",
            "佐藤 merged it into another case 12 seconds ago. See the card for the result.",
        ),
        (
            Refusal(reason=Reason.CHANGED, at=AT, what="undo_requested"),
            "12秒前に取り消しを開始しました。カードを確認して、もう一度選んでください。",
            "The undo started 12 seconds ago. Please check the card and choose again.",
        ),
        (
            Refusal(
                reason=Reason.NOT_A_COLLEAGUE, name="U0SATO", roles=(Role.LEAD, Role.SPECIALIST)
            ),
            "佐藤さんはケースを担当できません。リードかスペシャリストの人を選んでください。",
            "佐藤 can’t work cases. Please choose someone with the role lead or specialist.",
        ),
        (
            Refusal(reason=Reason.PAST_DUE, at=AT, roles=(Role.LEAD,)),
            "判断期限を過ぎる保留ができるのはリードです。期限より前の日時を選ぶか、依頼してください。",
            "Holding past the decision deadline needs the role lead. "
            "Please choose an earlier time, or ask.",
        ),
        (
            by_sato(Reason.NOT_YOUR_REQUEST, "approval_requested"),
            "これは佐藤さんの依頼です。この操作ができるのは本人だけです。",
            "This is 佐藤’s request. Only they can do this.",
        ),
        (
            by_sato(Reason.CHANGED, "something_newer"),
            "12秒前に状態が変わりました。カードを確認して、もう一度選んでください。",
            "It changed 12 seconds ago. Please check the card and choose again.",
        ),
    ],
)
def test_a_refusal_is_one_or_two_plain_sentences(refusal: Refusal, ja: str, en: str) -> None:
    """It has the reader's language, and name and time if they are known."""
    assert texts_of(refusal) == (ja, en)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_text_with_and_without_details(reason: Reason) -> None:
    """The text is short, complete and ends with a full stop."""
    for refusal in (Refusal(reason=reason), by_sato(reason, "decided")):
        ja, en = texts_of(refusal)
        assert ja.endswith("。")
        assert en.endswith(".")
        assert len(en.split(". ")) <= 3
        assert "  " not in en


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_earlier_event_has_a_text(kind: str) -> None:
    """An unknown event falls back to a text with the time of the change."""
    for by in ("U0SATO", None):
        ja, en = texts_of(Refusal(reason=Reason.CLOSED, by=by, at=AT, what=kind))
        assert "12秒前に" in ja
        assert "12 seconds ago." in en


def test_a_name_from_outside_is_made_harmless() -> None:
    """Action names come from a modal's payload."""
    refusal = Refusal(reason=Reason.UNKNOWN_ACTION, name="<!channel> *x*")
    ja = refusal_text(refusal, Reader(texts(Language.JA), UTC), NOW)
    assert ja.startswith("「&lt;!channel&gt; ∗x∗」という措置はありません。")


@pytest.mark.parametrize(
    ("power", "ja", "en"),
    [
        (
            Power.DECISIONS,
            "違反の判断の上限（1時間に5件）を超えるため実行していません。対象を減らしてください。",
            "This exceeds the limit of 5 decisions in 1 hour, so nothing was done: "
            "choose fewer subjects.",
        ),
        (
            Power.APPROVALS,
            "承認の上限（1時間に5件）を1回で超えるため、だれも承認できません。"
            "却下し、対象を減らして判断し直すよう依頼してください。",
            "This alone exceeds the limit of 5 approvals in 1 hour, so nobody can approve it: "
            "reject it and ask for fewer subjects.",
        ),
        (
            Power.UNDOS,
            "取り消しの上限（1時間に5件）を1回で超えるため、Koban では実行できません。"
            "プラットフォームの管理画面で対応してください。",
            "This alone exceeds the limit of 5 undos in 1 hour, so Koban cannot do it: "
            "use the platform’s own tools.",
        ),
    ],
)
def test_what_never_fits_names_a_step_that_helps(power: Power, ja: str, en: str) -> None:
    """Only a decision can be made for fewer subjects; waiting or a colleague never helps."""
    limit = Full(power=power, holder="U0SATO", most=5, within=timedelta(hours=1), used=0)
    assert texts_of(Refusal(reason=Reason.LIMIT_REACHED, limit=limit)) == (ja, en)
