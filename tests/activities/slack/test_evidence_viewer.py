"""Evidence modal: one piece, complete, escaped and within Slack's limits."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from slack_sdk.models.views import View as SlackView

from activities.slack.escape import pieces, plain, units
from activities.slack.evidence import Viewer
from activities.slack.handles import PieceHandle, decode_piece, encode_piece
from deploy.sandbox.slack.blockkit.blocks import Surface
from deploy.sandbox.slack.blockkit.views import check_view, too_large
from deploy.sandbox.slack.screen import controls, visible_text
from tests.activities.slack.drawn import reader
from tests.activities.slack.test_limits import MENTION, WORDS
from tests.selection import examples
from workflows.domain.alerts import AlertEvidence
from workflows.domain.case.commands import Modal
from workflows.domain.values import Language, Text

MODAL = Modal(id="evidence/0123456789abcdef01234567", carries='{"case":"K7Q2F9XM0"}')
PIECE = PieceHandle("K7Q2F9XM0", 3, 1, "live-chat/chat-000001")


def alert(title: str = "LINEへの誘導") -> AlertEvidence:
    """An alert detected at noon in Tokyo."""
    return AlertEvidence(
        key="live-chat/chat-000001",
        kind="off_platform",
        detector="live-chat",
        occurred_at=datetime(2026, 11, 23, 3, 0, 5, tzinfo=UTC),
        score=0.98,
        title=Text(ja=title, en="Moved the buyer to LINE"),
    )


def viewer(language: Language = Language.JA) -> Viewer:
    return Viewer(reader(language), MODAL)


def checked(view: dict[str, Any]) -> dict[str, Any]:
    """A view that is valid for the sandbox and for slack_sdk."""
    assert check_view(view, Surface.MODAL) == []
    assert not too_large(view)
    assert len(json.dumps(view)) < 250 * 1024
    SlackView(**view).to_dict()
    return view


def seen(view: dict[str, Any]) -> str:
    """The visible text, with times in Tokyo's zone."""
    return re.sub(r"<!date\^\d+\^[^|]*\|([^>]*)>", r"\1", visible_text(checked(view)))


def test_the_text_is_below_its_detector_and_time() -> None:
    """The text is quoted and defanged, with a remark that viewing is logged."""
    assert seen(viewer().words(alert(), "住所 https://ex.com/a")) == (
        "*LINEへの誘導* · 12:00:05 · live-chat · スコア 0.98\n"
        "住所 hxxps://ex[.]com/a\n"
        "表示したことを記録しました。閉じると、また隠れます。"
    )
    assert seen(viewer(Language.EN).words(alert(), "x")) == (
        "*Moved the buyer to LINE* · 12:00:05 · live-chat · Score 0.98\n"
        "x\n"
        "Viewing was logged. Close this to hide it again."
    )


def test_an_image_is_a_file_with_alt_text() -> None:
    """The view has no address and no link."""
    view = checked(viewer().image(alert(), "F0AAAAAAAA"))
    assert view["blocks"][1] == {
        "type": "image",
        "slack_file": {"id": "F0AAAAAAAA"},
        "alt_text": "検知「LINEへの誘導」の画像",
    }


@pytest.mark.parametrize("why", ["forbidden", "gone", "too_large", "no_image"])
def test_a_failure_for_good_is_a_sentence_alone(why: str) -> None:
    """A retry would not help, so there is no button."""
    view = checked(viewer().failed(why, None))
    assert seen(view).endswith(("。", "。)"))
    assert controls(view) == []


def test_a_failure_that_may_pass_can_be_tried_again() -> None:
    """The button has the same piece."""
    view = checked(viewer().failed("unavailable", PIECE))
    assert seen(view).splitlines()[-1] == "[もう一度試す]"
    (again,) = controls(view)
    assert decode_piece(again.element["value"]) == PIECE


def test_every_view_stays_the_modal_that_waits() -> None:
    """Its external id and metadata do not change."""
    for view in (viewer().loading(), viewer().refused("いいえ。"), viewer().words(alert(), "")):
        assert (view["external_id"], view["private_metadata"]) == (MODAL.id, MODAL.carries)
        checked(view)
    assert "表示できる文字がありません。" in seen(viewer().words(alert(), " \u200b\n"))


def test_three_thousand_characters_of_four_bytes_are_whole() -> None:
    """Thirty thousand characters are cut with a remark."""
    assert seen(viewer().words(alert(), "𠮷" * 3_000)).count("𠮷") == 3_000
    assert "先頭だけ" in seen(viewer().words(alert(), "𠮷" * 30_000))


@pytest.mark.property
@settings(max_examples=examples(60), deadline=None)
@given(words=WORDS, title=WORDS)
@example(words="<!channel> <@U1> https://ex.com", title="<!here> *b* https://ex.com")
def test_no_words_mention_format_or_break_a_modal(words: str, title: str) -> None:
    """Evidence and title are hostile."""
    view = checked(viewer().words(alert(title), words))
    mrkdwn = [b["text"]["text"] for b in view["blocks"] if b["type"] == "section"]
    assert not any(MENTION.search(each) for each in mrkdwn)
    assert "https://" not in json.dumps(view)


@pytest.mark.property
@settings(max_examples=examples(200), deadline=None)
@given(text=WORDS | st.text(max_size=400), size=st.integers(8, 90))
@example(text="a https://ex.com/abc b", size=8)
def test_a_text_in_pieces_is_the_whole_of_it(text: str, size: int) -> None:
    """Cuts only lose whitespace, no piece is too long, and no cut creates a link."""
    parts = pieces(text, size)
    whole = plain(text, 100_000)
    assert "".join("".join(parts).split()) == "".join(whole.split())
    assert all(0 < units(part) <= size for part in parts)


def test_a_cut_comes_behind_a_line_or_a_word() -> None:
    """The cut is at a line or word break in the second half, if there is one."""
    assert pieces("一行目です\n二行目です", 8) == ["一行目です", "二行目です"]
    assert pieces("one two three", 9) == ["one two", "three"]
    assert pieces("👨‍👩‍👧" * 3, 9) == ["👨‍👩‍👧"] * 3
    assert pieces("", 9) == []


@pytest.mark.parametrize(
    "value",
    [
        "K7Q2F9XM0:3:1:live-chat/",
        "K7Q2F9XM0:3:1:chat-1",
        "K7Q2F9XM0:3:100:live-chat/chat-1",
        "K7Q2F9XM0:3:-1:live-chat/chat-1",
        "k7q2f9xm0:3:1:live-chat/chat-1",
        "K7Q2F9XM0:3",
        "",
    ],
)
def test_a_value_that_koban_did_not_make_names_nothing(value: str) -> None:
    """An invalid button value is ignored."""
    assert decode_piece(value) is None


@given(id_=st.text(min_size=1, max_size=256), item=st.integers(0, 99))
def test_a_piece_is_found_by_its_button(id_: str, item: int) -> None:
    """Alert ids can have colons; a button value has at most 2,000 characters."""
    piece = PieceHandle("K7Q2F9XM0", 12, item, f"d.1/{id_}")
    assert decode_piece(encode_piece(piece)) == piece
    assert len(encode_piece(piece)) < 2_000
