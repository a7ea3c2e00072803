"""Each click gets an answer of its own, if there is any way to give one."""

from tests.chaos.matching import Matching


def test_who_came_first_makes_room_for_who_has_no_choice() -> None:
    """The first one would also do with something else."""
    matching = Matching(["claim", "clear"])
    assert matching.give("claim", ["event", "message"])
    assert matching.give("clear", ["event"])
    assert not matching.free("message")


def test_one_answer_is_not_enough_for_two() -> None:
    """A lost click shows, however many others were answered."""
    matching = Matching(["claim", "clear"])
    assert matching.give("claim", ["message"])
    assert not matching.give("clear", ["message"])


def test_an_answer_that_nobody_wants_stays_free() -> None:
    """Somebody did something that was never pressed."""
    matching = Matching(["claim"])
    assert matching.give("claim", ["event"])
    assert matching.free("another event")
