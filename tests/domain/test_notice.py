"""What the person acted upon reads: everything that has to be told, and nothing twice."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.domain.alert import Subject
from workflows.domain.notice import Letter, Measure, lasting, letter_text
from workflows.domain.playbook.lookups import NoticeCall
from workflows.domain.text import Text

CALL = NoticeCall(path="/v1/users/{subject.id}/notices")
U_123 = Subject(type="user", id="u_123")
WARN = Measure(title=Text(ja="警告", en="Warn"))
MUTE = Measure(title=Text(ja="コメント制限", en="Mute"), lasts=timedelta(hours=24))


def letter(frame: str, **values: str) -> Letter:
    """A letter with one text for both languages."""
    said = {name.replace("_", "."): Text(ja=text, en=text) for name, text in values.items()}
    return Letter(person=U_123, call=CALL, frame=Text(ja=frame, en=frame), values=said)


def test_actions_are_told_with_their_time() -> None:
    """In both languages, those that were done before first."""
    told = letter("{actions}").model_copy(update={"done": (WARN,)})
    assert letter_text(told, (MUTE,)) == Text(
        ja="警告、コメント制限（24時間）", en="Warn, Mute (24 hours)"
    )


def test_what_is_put_in_is_not_read_again() -> None:
    """An id that looks like a placeholder stays an id."""
    told = letter("{facts} {subject.id}", facts="事実", subject_id="{facts}{actions}")
    assert letter_text(told, (WARN,)).ja == "事実 {facts}{actions}"


def test_a_placeholder_that_nobody_fills_stays_visible() -> None:
    """Better than a hole in what a person is told."""
    assert letter_text(letter("{nothing}"), ()).ja == "{nothing}"


@pytest.mark.parametrize(
    ("lasts", "ja", "en"),
    [
        (timedelta(hours=24), "24時間", "24 hours"),
        (timedelta(days=7), "7日", "7 days"),
        (timedelta(minutes=15), "15分", "15 minutes"),
        (timedelta(minutes=1), "1分", "1 minute"),
        (timedelta(hours=1), "1時間", "1 hour"),
        (timedelta(seconds=90), "90秒", "90 seconds"),
    ],
)
def test_a_time_is_told_exactly(lasts: timedelta, ja: str, en: str) -> None:
    """In the largest unit that it is a whole number of."""
    assert lasting(lasts) == Text(ja=ja, en=en)


@given(st.integers(1, 10**7))
def test_no_time_is_told_as_nothing(seconds: int) -> None:
    """Whatever its length, and never rounded."""
    told = lasting(timedelta(seconds=seconds))
    count, unit = told.en.split(" ")
    size = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}[unit.removesuffix("s")]
    assert int(count) * size == seconds
    assert told.ja.startswith(count)
