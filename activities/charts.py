"""Charts of reports as PNG, with fonts for both languages; all labels come with the `Chart`."""

import io
from functools import cache
from typing import TYPE_CHECKING, Any

from workflows.domain.metrics.report import Bars, Chart, Shares

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES = (10.4, 4.3)
DPI = 144
"""1498 × 619 pixels: sharp on a phone, 40 to 60 KB."""

INK, SOFT, GRID = "#1d1c1d", "#616061", "#e4e4e4"
FIRST, SECOND = "#1264a3", "#9ecbe8"
"""Colours that also differ in brightness."""
MET, MISSED, OVERDUE = "#2b7a4b", "#e8a33d", "#b3261e"
_ROOM = 8
"""Labels that fit below the bars."""


@cache
def font_file() -> str:
    """The path of a Japanese font."""
    # Imported late: it takes half a second and imports matplotlib.
    from matplotlib_fontja import get_font_ttf_path

    return str(get_font_ttf_path())


def draw(chart: Chart) -> bytes:
    """Draws a PNG. Takes some 300 ms of one processor: call it in a thread."""
    from matplotlib.figure import Figure

    # pyplot is not thread-safe.
    figure = Figure(figsize=INCHES, dpi=DPI, facecolor="white")
    grid = figure.add_gridspec(
        1, 2, width_ratios=(1.5, 1), left=0.055, right=0.9, top=0.76, bottom=0.1, wspace=0.38
    )
    # People write the titles: a $ must not start a formula.
    figure.text(0.02, 0.925, chart.title, color=INK, font=_font(15), parse_math=False)
    _bars(figure.add_subplot(grid[0, 0]), chart.bars)
    _shares(figure.add_subplot(grid[0, 1]), chart.shares)
    written = io.BytesIO()
    figure.savefig(written, format="png", metadata={"Software": None})
    return written.getvalue()


def _font(size: float) -> Any:
    from matplotlib.font_manager import FontProperties

    return FontProperties(fname=font_file(), size=size)


def _bars(axes: "Axes", bars: Bars) -> None:
    from matplotlib.ticker import MaxNLocator

    places = range(len(bars.labels))
    left, right = ([place + side for place in places] for side in (-0.21, 0.21))
    axes.bar(left, bars.first, width=0.42, color=FIRST, label=bars.first_name, zorder=2)
    axes.bar(right, bars.second, width=0.42, color=SECOND, label=bars.second_name, zorder=2)
    every = max(-(-len(bars.labels) // _ROOM), 1)
    shown = list(places)[::every]
    axes.set_xticks(shown, [bars.labels[place] for place in shown])
    axes.set_ylim(0, max(max((*bars.first, *bars.second), default=0) * 1.12, 3))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.grid(axis="y", color=GRID, zorder=1)
    axes.set_xlim(-0.7, max(len(bars.labels), 1) - 0.3)
    _style(axes, bars.title)
    _legend(axes, 2)


def _shares(axes: "Axes", shares: Shares) -> None:
    _style(axes, shares.title)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
    if not shares.rows:
        axes.set_yticks([])
        axes.text(0.5, 0.5, shares.nothing, ha="center", va="center", color=SOFT, font=_font(11))
        axes.set_ylim(0, 1)
        return
    places = range(len(shares.rows))
    begun = [0.0 for _ in places]
    for name, colour, part in (
        (shares.met, MET, "met"),
        (shares.missed, MISSED, "missed"),
        (shares.overdue, OVERDUE, "overdue"),
    ):
        widths = [getattr(row, part) / row.of if row.of else 0.0 for row in shares.rows]
        axes.barh(places, widths, left=begun, height=0.42, color=colour, label=name, zorder=2)
        begun = [start + width for start, width in zip(begun, widths, strict=True)]
    axes.set_yticks(places, [row.label for row in shares.rows])
    axes.set_ylim(max(len(shares.rows), 3) - 0.45, -0.55)
    for place, row in zip(places, shares.rows, strict=True):
        axes.text(1.02, place, row.said, va="center", color=INK, font=_font(10), clip_on=False)
    _style(axes, shares.title)
    _legend(axes, 3)


def _style(axes: "Axes", title: str) -> None:
    """Title, spines and tick labels."""
    axes.set_title(title, loc="left", color=INK, font=_font(11.5), pad=27)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(GRID)
    axes.tick_params(length=0, colors=SOFT)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(_font(10))


def _legend(axes: "Axes", columns: int) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 0.985),
        ncols=columns,
        frameon=False,
        prop=_font(9.5),
        labelcolor=SOFT,
        handlelength=0.9,
        handleheight=0.9,
        columnspacing=1.2,
    )
