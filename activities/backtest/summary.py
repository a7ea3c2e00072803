"""Words and numbers of a backtest in one language, and its summary as plain text."""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import tzinfo

from activities.slack.escape import one_line, shorten
from activities.slack.i18n.catalog import texts
from workflows.domain.backtest.report import BacktestReport, ChangeKind, Comparison
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Language, Text, visible

NOTHING = "—"
"""Stands for a number that is not defined."""
LONGEST = 120
"""UTF-16 units of a text from outside; the rest is cut."""
MOST_PLAYBOOKS = 3
"""Playbooks in the plain text."""
_GAP = 2

# `visible` leaves these: C1 controls, which terminals obey, and marks without a width.
_REPLACED = dict.fromkeys((*range(0x80, 0xA0), 0x061C, 0x200E, 0x200F), 0xFFFD)
_REMOVED = dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF))
_HIDDEN = {**_REPLACED, **_REMOVED}

Row = tuple[str, str]
"""A label and a number or another short text."""


def harmless(text: str, limit: int = LONGEST) -> str:
    """A text from outside in one line; control and direction characters become visible."""
    return shorten(visible(one_line(text)).translate(_HIDDEN), limit)


class Wording:
    """Sentences, names and numbers in one language; all of them are plain text.

    `titles` are those of playbooks and actions by their names.
    """

    def __init__(self, titles: Mapping[str, Text], language: Language) -> None:
        self.texts = texts(language)
        self.language = language
        self._titles = titles

    def say(self, key: str, **values: object) -> str:
        """The text of `key` with its values."""
        return self.texts.say(key, **values)

    def known(self, key: str, name: str) -> str:
        """The text of `key`; `name` where the catalog does not have it."""
        return self.say(key) if key in self.texts.keys else harmless(name)

    def title(self, name: str) -> str:
        """The title of a playbook or an action; its name where it has none."""
        title = self._titles.get(name)
        shown = harmless(title.in_(self.language)) if title else ""
        return shown or harmless(name) or NOTHING

    def zone(self, zone: tzinfo) -> str:
        """`Asia/Tokyo`."""
        return harmless(str(zone))

    def severity(self, name: str) -> str:
        """`重大`, `Critical`."""
        return self.known(f"severity.{name}", name)

    def outcome(self, kind: ChangeKind, name: str) -> str:
        """One side of a difference: `カードのみ`, `Mute user, Hide message`."""
        if not name.strip():
            return self.say("backtest.none")
        if kind is ChangeKind.SEVERITY:
            return self.severity(name)
        if kind is ChangeKind.HANDLING:
            return self.known(f"backtest.handling.{name}", name)
        names = name.split(",") if kind is ChangeKind.ACTIONS else [name]
        return self.say("words.comma").join(self.title(each.strip()) for each in names)

    def number(self, value: int) -> str:
        """`1,240`."""
        return self.texts.number(value)

    def decimal(self, value: float | None) -> str:
        """`9.4`."""
        return NOTHING if value is None else self.texts.number(value, "#,##0.0")

    def share(self, value: float | None) -> str:
        """`94.3%`."""
        return NOTHING if value is None else self.texts.number(value, "#,##0.0%")

    def difference(self, before: int, after: int) -> str:
        """`+12`, `−3`, `0`."""
        sign = {1: "+", -1: "−"}.get((after > before) - (after < before), "")
        return f"{sign}{self.number(abs(after - before))}"

    def seconds(self, value: float) -> str:
        """`12.3秒`, `12.3 seconds`."""
        return self.say("backtest.seconds", seconds=self.decimal(value))


# -- rows that the page has as well ---------------------------------------------------------


def figures(report: BacktestReport, words: Wording) -> list[Row]:
    """The key figures; two of them only where they are not zero."""
    ratio = report.alerts / report.cases if report.cases else None
    rare = {"silenced": report.silenced, "auto": report.auto}
    numbers = {
        "logged": report.logged,
        **{key: number for key, number in rare.items() if number},
        "actions": sum(report.actions.values()),
        "approvals": report.approvals,
        "escalations": report.escalations,
        "trips": report.breaker_trips,
    }
    return [
        (words.say("backtest.alerts"), words.number(report.alerts)),
        (words.say("backtest.cases"), words.number(report.cases)),
        (words.say("backtest.ratio"), words.decimal(ratio)),
        *((words.say(f"backtest.{key}"), words.number(each)) for key, each in numbers.items()),
    ]


def left_out(report: BacktestReport, words: Wording) -> list[Row]:
    """Input without an outcome, where there is any."""
    numbers = {
        "unmatched": report.unmatched,
        "unreadable": report.invalid,
        "duplicates": report.duplicates,
    }
    return [
        (words.say(f"backtest.{key}"), words.number(each)) for key, each in numbers.items() if each
    ]


def differences(against: Comparison, words: Wording) -> list[Row]:
    """The number of differing alerts of each kind; none where nothing differs."""
    return [
        (words.say(f"backtest.change.{kind}"), words.number(against.counts[kind]))
        for kind in ChangeKind
        if against.counts.get(kind)
    ]


def most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Names with their counts: the largest first, equal ones by name."""
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def by_rank(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Severities with their counts: the most urgent first, unknown ones last."""
    rank = {severity.value: severity.rank for severity in Severity}
    return sorted(counts.items(), key=lambda each: (rank.get(each[0], len(rank) + 1), each[0]))


# -- plain text -----------------------------------------------------------------------------


def lines(report: BacktestReport, titles: Mapping[str, Text], lang: Language) -> list[str]:
    """The summary for a terminal: labels on the left, numbers aligned on the right."""
    words = Wording(titles, lang)
    rows = [
        *figures(report, words),
        *left_out(report, words),
        *_playbooks(report, words),
        *_shadow(report, words),
        *_comparison(report, words),
        *_labels(report, words),
        *_staffing(report, words),
        (words.say("backtest.took"), words.seconds(report.seconds)),
    ]
    told = [words.say("backtest.unfinished")] if report.unfinished else []
    return [words.say("backtest.heading"), *told, *_aligned(rows)]


def _playbooks(report: BacktestReport, words: Wording) -> Iterable[Row]:
    ordered = most_first(report.by_playbook)
    if not ordered:
        return
    yield words.say("backtest.by_playbook"), ""
    yield from (_under(words.title(n), words.number(c)) for n, c in ordered[:MOST_PLAYBOOKS])
    if rest := ordered[MOST_PLAYBOOKS:]:
        more = words.say("numbers.playbooks.more", count=len(rest))
        yield _under(more, words.number(sum(count for _, count in rest)))


def _shadow(report: BacktestReport, words: Wording) -> Iterable[Row]:
    if report.shadow:
        yield words.say("backtest.shadow"), ""
        yield from (_under(words.title(n), words.number(c)) for n, c in most_first(report.shadow))


def _comparison(report: BacktestReport, words: Wording) -> Iterable[Row]:
    against = report.against
    if against is None:
        return
    yield words.say("backtest.comparison"), ""
    cases = f"{words.number(against.cases)} → {words.number(report.cases)}"
    yield _under(words.say("backtest.cases"), cases)
    rows = differences(against, words)
    yield words.say("backtest.differing" if rows else "backtest.same"), ""
    yield from (_under(label, number) for label, number in rows)


def _labels(report: BacktestReport, words: Wording) -> Iterable[Row]:
    labels = report.labels
    if labels is not None:
        judged = labels.tp + labels.fp + labels.fn + labels.tn
        yield words.say("backtest.labels.caption"), words.number(judged)
        yield words.say("backtest.precision"), words.share(labels.precision)
        yield words.say("backtest.recall"), words.share(labels.recall)


def _staffing(report: BacktestReport, words: Wording) -> Iterable[Row]:
    work = report.staffing
    if work is not None:
        yield words.say("backtest.staffing.people"), words.number(work.people)
        yield words.say("backtest.staffing.handled"), words.number(work.handled)
        yield words.say("backtest.staffing.waiting"), words.number(work.waiting)
        yield words.say("backtest.staffing.late_claims"), words.number(work.late_claims)
        yield words.say("backtest.staffing.late_decisions"), words.number(work.late_decisions)


def _under(label: str, value: str) -> Row:
    """A row that belongs to the heading above it."""
    return f"  {label}", value


def _aligned(rows: list[Row]) -> list[str]:
    valued = [row for row in rows if row[1]]
    left = max(_width(label) for label, _ in valued)
    right = max(_width(value) for _, value in valued)
    return [
        f"{label}{' ' * (left + _GAP + right - _width(label) - _width(value))}{value}"
        if value
        else label
        for label, value in rows
    ]


def _width(text: str) -> int:
    """Columns in a terminal: Japanese letters take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF")
        for each in text
    )
