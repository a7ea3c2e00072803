"""What the picture of a report shows, in the words of its reader."""

from activities.slack import numbers_words as words
from activities.slack.reader import Reader
from activities.slack.reports.message import title
from workflows.domain.numbers.chart import Bars, Chart, ShareRow, Shares
from workflows.domain.numbers.model import Numbers
from workflows.domain.numbers.report import Report

MOST_ALT = 1000
"""docs.slack.dev, files.getUploadURLExternal: alt_txt."""


def picture_of(report: Report, reader: Reader) -> Chart:
    """The chart of a report."""
    numbers, texts, zone = report.numbers, reader.texts, reader.zone
    since, until = (texts.day_and_time(at, zone) for at in (numbers.since, numbers.until))
    name = f"{title(report, reader)} {reader.say('report.chart.span', since=since, until=until)}"
    return Chart(
        title=name,
        bars=_bars(numbers, reader),
        shares=_shares(numbers, reader),
        alt=_alt(name, numbers, reader),
    )


def _bars(numbers: Numbers, reader: Reader) -> Bars:
    return Bars(
        title=reader.say("report.chart.hours"),
        labels=tuple(reader.texts.moment(hour.starts, reader.zone) for hour in numbers.hours),
        first=tuple(hour.opened for hour in numbers.hours),
        second=tuple(hour.closed for hour in numbers.hours),
        first_name=reader.say("report.chart.opened"),
        second_name=reader.say("report.chart.closed"),
    )


def _shares(numbers: Numbers, reader: Reader) -> Shares:
    rows = (
        ShareRow(
            label=reader.say(f"severity.{severity}"),
            met=sla.met,
            missed=sla.missed,
            overdue=sla.overdue,
            said=reader.say(
                "report.chart.share", share=words.percent(sla, reader.texts), count=sla.of
            ),
        )
        for severity, sla in numbers.sla.items()
    )
    return Shares(
        title=reader.say("report.chart.sla"),
        rows=tuple(rows),
        met=reader.say("report.chart.met"),
        missed=reader.say("report.chart.missed"),
        overdue=reader.say("report.chart.overdue"),
        nothing=reader.say("report.chart.nothing"),
    )


def _alt(name: str, numbers: Numbers, reader: Reader) -> str:
    """What somebody hears who does not see it."""
    told = (name, words.flow(numbers, reader.texts), words.in_time(numbers, reader.texts))
    return reader.say("report.chart.stop").join(told)[:MOST_ALT]
