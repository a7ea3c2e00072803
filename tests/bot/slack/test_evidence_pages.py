"""Evidence pages: every piece is on one of them, and each fits Slack's limits."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.slack.escape import pieces, plain
from activities.slack.i18n.catalog import texts
from activities.slack.reader import Reader
from bot.slack.evidence.pages import (
    ALERTS,
    MOST_TRAIL,
    Hidden,
    ListState,
    Page,
    Start,
    Words,
    encode,
    list_view,
    page_at,
    pieces_of,
    read_start,
)
from bot.slack.interactions import Unreadable
from bot.slack.modals.metadata import decode
from deploy.sandbox.slack.blockkit.blocks import Surface
from deploy.sandbox.slack.blockkit.views import check_view, too_large
from tests.bot.slack.fake_evidence import an_alert, image, words
from tests.bot.slack.fakes import CASE, NOW, ROUTE
from tests.selection import examples
from workflows.domain.alerts import AlertEvidence
from workflows.domain.values import Language

STATE = ListState(
    workflow_id=ROUTE, case=CASE, version=3, channel="C0LIVE", language=Language.JA, until=NOW
)


def all_pages(alerts: list[AlertEvidence]) -> list[tuple[Start, Page]]:
    """Every page in order."""
    start: Start | None = Start()
    found = []
    while start is not None:
        page = page_at(start, alerts[start.skip : start.skip + ALERTS], len(alerts))
        found.append((start, page))
        start = page.next
    return found


def test_a_page_holds_eight_short_alerts() -> None:
    """Nine alerts make two pages."""
    pages = all_pages([an_alert(n, words("短い")) for n in range(9)])
    assert [len(page.parts) for _, page in pages] == [8, 1]
    assert [start for start, _ in pages] == [(0, 0), (8, 0)]


def test_a_long_text_goes_on_over_the_page() -> None:
    """Its alert is on each page, marked as continued."""
    text = "".join(f"{number:05}、" for number in range(5_000))
    pages = all_pages([an_alert(1, words(text), words("おわり"))])
    assert len(pages) == 3
    assert [page.parts[0].continued for _, page in pages] == [False, True, True]
    read = [
        piece.text
        for _, page in pages
        for part in page.parts
        for piece in part.pieces
        if isinstance(piece, Words)
    ]
    assert "".join(read) == text + "おわり"


def test_what_is_hidden_is_counted_and_says_what_it_is() -> None:
    """Every image and every sensitive text is hidden."""
    one = an_alert(1, words("見える"), words("住所です", True), image(), image(sensitive=False))
    (page,) = (page for _, page in all_pages([one]))
    assert sum(isinstance(each, Hidden) for each in page.parts[0].pieces) == 3
    assert page.parts[0].pieces[1:] == (
        Hidden(item=1, image=False, sensitive=True, characters=4),
        Hidden(item=2, image=True, sensitive=True),
        Hidden(item=3, image=True, sensitive=False),
    )


PIECE = st.one_of(
    st.text(max_size=50).map(words),
    st.integers(0, 9_000).map(lambda n: words("𠮷" * n)),
    st.integers(0, 9_000).map(lambda n: words("&<a.b " * (n // 6), True)),
    st.just(image()),
)


@pytest.mark.property
@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.lists(PIECE, max_size=60), max_size=20))
def test_nothing_is_left_out_and_no_page_is_too_much(made: list[list[dict]]) -> None:
    """Alerts have any number of pieces, of any length and with 4-byte characters."""
    alerts = [an_alert(number, *each) for number, each in enumerate(made)]
    pages = all_pages(alerts)
    read = [
        (part.alert.key, piece) for _, page in pages for part in page.parts for piece in part.pieces
    ]
    assert read == [(alert.key, piece) for alert in alerts for piece in pieces_of(alert)]
    for start, page in pages:
        for language in Language:
            reader = Reader(texts(language), UTC)
            state = STATE.model_copy(update={"start": str(start)})
            view = list_view(page, len(alerts), state, reader).to_dict()
            assert check_view(view, Surface.MODAL) == []
            assert not too_large(view)
            assert len(view["blocks"]) <= 100
            assert len(json.dumps(view)) < 250 * 1024
            assert "images.example" not in json.dumps(view)


def test_a_hundred_pieces_of_one_alert_are_all_there() -> None:
    """Each text is complete after escaping."""
    text = "https://ex.com/" + "😀あ" * 1_600
    alerts = [an_alert(n, *([words(text)] * 10 + [image()] * 90)) for n in range(2)]
    read = "".join(
        piece.text
        for _, page in all_pages(alerts)
        for part in page.parts
        for piece in part.pieces
        if isinstance(piece, Words)
    )
    assert read == plain(text, 100_000) * 20
    assert len(pieces(text, 2_800)) == 2


def test_pages_are_turned_back_as_they_were_turned() -> None:
    """The first page has no previous one."""
    third = STATE.turned_to(Start(8)).turned_to(Start(8, 4))
    assert (third.at, third.trail) == ((8, 4), ("0.0", "8.0"))
    assert third.turned_back().at == (8, 0)
    assert third.turned_back().turned_back() == STATE
    assert STATE.turned_back().at == (0, 0)


def test_a_long_way_back_is_forgotten_from_its_far_end() -> None:
    """A modal's metadata has at most 3,000 characters, so the oldest pages are dropped."""
    state = STATE
    for number in range(1, 2_000):
        state = state.turned_to(Start(number * 8, 1_234))
    assert len(encode(state)) <= 3_000
    kept = decode(encode(state), ListState)
    assert kept.trail[-1] == state.trail[-1]
    assert 50 < len(kept.trail) <= MOST_TRAIL
    assert decode(encode(STATE), ListState) == STATE


@pytest.mark.parametrize("written", ["", "{}", "[]", '{"route": "x"}', "x" * 5_000])
def test_what_koban_did_not_write_is_not_read(written: str) -> None:
    """The metadata is of another version or of another app."""
    with pytest.raises(Unreadable):
        decode(written, ListState)


@pytest.mark.parametrize("written", ["", "8", "8.x", "-1.0", "1.2.3", "9999999.0"])
def test_an_invalid_position_is_not_read(written: str) -> None:
    """The list starts at its first page."""
    assert read_start(written) is None
    assert STATE.model_copy(update={"start": written}).at == (0, 0)


def test_times_are_the_alert_s_own() -> None:
    """The time is that of the detection."""
    assert an_alert(0).occurred_at == datetime(2026, 11, 23, 3, 10, tzinfo=UTC)
