"""Elements and charts: escaping, buckets of hours, bars, lines and colours."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.backtest import html
from activities.backtest.elements import (
    Html,
    buckets_of,
    curve_chart,
    element,
    hours_chart,
    nice_step,
)
from activities.backtest.summary import Wording
from tests.activities.backtest.document import Node, parse
from tests.activities.backtest.samples import STARTS, TITLES, TOKYO, hours, labels
from workflows.domain.backtest.report import Hour
from workflows.domain.values import Language

EN = Wording(TITLES, Language.EN)


def test_texts_and_attributes_are_escaped() -> None:
    """An element within another one is not escaped again."""
    inner = element("b", "<&>\"'")
    assert inner == "<b>&lt;&amp;&gt;&quot;&#x27;</b>"
    assert element("p", inner, "<", class_='"x', lang=None, x=0.04, aria_hidden="true") == (
        '<p class="&quot;x" x="0" aria-hidden="true"><b>&lt;&amp;&gt;&quot;&#x27;</b>&lt;</p>'
    )
    assert element("input", id="a") == '<input id="a">'
    assert isinstance(inner, Html)


# -- hours ----------------------------------------------------------------------------------


def test_three_days_have_a_bar_for_each_hour() -> None:
    """They begin at the reader's midnight."""
    found = buckets_of(hours(72), TOKYO)
    assert (found.size, len(found.alerts), found.starts, found.before) == (1, 72, STARTS, 0)
    assert found.alerts[:3] == (240, 277, 314)
    assert found.cases[:3] == (28, 32, 36)


@pytest.mark.parametrize(
    ("count", "size", "bars"),
    [(1, 1, 1), (120, 1, 120), (121, 2, 61), (721, 12, 61), (8_760, 168, 53)],
)
def test_long_periods_have_longer_buckets(count: int, size: int, bars: int) -> None:
    """At most 120 bars."""
    found = buckets_of(hours(count), TOKYO)
    assert (found.size, len(found.alerts)) == (size, bars)


def test_an_hour_without_alerts_has_an_empty_bar() -> None:
    """The hours may come in any order."""
    late = Hour(hour=STARTS + timedelta(hours=3), alerts=4, cases=1)
    early = Hour(hour=STARTS + timedelta(hours=1), alerts=2, cases=2)
    found = buckets_of((late, early), TOKYO)
    assert (found.alerts, found.cases, found.before) == ((2, 0, 4), (2, 0, 1), 1)


def test_buckets_begin_at_the_hours_of_a_zone_with_half_hours() -> None:
    """00:30 in Kolkata is 19:00 UTC."""
    kolkata = ZoneInfo("Asia/Kolkata")
    at = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
    found = buckets_of((Hour(hour=at, alerts=1, cases=1),), kolkata)
    assert found.at(0) == at


@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 99)), min_size=1, max_size=30),
    st.sampled_from(["UTC", "Asia/Tokyo", "Asia/Kolkata", "America/New_York", "Pacific/Apia"]),
)
def test_no_alert_is_lost(given_: list[tuple[int, int]], zone: str) -> None:
    """All are in at most 120 buckets between the first hour and the last."""
    many = [Hour(hour=STARTS + timedelta(hours=n), alerts=a, cases=a // 2) for n, a in given_]
    found = buckets_of(many, ZoneInfo(zone))
    assert sum(found.alerts) == sum(hour.alerts for hour in many)
    assert sum(found.cases) == sum(hour.cases for hour in many)
    assert 1 <= len(found.alerts) <= 120
    first = min(hour.hour for hour in many)
    assert found.at(0) <= first < found.at(1)


def drawn(count: int, language: Language = Language.EN) -> Node:
    """The chart of so many hours."""
    return parse(hours_chart(hours(count), TOKYO, "hours", Wording(TITLES, language)))


def marks(chart: Node) -> list[str]:
    """The texts of the axes, from the numbers on the left to the text below."""
    return [node.text for node in chart.all("text")]


def test_the_axes_have_numbers_and_times_of_the_zone() -> None:
    """Midnight is the day, and the unit is below."""
    assert marks(drawn(72)) == [
        *("0", "500", "1,000", "1,500"),
        *("Nov 24", "12:00", "Nov 25", "12:00", "Nov 26", "12:00"),
        "Number per hour (Asia/Tokyo)",
    ]


def test_merged_hours_are_said_on_the_axis() -> None:
    """Both languages name the size."""
    assert marks(drawn(300))[-1] == (
        "Number per 3 hours (Asia/Tokyo) · hours are merged because the period is long"
    )
    assert marks(drawn(300, Language.JA))[-1] == (
        "3時間ごとの件数（Asia/Tokyo） · 期間が長いため3時間ずつまとめています"
    )


def test_a_short_period_has_its_day_at_the_first_time() -> None:
    """An hour of the evening alone would have no day."""
    at = STARTS + timedelta(hours=18)
    evening = [Hour(hour=at + timedelta(hours=n), alerts=3, cases=1) for n in range(3)]
    chart = parse(hours_chart(evening, TOKYO, "hours", EN))
    assert marks(chart)[-4:-1] == ["Nov 24 18:00", "19:00", "20:00"]


@pytest.mark.parametrize("count", [1, 5, 23, 72, 120, 500, 3_000, 30_000])
def test_times_below_the_bars_have_room(count: int) -> None:
    """At most nine, each within the picture."""
    chart = drawn(count)
    places = [float(node.attributes["x1"] or 0) for node in chart.all("line")]
    ticks = [x for x, node in zip(places, chart.all("line"), strict=True) if _is_tick(node)]
    assert 1 <= len(ticks) <= 9
    assert all(64 <= x <= 776 for x in ticks)


def _is_tick(node: Node) -> bool:
    return node.attributes["class"] == "tick"


def test_bars_have_the_height_of_their_numbers() -> None:
    """A bar of cases is within its bar of alerts."""
    two = (
        Hour(hour=STARTS, alerts=10, cases=5),
        Hour(hour=STARTS + timedelta(hours=1), alerts=5, cases=0),
    )
    chart = parse(hours_chart(two, TOKYO, "hours", EN))
    bars = [(n.attributes["class"], n.attributes["height"]) for n in chart.all("rect")]
    assert bars == [("alerts", "224"), ("cases", "112"), ("alerts", "112"), ("cases", "0")]
    assert [node.all("title")[0].text for node in chart.all("g")] == [
        "From Nov 24 00:00: 10 alerts · 5 cases",
        "From Nov 24 01:00: 5 alerts · 0 cases",
    ]
    assert chart.all("desc")[0].text == (
        "15 alerts and 5 cases. The peak is 10 alerts from Nov 24 00:00."
    )


@pytest.mark.parametrize(
    ("most", "step"), [(0, 1), (1, 1), (5, 1), (6, 2), (24, 5), (100, 20), (1_500, 500)]
)
def test_steps_of_the_axis_are_round(most: int, step: int) -> None:
    """At most five of them."""
    assert nice_step(most) == step


# -- precision and recall -------------------------------------------------------------------


def test_the_lines_leave_out_what_is_not_defined() -> None:
    """Precision above the highest score has no point."""
    chart = parse(curve_chart(labels(), "curve", EN))
    precision, recall = (
        (node.attributes["points"] or "").split() for node in chart.all("polyline")
    )
    assert (len(precision), len(recall)) == (20, 21)
    assert precision[0] == "64.0,166.6"
    assert (recall[0], recall[-1]) == ("64.0,12.0", "776.0,236.0")
    assert (len(chart.all("circle")), len(chart.all("rect"))) == (20, 21)


# -- colours --------------------------------------------------------------------------------

STYLE = Path(html.__file__).with_name("style.css").read_text("utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[:2]
)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(c * w for c, w in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast ratio, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("one", "other", "least"),
    [
        ("ink", "paper", 4.5),
        ("ink", "panel", 4.5),
        ("soft", "paper", 4.5),
        ("soft", "panel", 4.5),
        ("warn-ink", "warn", 4.5),
        ("focus", "paper", 3.0),
        ("alerts", "paper", 3.0),
        ("cases", "paper", 3.0),
        ("cases", "alerts", 3.0),
        ("precision", "paper", 3.0),
        ("recall", "paper", 3.0),
        ("precision", "recall", 1.7),
    ],
)
def test_colours_differ_in_brightness(
    colours: dict[str, str], one: str, other: str, least: float
) -> None:
    """WCAG 2.2: 4.5 for text, 3 for parts of a chart; two lines also differ in marks and dashes."""
    assert contrast(colours[one], colours[other]) >= least
