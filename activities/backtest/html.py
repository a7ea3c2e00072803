"""Page of a backtest: one HTML document in Japanese and English, without anything from outside."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from activities.backtest.elements import (
    Html,
    curve_chart,
    element,
    foreign,
    hours_chart,
    joined,
    part,
    table,
)
from activities.backtest.summary import (
    NOTHING,
    Row,
    Wording,
    by_rank,
    differences,
    figures,
    harmless,
    left_out,
    most_first,
)
from workflows.domain.backtest.report import (
    MOST_EXAMPLES,
    BacktestReport,
    Change,
    ChangeKind,
    Comparison,
    Labels,
    Point,
    Staffing,
    TripRecord,
)
from workflows.domain.values import Language, Text

MOST_TRIPS = 100
"""Automatic stops in the table; the others are counted below it."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Content Security Policy: the page loads nothing, runs no script and sends nothing."""
_STYLE = Path(__file__).with_name("style.css")
_MOMENT = "yyyy-MM-dd HH:mm"


@dataclass(frozen=True)
class Shown:
    """The origin of a report, for its reader.

    `folder` is the name of the policy folder, `against` of the other one. `inputs` are the names
    of files, or the range of the ledger. `zone` is the time zone of all times on the page.
    """

    folder: str
    against: str | None
    inputs: tuple[str, ...]
    zone: tzinfo
    made: datetime


def page(report: BacktestReport, titles: Mapping[str, Text], shown: Shown) -> str:
    """The document; `titles` are those of playbooks and actions by their names.

    Both languages are in it; a switch of CSS alone shows one of them, first Japanese.
    """
    both = [Wording(titles, language) for language in Language]
    name = " · ".join(w.say("backtest.title", folder=harmless(shown.folder)) for w in both)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", name),
        element("style", Html(_STYLE.read_text(encoding="utf-8"))),
    )
    bodies = (_Page(report, words, shown).whole() for words in both)
    body = element("body", _switch(both), *bodies)
    return f"<!doctype html>\n{element('html', head, body, lang=Language.JA.value)}\n"


def _switch(both: Sequence[Wording]) -> Html:
    legend = " / ".join(words.say("backtest.language") for words in both)
    choices = (_choice(words, checked=words is both[0]) for words in both)
    return element("fieldset", element("legend", legend), *choices, class_="switch")


def _choice(words: Wording, *, checked: bool) -> Html:
    language = words.language.value
    button = element(
        "input",
        type="radio",
        name="language",
        id=f"show-{language}",
        checked="checked" if checked else None,
        autocomplete="off",
    )
    label = words.say(f"bot.home.language.{language}")
    return joined((button, element("label", label, for_=f"show-{language}", lang=language)))


class _Page:
    """The page in one language; a section without content is empty."""

    def __init__(self, report: BacktestReport, words: Wording, shown: Shown) -> None:
        self._report = report
        self._words = words
        self._say = words.say
        self._shown = shown

    def whole(self) -> Html:
        """`<main lang="ja">` with every section."""
        sections = (
            self._header(),
            self._unfinished(),
            self._figures(),
            self._comparison(),
            self._hours(),
            self._counts(),
            self._automation(),
            self._trips(),
            self._labels(),
            self._staffing(),
            self._left_out(),
            self._limits(),
        )
        return element("main", *sections, lang=self._words.language.value)

    # -- frame ------------------------------------------------------------------------------

    def _id(self, name: str) -> str:
        return f"{name}-{self._words.language.value}"

    def _section(self, name: str, key: str, *content: str) -> Html:
        """A section with its heading; empty without content."""
        if not any(content):
            return Html()
        title = element("h2", self._say(key), id=self._id(name))
        return element("section", title, *content, aria_labelledby=self._id(name))

    def _group(self, name: str, title: str, content: Html) -> Html:
        """A part of a section with its heading; `content` is named by it."""
        return element("div", element("h3", title, id=self._id(name)), content, class_="group")

    def _moment(self, at: datetime) -> str:
        return self._words.texts.moment(at, self._shown.zone, _MOMENT)

    def _header(self) -> Html:
        facts = (
            element("div", element("dt", label), element("dd", *values))
            for label, values in self._facts()
        )
        return element(
            "header",
            element("h1", self._say("backtest.heading")),
            element("dl", *facts, class_="facts"),
        )

    def _facts(self) -> Iterable[tuple[str, Sequence[str]]]:
        shown, report = self._shown, self._report
        yield self._say("backtest.folder"), [foreign(harmless(shown.folder))]
        if shown.against is not None:
            yield self._say("backtest.against"), [foreign(harmless(shown.against))]
        if shown.inputs:
            inputs = [element("li", foreign(harmless(each))) for each in shown.inputs]
            yield self._say("backtest.inputs"), [element("ul", *inputs)]
        if report.since or report.until:
            since, until = (self._moment(at) if at else "…" for at in (report.since, report.until))
            yield (
                self._say("backtest.period"),
                [self._say("report.chart.span", since=since, until=until)],
            )
        yield self._say("backtest.zone"), [foreign(self._words.zone(shown.zone))]
        yield self._say("backtest.made"), [self._moment(shown.made)]
        yield self._say("backtest.took"), [self._words.seconds(report.seconds)]

    def _unfinished(self) -> Html:
        if not self._report.unfinished:
            return Html()
        sentence = element("strong", self._say("backtest.unfinished"))
        return element("p", sentence, class_="banner", role="note")

    def _figures(self) -> Html:
        rows = figures(self._report, self._words)
        return self._section("figures", "backtest.figures", _tiles(rows))

    # -- comparison -------------------------------------------------------------------------

    def _comparison(self) -> Html:
        against = self._report.against
        if against is None:
            return Html()
        names = {"other": self._shown.against or NOTHING, "folder": self._shown.folder}
        note = self._say("backtest.comparison.note", **{k: harmless(v) for k, v in names.items()})
        return self._section(
            "comparison",
            "backtest.comparison",
            element("p", note, class_="note"),
            self._cases(against),
            self._differing(against),
            *(self._examples(kind, against) for kind in ChangeKind),
        )

    def _cases(self, against: Comparison) -> Html:
        words, now = self._words, self._report.cases
        columns = ["", *(self._say(f"backtest.{key}") for key in ("before", "after", "difference"))]
        row = [
            self._say("backtest.cases"),
            words.number(against.cases),
            words.number(now),
            words.difference(against.cases, now),
        ]
        return table(columns, [row], self._id("comparison"))

    def _differing(self, against: Comparison) -> Html:
        rows = differences(against, self._words)
        if not rows:
            return element("p", self._say("backtest.same"))
        columns = [self._say("backtest.differing"), self._say("backtest.number")]
        return table(columns, rows, self._id("comparison"))

    def _examples(self, kind: ChangeKind, against: Comparison) -> Html:
        found = [each for each in against.changed if each.kind is kind][:MOST_EXAMPLES]
        if not found:
            return Html()
        what = self._say(f"backtest.change.{kind}")
        name = f"change-{kind}"
        columns = [self._say(f"backtest.{key}") for key in ("alert", "before", "after")]
        rows = [self._example(each) for each in found]
        drawn = table(columns, rows, self._id(name), words=3)
        more = self._more(against.counts.get(kind, 0) - len(found))
        return self._group(name, self._say("backtest.examples", what=what), joined((drawn, more)))

    def _example(self, change: Change) -> Sequence[str]:
        sides = (self._words.outcome(change.kind, each) for each in (change.before, change.after))
        return [foreign(harmless(change.alert)), *map(foreign, sides)]

    def _more(self, count: int) -> Html:
        """`ほか12件`, where there are more."""
        if count <= 0:
            return Html()
        return element("p", self._say("words.more", count=count), class_="note")

    # -- counts -----------------------------------------------------------------------------

    def _hours(self) -> Html:
        hours = self._report.per_hour
        if not hours:
            return Html()
        chart = hours_chart(hours, self._shown.zone, self._id("hours-chart"), self._words)
        return self._section("hours", "backtest.hours", chart)

    def _counts(self) -> Html:
        words, report = self._words, self._report
        playbooks = [(words.title(name), count) for name, count in most_first(report.by_playbook)]
        severities = [(words.severity(name), count) for name, count in by_rank(report.by_severity)]
        by_playbook = self._shares("playbooks", self._say("backtest.change.playbook"), playbooks)
        by_severity = self._shares("severities", self._say("backtest.change.severity"), severities)
        return joined(
            (
                self._section("playbooks", "backtest.by_playbook", by_playbook),
                self._section("severities", "backtest.by_severity", by_severity),
            )
        )

    def _shares(self, name: str, what: str, counts: Sequence[tuple[str, int]]) -> Html:
        """A table of numbers with their shares of the sum."""
        total = sum(count for _, count in counts)
        if not counts:
            return Html()
        columns = [what, self._say("backtest.cases"), self._say("backtest.share")]
        rows = [
            [foreign(label), self._words.number(count), self._part(count, total)]
            for label, count in counts
        ]
        return table(columns, rows, self._id(name))

    def _part(self, count: int, total: int) -> Html:
        share = count / total if total else None
        said = element("span", self._words.share(share), class_="share")
        return joined((part(share or 0), said))

    def _automation(self) -> Html:
        report, words = self._report, self._words
        actions = [(words.title(name), count) for name, count in most_first(report.actions)]
        withheld = [
            (words.known(f"backtest.withheld.{name}", name), count)
            for name, count in most_first(report.withheld)
        ]
        shadow = [(words.title(name), count) for name, count in most_first(report.shadow)]
        return self._section(
            "automation",
            "backtest.actions",
            self._numbers("actions", "backtest.taken", "backtest.action", actions),
            self._numbers("withheld", "backtest.withheld", "backtest.reason", withheld),
            self._numbers("shadow", "backtest.shadow", "backtest.name", shadow),
        )

    def _numbers(
        self, name: str, title: str, column: str, counts: Sequence[tuple[str, int]]
    ) -> Html:
        """A table of numbers with its heading, where there are any."""
        if not counts:
            return Html()
        columns = [self._say(column), self._say("backtest.number")]
        rows = [(foreign(label), self._words.number(count)) for label, count in counts]
        return self._group(name, self._say(title), table(columns, rows, self._id(name)))

    def _trips(self) -> Html:
        trips = self._report.trips[:MOST_TRIPS]
        if not trips:
            return Html()
        keys = ("time", "change.playbook", "detector", "action", "cause")
        columns = [self._say(f"backtest.{key}") for key in keys]
        rows = [self._trip(each) for each in trips]
        drawn = table(columns, rows, self._id("trips"), words=len(columns))
        more = self._more(self._report.breaker_trips - len(trips))
        return self._section("trips", "backtest.trips", drawn, more)

    def _trip(self, trip: TripRecord) -> Sequence[str]:
        words = self._words
        return [
            self._moment(trip.at),
            foreign(words.title(trip.playbook)),
            foreign(harmless(trip.detector)),
            foreign(words.title(trip.action)),
            foreign(words.known(f"backtest.cause.{trip.cause}", trip.cause)),
        ]

    # -- labels and people ------------------------------------------------------------------

    def _labels(self) -> Html:
        labels = self._report.labels
        if labels is None:
            return Html()
        return self._section(
            "labels",
            "backtest.labels",
            _tiles(
                [
                    (self._say(f"backtest.{key}"), self._words.share(share))
                    for key, share in (("precision", labels.precision), ("recall", labels.recall))
                ]
            ),
            element("p", self._say("backtest.precision.meaning"), class_="note"),
            element("p", self._say("backtest.recall.meaning"), class_="note"),
            self._matrix(labels),
            self._curve(labels),
        )

    def _matrix(self, labels: Labels) -> Html:
        keys = ("labels.label", "labels.seen", "labels.unseen")
        columns = [self._say(f"backtest.{key}") for key in keys]
        rows = [
            [
                self._say("verdict.violation"),
                self._cell(labels.tp, self._say("backtest.labels.tp")),
                self._cell(labels.fn, self._say("backtest.labels.fn")),
            ],
            [
                self._say("verdict.no_violation"),
                self._cell(labels.fp, self._say("backtest.labels.fp")),
                self._cell(labels.tn, self._say("backtest.labels.tn")),
            ],
        ]
        drawn = table(columns, rows, self._id("matrix"))
        return self._group("matrix", self._say("backtest.labels.caption"), drawn)

    def _cell(self, count: int, what: str) -> Html:
        return joined((self._words.number(count), element("small", what)))

    def _curve(self, labels: Labels) -> Html:
        if not labels.curve:
            return Html()
        keys = ("threshold", "precision", "recall", "alerts")
        columns = [self._say(f"backtest.{key}") for key in keys]
        rows = [self._point(each) for each in labels.curve]
        content = (
            element("p", self._say("backtest.curve.note"), class_="note"),
            curve_chart(labels, self._id("curve-chart"), self._words),
            table(columns, rows, self._id("curve")),
        )
        return self._group("curve", self._say("backtest.curve"), joined(content))

    def _point(self, point: Point) -> Sequence[str]:
        words = self._words
        return [
            words.texts.number(point.threshold, "0.00"),
            words.share(point.precision),
            words.share(point.recall),
            words.number(point.cases),
        ]

    def _staffing(self) -> Html:
        work = self._report.staffing
        if work is None:
            return Html()
        rows = self._work(work)
        return self._section("staffing", "backtest.staffing", _tiles(rows))

    def _work(self, work: Staffing) -> list[Row]:
        words = self._words
        numbers = {
            "people": words.number(work.people),
            "minutes": words.decimal(work.minutes),
            "handled": words.number(work.handled),
            "waiting": words.number(work.waiting),
            "late_claims": words.number(work.late_claims),
            "late_decisions": words.number(work.late_decisions),
            "busy": words.share(work.busy),
            "wait_median": words.decimal(work.wait_median),
            "wait_p90": words.decimal(work.wait_p90),
        }
        return [(self._say(f"backtest.staffing.{key}"), said) for key, said in numbers.items()]

    def _left_out(self) -> Html:
        rows = left_out(self._report, self._words)
        return self._section("left-out", "backtest.left_out", _tiles(rows)) if rows else Html()

    def _limits(self) -> Html:
        keys = ("people", "trips", "cases")
        items = (element("li", self._say(f"backtest.limits.{key}")) for key in keys)
        return self._section("limits", "backtest.limits", element("ul", *items))


def _tiles(rows: Iterable[Row]) -> Html:
    """Numbers, each with its label above it."""
    tiles = (element("div", element("dt", label), element("dd", number)) for label, number in rows)
    return element("dl", *tiles, class_="tiles")
