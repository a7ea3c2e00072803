"""Hash chains: each is intact, as `koban audit verify` checks."""

from collections.abc import Iterator

from tests.chaos.evidence import Evidence, Violation

NUMBER = 6


def check(seen: Evidence) -> Iterator[Violation]:
    """Returns the breaks that the audit found."""
    for broken in seen.audit.broken:
        yield Violation(NUMBER, f"case {broken.case_id}: event {broken.seq}: {broken.why}")
