"""Elements of an HTML page: escaped text, tables, and two charts as SVG."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from html import escape
from itertools import chain, count
from math import ceil, log10

from activities.backtest.summary import Wording
from workflows.domain.backtest.report import Hour, Labels, Point

Attribute = str | float | None


class Html(str):
    """A text that is HTML already; every other text is escaped."""

    __slots__ = ()


_VOID = frozenset({"meta", "input"})


def element(name: str, /, *content: str, **attributes: Attribute) -> Html:
    """`<name attribute="…">content</name>`.

    An attribute `class_` is `class`, `aria_hidden` is `aria-hidden`; one of None is left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_written(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    end = "" if name in _VOID else f"</{name}>"
    return Html(f"<{name}{given}>{joined(content)}{end}")


def joined(content: Iterable[str]) -> Html:
    """Texts and elements in a row."""
    parts = (each if isinstance(each, Html) else escape(each, quote=True) for each in content)
    return Html("".join(parts))


def _written(value: str | float) -> str:
    return escape(value, quote=True) if isinstance(value, str) else f"{round(value, 1):g}"


def foreign(text: str) -> Html:
    """A text from outside: its direction has no effect on what surrounds it."""
    return element("bdi", text)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], named_by: str, words: int = 1
) -> Html:
    """A table with a heading for each column and row; `named_by`: the id of its title.

    The first `words` columns have text, the others numbers.
    """
    kinds = [None if index < words else "n" for index in range(len(columns))]
    pairs = zip(columns, kinds, strict=True)
    head = element("tr", *(element("th", each, scope="col", class_=kind) for each, kind in pairs))
    body = (_row(row, kinds) for row in rows)
    return element(
        "table", element("thead", head), element("tbody", *body), aria_labelledby=named_by
    )


def _row(cells: Sequence[str], kinds: Sequence[str | None]) -> Html:
    first, *others = cells
    data = (element("td", each, class_=kind) for each, kind in zip(others, kinds[1:], strict=True))
    return element("tr", element("th", first, scope="row"), *data)


def part(share: float) -> Html:
    """A bar that is filled to this share of 1; the number is written beside it."""
    return element("span", class_="part", style=f"--share:{share * 100:.1f}%", aria_hidden="true")


# -- charts: the frame ----------------------------------------------------------------------

WIDTH, HEIGHT = 800, 280
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 12, 44
_ACROSS, _DOWN = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
_FLOOR = HEIGHT - BOTTOM


def _figure(name: str, title: str, desc: str, legend: Html, drawn: Iterable[Html]) -> Html:
    """A chart with the texts that screen readers speak; `name` is the start of its ids."""
    svg = element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", desc, id=f"{name}-desc"),
        *drawn,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )
    scrolled = element("div", svg, class_="scrolled", tabindex="0", role="group", aria_label=title)
    return element("figure", legend, scrolled, element("figcaption", desc))


def _legend(names: dict[str, str]) -> Html:
    items = (element("li", element("i", class_=kind), name) for kind, name in names.items())
    return element("ul", *items, class_="legend", aria_hidden="true")


def _label(text: str, x: float, y: float, anchor: str) -> Html:
    return element("text", text, x=x, y=y, text_anchor=anchor)


def _grid(most: float, step: float, said: Callable[[float], str]) -> Iterator[Html]:
    """Horizontal lines with their numbers."""
    for index in range(round(most / step) + 1):
        y = _FLOOR - index * step / most * _DOWN
        yield element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid")
        yield _label(said(index * step), LEFT - 8, y + 4, "end")


def nice_step(most: int) -> int:
    """1, 2 or 5 times a power of ten: about five steps to `most`."""
    wanted = max(most, 1) / 5
    power = int(10 ** max(0, int(log10(wanted)) if wanted >= 1 else 0))
    return next(power * each for each in (1, 2, 5, 10) if power * each >= wanted)


# -- chart of hours -------------------------------------------------------------------------

MOST_BARS = 120
MOST_TICKS = 8
_HOUR = timedelta(hours=1)
_WEEK = 168
_SIZES = (1, 2, 3, 4, 6, 12, 24, 48, 72)
_TICKS = (1, 2, 3, 6, 12, 24, 48, 72)


@dataclass(frozen=True)
class Buckets:
    """Hours in equal buckets of `size` hours, without a gap; the first begins at `starts`.

    `before`: the hours from midnight in the reader's zone to `starts`.
    """

    size: int
    starts: datetime
    before: int
    alerts: tuple[int, ...]
    cases: tuple[int, ...]

    def at(self, index: int) -> datetime:
        """The start of a bucket."""
        return self.starts + index * self.size * _HOUR


def buckets_of(hours: Sequence[Hour], zone: tzinfo) -> Buckets:
    """At most `MOST_BARS` buckets, which begin with the days of `zone`; `hours` has one or more."""
    first = min(hour.hour for hour in hours)
    last = max(hour.hour for hour in hours)
    # Keeps the minute: in a zone such as UTC+05:30, hours of UTC begin at half past.
    midnight = first.astimezone(zone).replace(hour=0).astimezone(UTC)
    from_, to = (int((each - midnight) / _HOUR) for each in (first, last))
    size = next(s for s in _sizes(_SIZES) if to // s - from_ // s < MOST_BARS)
    base = from_ // size
    alerts, cases = ([0] * (to // size - base + 1) for _ in range(2))
    for hour in hours:
        index = int((hour.hour - midnight) / _HOUR) // size - base
        alerts[index] += hour.alerts
        cases[index] += hour.cases
    starts = midnight + base * size * _HOUR
    return Buckets(size, starts, base * size, tuple(alerts), tuple(cases))


def _sizes(short: Sequence[int]) -> Iterator[int]:
    return chain(short, (_WEEK * weeks for weeks in count(1)))


def hours_chart(hours: Sequence[Hour], zone: tzinfo, name: str, words: Wording) -> Html:
    """Bars of alerts, and within them of cases."""
    found = buckets_of(hours, zone)
    most = max((*found.alerts, *found.cases, 1))
    step = nice_step(most)
    top = ceil(most / step) * step
    drawn = (
        *_grid(top, step, lambda each: words.number(round(each))),
        *_bars(found, top, zone, words),
        *_times(found, zone, words),
        _label(_axis(found, zone, words), LEFT + _ACROSS / 2, HEIGHT - 6, "middle"),
    )
    legend = {"alerts": words.say("backtest.alerts"), "cases": words.say("backtest.cases")}
    desc = _hours_summary(found, zone, words)
    return _figure(name, words.say("backtest.hours"), desc, _legend(legend), drawn)


def _axis(found: Buckets, zone: tzinfo, words: Wording) -> str:
    if found.size == 1:
        return words.say("backtest.hours.axis", zone=words.zone(zone))
    return words.say("backtest.hours.merged", zone=words.zone(zone), hours=found.size)


def _hours_summary(found: Buckets, zone: tzinfo, words: Wording) -> str:
    most = max(found.alerts)
    return words.say(
        "backtest.hours.summary",
        alerts=sum(found.alerts),
        cases=sum(found.cases),
        most=most,
        time=words.texts.day_and_time(found.at(found.alerts.index(most)), zone),
    )


def _bars(found: Buckets, top: int, zone: tzinfo, words: Wording) -> Iterator[Html]:
    room = _ACROSS / len(found.alerts)
    for index, (alerts, cases) in enumerate(zip(found.alerts, found.cases, strict=True)):
        middle = LEFT + (index + 0.5) * room
        time = words.texts.day_and_time(found.at(index), zone)
        said = words.say("backtest.hours.bar", time=time, alerts=alerts, cases=cases)
        wide, narrow = min(room * 0.86, 48.0), min(room * 0.44, 24.0)
        yield element(
            "g",
            element("title", said),
            _bar(middle, wide, alerts / top, "alerts"),
            _bar(middle, narrow, cases / top, "cases"),
        )


def _bar(middle: float, width: float, share: float, kind: str) -> Html:
    high = share * _DOWN
    return element(
        "rect", x=middle - width / 2, y=_FLOOR - high, width=width, height=high, class_=kind
    )


def _times(found: Buckets, zone: tzinfo, words: Wording) -> Iterator[Html]:
    """Times below the bars; the first has its date."""
    room, size = _ACROSS / len(found.alerts), found.size
    fitting = (s for s in _sizes(_TICKS) if s % size == 0)
    step = next(s for s in fitting if len(found.alerts) * size / s <= MOST_TICKS)
    places = [
        index for index in range(len(found.alerts)) if (found.before + index * size) % step == 0
    ] or [0]
    for index in places:
        at, x = found.at(index), LEFT + index * room
        said = _time(at, zone, words, step, first=index == places[0])
        yield element("line", x1=x, x2=x, y1=_FLOOR, y2=_FLOOR + 5, class_="tick")
        yield _label(said, x, _FLOOR + 18, "middle")


def _time(at: datetime, zone: tzinfo, words: Wording, step: int, *, first: bool) -> str:
    if step >= 24 or at.astimezone(zone).strftime("%H:%M") == "00:00":
        return words.texts.day(at, zone)
    return words.texts.day_and_time(at, zone) if first else words.texts.moment(at, zone)


# -- chart of precision and recall ----------------------------------------------------------


def curve_chart(labels: Labels, name: str, words: Wording) -> Html:
    """Lines of precision and recall over the threshold."""
    drawn = (
        *_grid(1, 0.25, lambda each: words.texts.number(each, "0%")),
        *_thresholds(words),
        _label(words.say("backtest.threshold"), LEFT + _ACROSS / 2, HEIGHT - 6, "middle"),
        *_line(labels.curve, lambda point: point.precision, "precision"),
        *_line(labels.curve, lambda point: point.recall, "recall"),
    )
    legend = {key: words.say(f"backtest.{key}") for key in ("precision", "recall")}
    desc = words.say("backtest.curve.summary")
    return _figure(name, words.say("backtest.curve"), desc, _legend(legend), drawn)


def _thresholds(words: Wording) -> Iterator[Html]:
    for index in range(6):
        x = LEFT + index / 5 * _ACROSS
        yield element("line", x1=x, x2=x, y1=_FLOOR, y2=_FLOOR + 5, class_="tick")
        yield _label(words.texts.number(index / 5, "0.0"), x, _FLOOR + 18, "middle")


def _line(
    curve: Iterable[Point], value: Callable[[Point], float | None], kind: str
) -> Iterator[Html]:
    """A line with a mark at each point that has a value."""
    places = [
        (LEFT + point.threshold * _ACROSS, _FLOOR - share * _DOWN)
        for point in curve
        if (share := value(point)) is not None
    ]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield element("polyline", points=points, class_=f"curve {kind}")
    for x, y in places:
        if kind == "precision":
            yield element("circle", cx=x, cy=y, r=3.5, class_=f"mark {kind}")
        else:
            yield element("rect", x=x - 3, y=y - 3, width=6, height=6, class_=f"mark {kind}")
