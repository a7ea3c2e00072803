"""Registry of the invariants, one module each."""

from collections.abc import Callable, Iterator

from tests.chaos.evidence import Evidence, Violation
from tests.chaos.invariants import (
    alerts_in_one_case,
    cards_are_true,
    chains_are_whole,
    clicks_are_answered,
    enforced_exactly_once,
    histories_can_be_played_again,
    ledger_is_temporal,
    ledger_is_what_histories_say,
    timers_are_kept,
)

INVARIANTS: dict[int, tuple[str, Callable[[Evidence], Iterator[Violation]]]] = {
    module.NUMBER: (module.__name__.rpartition(".")[2].replace("_", " "), module.check)
    for module in (
        alerts_in_one_case,
        clicks_are_answered,
        enforced_exactly_once,
        cards_are_true,
        timers_are_kept,
        chains_are_whole,
        ledger_is_temporal,
        histories_can_be_played_again,
        ledger_is_what_histories_say,
    )
}


def violations(seen: Evidence) -> list[Violation]:
    """Returns every violation."""
    return [found for _, check in INVARIANTS.values() for found in check(seen)]
