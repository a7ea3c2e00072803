"""Evidence: heads, entries, chains and rows hold, as `koban audit verify` checks."""

from collections.abc import Iterator

from tests.chaos.evidence import Evidence, Violation

NUMBER = 6


def check(seen: Evidence) -> Iterator[Violation]:
    """Returns the faults that the audit found."""
    for finding in seen.audit.findings:
        yield Violation(NUMBER, finding)
