"""Load generator, and the counts of a run."""

import psutil

from deploy.sandbox.slack.person import wait_until
from tests.busy import busy, counted


def test_the_counts_are_those_of_the_last_line() -> None:
    """Errors in a fixture count beside failures."""
    said = counted("2 failed, 5160 passed, 3 skipped, 5 warnings, 1 error in 10.50s (0:00:10)")
    assert said == {"failed": 2, "passed": 5160, "skipped": 3, "error": 1}


async def test_the_load_ends_with_its_block() -> None:
    """Every started process has ended."""
    with busy(2) as started:
        spinning = [psutil.Process(pid) for pid in started]
        assert len(spinning) == 2

        def works() -> bool:
            return all(each.cpu_times().user > 0 for each in spinning)

        await wait_until(works, what="some work of each")
    assert not any(each.is_running() for each in spinning)
