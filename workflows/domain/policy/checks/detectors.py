"""Checks of detectors: expressions, queries, sources, owners, heartbeats and receivers."""

import re
from datetime import timedelta

from workflows.domain.policy.checks.finding import SOURCES, Bundle, Finding, Findings, unheld
from workflows.domain.policy.matching import kinds_of


def every_mapping_can_be_read(bundle: Bundle) -> Findings:
    """Every expression of `alert` can be read, and uses `row`."""
    for file, detector in bundle.detectors.items():
        for place, expression in detector.alert.expressions() if detector.alert else ():
            wrong = bundle.problem(expression, ("row",))
            if wrong is not None:
                write = "write for example `row.id`, and texts as `'user'`"
                yield Finding(file, ("alert", *place), wrong, write)


def every_query_only_reads(bundle: Bundle) -> Findings:
    """A query is one SELECT that uses `:since` and `:until`."""
    for file, sql in bundle.queries.items():
        wrong = bundle.query_problem(sql, None) if sql.strip() else None
        if wrong is not None:
            write = "write one SELECT with `column > :since AND column <= :until`"
            yield Finding(file, ("sql", "query"), wrong, write)


def every_query_has_its_source(bundle: Bundle) -> Findings:
    """The source of a query is in sources.yaml."""
    known = bundle.sources.sources if bundle.sources is not None else {}
    for file, detector in bundle.detectors.items():
        if detector.sql is not None and detector.sql.source not in known:
            what = f"the source `{detector.sql.source}` is not in {SOURCES}"
            names = ", ".join(known)
            write = f"write one of {names}, or add it" if names else f"add it to {SOURCES}"
            yield Finding(file, ("sql", "source"), what, write)


def owners_of_detectors_exist(bundle: Bundle) -> Findings:
    """Somebody hears that a detector fails or is silent."""
    for file, detector in bundle.detectors.items():
        if detector.expect is not None or detector.sql is not None:
            yield from unheld(bundle, detector.owner, file, ("owner",), "owns the detector")


def heartbeats_leave_time_to_run(bundle: Bundle) -> Findings:
    """`expect` is longer than the time between two runs of the query, with its lag."""
    for file, detector in bundle.detectors.items():
        expect, sql = detector.expect, detector.sql
        if expect is None or sql is None or sql.every is None:
            continue
        if expect.every <= sql.every + timedelta(seconds=sql.limits.seconds):
            what = "the heartbeat is missing before the next run of the query can end"
            yield Finding(file, ("expect", "every"), what, "write at least three times `sql.every`")


_TEXT = re.compile(r"""'([A-Za-z0-9_.-]+)'|"([A-Za-z0-9_.-]+)\"""")


def every_detector_has_a_receiver(bundle: Bundle) -> Findings:
    """A playbook takes the kind that a mapping writes out; others are known only at run time."""
    books = bundle.playbooks.values()
    if not bundle.whole or any(book.catch_all for book in books):
        return
    received = {kind for book in books for kind in kinds_of(book)}
    for file, detector in bundle.detectors.items():
        found = _TEXT.fullmatch(detector.alert.kind.strip()) if detector.alert else None
        kind = found[1] or found[2] if found is not None else None
        if kind is not None and kind not in received:
            what = f"no playbook takes alerts of kind `{kind}`"
            yield Finding(file, ("alert", "kind"), what, "add the kind to a playbook's `match`")
