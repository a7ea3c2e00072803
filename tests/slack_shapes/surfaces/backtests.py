"""Backtests: the page and the lines. Not sent to Slack; their texts are in the same catalog."""

from collections.abc import Iterator

from activities.backtest.summary import lines
from tests.activities.backtest.document import main_of
from tests.activities.backtest.samples import TITLES, comparison, empty, full, hours
from tests.slack_shapes.scene import Scene, Surface
from tests.slack_shapes.sent import Sent, words

REPORTS = {
    "every section": full(),
    "nothing": empty(),
    "a long period, and no differences": empty(
        per_hour=hours(300), against=comparison().model_copy(update={"counts": {}, "changed": ()})
    ),
}


def _page(scene: Scene) -> Iterator[tuple[str, Sent]]:
    for state, report in REPORTS.items():
        yield state, words("\n".join(main_of(report, scene.language).lines()))


def _lines(scene: Scene) -> Iterator[tuple[str, Sent]]:
    for state, report in REPORTS.items():
        yield state, words("\n".join(lines(report, TITLES, scene.language)))


SURFACES = (Surface("backtest page", _page), Surface("backtest lines", _lines))
