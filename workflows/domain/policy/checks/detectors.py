"""Checks of detectors: expressions, queries, sources, owners, heartbeats and receivers."""

import re
from collections.abc import Iterator
from datetime import timedelta

from workflows.domain.policy.checks.finding import SOURCES, Bundle, Finding, Findings, unheld
from workflows.domain.policy.detectors import AlertMap, Detector
from workflows.domain.policy.matching import kinds_of

_Mapping = tuple[str, Detector, str, str, AlertMap]


def _mappings(bundle: Bundle) -> Iterator[_Mapping]:
    """Every mapping with its file, detector, key and variable."""
    for file, detector in bundle.detectors.items():
        for key, variable in (("alert", "row"), ("map", "body")):
            mapping = getattr(detector, key)
            if mapping is not None:
                yield file, detector, key, variable, mapping


def every_mapping_can_be_read(bundle: Bundle) -> Findings:
    """Every expression of `alert` can be read, and uses `row`; one of `map` uses `body`."""
    for file, _, key, variable, mapping in _mappings(bundle):
        for place, expression in mapping.expressions():
            wrong = bundle.problem(expression, (variable,))
            if wrong is not None:
                write = f"write for example `{variable}.id`, and texts as `'user'`"
                yield Finding(file, (key, *place), wrong, write)


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
    """Somebody hears that a detector fails, is silent, or gets no verdicts."""
    for file, detector in bundle.detectors.items():
        if detector.expect or detector.sql or detector.feedback:
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


def _written(expression: str) -> str | None:
    """The text that an expression writes out; others are known only at run time."""
    found = _TEXT.fullmatch(expression.strip())
    return None if found is None else found[1] or found[2]


def every_detector_has_a_receiver(bundle: Bundle) -> Findings:
    """A playbook takes the kind that a mapping writes out."""
    books = bundle.playbooks.values()
    if not bundle.whole or any(book.catch_all for book in books):
        return
    received = {kind for book in books for kind in kinds_of(book)}
    for file, _, key, _, mapping in _mappings(bundle):
        kind = _written(mapping.kind)
        if kind is not None and kind not in received:
            what = f"no playbook takes alerts of kind `{kind}`"
            yield Finding(file, (key, "kind"), what, "add the kind to a playbook's `match`")


def accepted_kinds_have_a_playbook(bundle: Bundle) -> Findings:
    """A kind of `accepts` is named by a playbook: the catch-all would take it otherwise."""
    received = {kind for book in bundle.playbooks.values() for kind in kinds_of(book)}
    for file, detector in bundle.detectors.items():
        kinds = detector.accepts.kinds if detector.accepts is not None else None
        for number, kind in enumerate(kinds or ()):
            if bundle.whole and kind not in received:
                place = ("accepts", "kinds", number)
                what = f"no playbook names alerts of kind `{kind}`"
                write = "add the kind to a playbook's `match`"
                yield Finding(file, place, what, write, warning=True)


def mappings_make_what_is_accepted(bundle: Bundle) -> Findings:
    """A kind or type that a mapping writes out is one that `accepts` lets in."""
    for file, detector, key, _, mapping in _mappings(bundle):
        accepts = detector.accepts
        if accepts is None:
            continue
        for place, expression, name, allowed in (
            (("kind",), mapping.kind, "kinds", accepts.kinds),
            (("subject", "type"), mapping.subject.type, "subjects", accepts.subjects),
        ):
            made = _written(expression)
            if made is not None and allowed is not None and made not in allowed:
                what = f"`accepts.{name}` does not have `{made}`"
                yield Finding(file, (key, *place), what, f"add it to `accepts.{name}`")
