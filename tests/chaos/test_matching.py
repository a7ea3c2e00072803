"""Matching: each click gets its own answer, if there is any assignment."""

from tests.chaos.matching import Matching


def test_an_earlier_click_makes_room_for_a_later_one() -> None:
    """The earlier click can be matched with another answer."""
    matching = Matching(["claim", "clear"])
    assert matching.give("claim", ["event", "message"])
    assert matching.give("clear", ["event"])
    assert not matching.free("message")


def test_one_answer_is_not_enough_for_two() -> None:
    """A lost click is detected among many answered ones."""
    matching = Matching(["claim", "clear"])
    assert matching.give("claim", ["message"])
    assert not matching.give("clear", ["message"])


def test_an_answer_without_a_click_stays_unmatched() -> None:
    """An event without a click is detected."""
    matching = Matching(["claim"])
    assert matching.give("claim", ["event"])
    assert matching.free("another event")
