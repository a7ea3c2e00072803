"""Alerts that people make."""

import pytest

from tests.workflows.domain.builders import T0, an_alert
from workflows.domain.alerts import (
    Alert,
    ManualAlert,
    TextEvidence,
    attributes_of,
    brief,
    may_open,
)
from workflows.domain.people import Role

HAND = ManualAlert(by="U0SATO", note="電話", link="https://x.slack.com/archives/C1/p1")


def made(detector: str, **attributes: object) -> Alert:
    """An alert of `detector`."""
    given = {"detector": detector, "attributes": attributes, "occurred_at": T0}
    return an_alert().model_copy(update=given)


@pytest.mark.parametrize("detector", ["people", "reports"])
def test_a_card_remembers_who_made_it(detector: str) -> None:
    """With the note and the way back."""
    assert brief(made(detector, **attributes_of(HAND))).manual == HAND


def test_no_detector_speaks_for_a_person() -> None:
    """The same attributes of a classifier are only attributes."""
    assert brief(made("live-chat", **attributes_of(HAND))).manual is None


@pytest.mark.parametrize("attributes", [{}, {"by": 7}, {"note": "x"}])
def test_without_a_person_nobody_made_it(attributes: dict[str, object]) -> None:
    """With any other attributes."""
    assert brief(made("people", **attributes)).manual is None


def test_a_long_note_is_cut_off_on_the_card() -> None:
    """A brief is bounded."""
    manual = brief(made("people", by="U0SATO", note="あ" * 9000)).manual
    assert manual is not None
    assert len(manual.note) == 1000


def test_who_only_reads_opens_nothing() -> None:
    """Specialists and leads do."""
    assert {role for role in Role if may_open(frozenset({role}))} == {Role.SPECIALIST, Role.LEAD}


def test_a_case_keeps_no_sensitive_text() -> None:
    """Only that there is one: cards, events and histories have nothing to leak."""
    hidden = TextEvidence(text="口座番号 7654321", sensitive=True)
    shown = brief(an_alert().model_copy(update={"evidence": (hidden,)}))
    assert (shown.sensitive, shown.excerpt) == (True, "")
    assert "7654321" not in shown.model_dump_json()
