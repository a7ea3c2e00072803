"""Report message: numbers and lists of cases, most urgent first, and the chart's data."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from activities.slack.blocks import MOST_HEADER, Block, Message, context, header, metadata, section
from activities.slack.escape import mrkdwn, one_line, plain
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from workflows.domain.case.snapshot import CardRef
from workflows.domain.metrics.metrics import Numbers, Sla, Spread, WithoutCase
from workflows.domain.metrics.report import (
    Bars,
    CaseNote,
    Cases,
    Chart,
    ProtectionNote,
    Report,
    ReportKind,
    ShareRow,
    Shares,
)
from workflows.domain.people import Role
from workflows.domain.policy.bands import Trial
from workflows.domain.policy.playbook import Severity
from workflows.domain.policy.roster import Team
from workflows.domain.values import Text

MOST_PLAYBOOKS = 5
_TITLE = 60


def flow(numbers: Numbers, texts: Catalog) -> str:
    """`受付 12件 · 完了 9件 · 引き継ぎ 2件`."""
    parts = [
        texts.say("numbers.opened", count=numbers.opened),
        texts.say("numbers.closed", count=numbers.closed),
    ]
    if numbers.handed_over:
        parts.append(texts.say("numbers.handed_over", count=numbers.handed_over))
    return " · ".join(parts)


def now(numbers: Numbers, texts: Catalog) -> str:
    """Open cases: `未完了 5件(期限超過 1件): 重大 2 · 高 3`."""
    backlog = numbers.backlog
    total = texts.say("numbers.open", count=backlog.total, late=backlog.late)
    rows = []
    for severity in (each for each in Severity if backlog.open.get(each)):
        late = backlog.overdue.get(severity, 0)
        key = "numbers.open.late" if late else "numbers.open.of"
        named = texts.say(f"severity.{severity}")
        rows.append(texts.say(key, severity=named, open=backlog.open[severity], late=late))
    return _list(total, rows, texts)


def decisions(numbers: Numbers, texts: Catalog) -> str:
    """`判断 8件: 違反 6 · 違反なし 2`."""
    total = texts.say("numbers.decided", count=numbers.decided)
    rows = [
        texts.say("numbers.count", what=texts.say(f"verdict.{verdict}"), of=count)
        for verdict, count in numbers.decisions.items()
    ]
    return _list(total, rows, texts)


def in_time(numbers: Numbers, texts: Catalog) -> tuple[str, str]:
    """`期限内の判断 80%（4/5件）: 重大 2/2 · 高 2/3`, of claims and of decisions."""
    claims = _in_time("numbers.claims", numbers.claims, numbers.claims_total, texts)
    return claims, _in_time("numbers.sla", numbers.sla, numbers.sla_total, texts)


def _in_time(key: str, slas: Mapping[Severity, Sla], total: Sla, texts: Catalog) -> str:
    if total.share is None:
        return texts.say(f"{key}.none")
    text = texts.say(key, share=percent(total, texts), met=total.met, count=total.of)
    rows = [
        texts.say(
            "numbers.sla.of", severity=texts.say(f"severity.{severity}"), met=each.met, all=each.of
        )
        for severity, each in slas.items()
    ]
    return _list(text, rows, texts)


def _list(total: str, rows: list[str], texts: Catalog) -> str:
    """The total, with its parts where there are any."""
    return texts.say("numbers.list", what=total, parts=" · ".join(rows)) if rows else total


def percent(sla: Sla, texts: Catalog) -> str:
    """`80%`, rounded down: 100% means that nothing was late."""
    return f"{int((sla.share or 0) * 100)}%"


def speed(numbers: Numbers, texts: Catalog) -> tuple[str, str]:
    """Medians from detection to the first action, and from opening to the decision."""
    return (
        _spread("numbers.ttfa", numbers.ttfa, texts),
        _spread("numbers.ttd", numbers.ttd, texts),
    )


def age(numbers: Numbers, texts: Catalog) -> str:
    """Age of the open cases."""
    return _spread("numbers.age", numbers.backlog.age, texts)


def approvals(numbers: Numbers, texts: Catalog) -> str:
    """`承認 2 · 却下 1 · 期限切れ 0 · 承認待ち 1`."""
    return texts.say("numbers.approvals", **numbers.approvals.model_dump())


def protections(numbers: Numbers, texts: Catalog) -> str:
    """`自動の保護 開始 3 · 解除 2 · 確定 1 · 実施中 1`."""
    return texts.say("numbers.protections", **numbers.protections.model_dump())


def automatic(numbers: Numbers, texts: Catalog) -> list[str]:
    """`自動の判断 12 · 取り消し 1 · 抜き取り 2`, where there are any."""
    counts = numbers.automatic.model_dump()
    return [texts.say("numbers.automatic", **counts)] if any(counts.values()) else []


def without_case(numbers: Numbers, texts: Catalog) -> list[str]:
    """`ケースにしなかった検知 記録のみ 3 · 同じ内容 1 · 抑止中 2`, where there are any."""
    found = numbers.without_case
    if found == WithoutCase():
        return []
    counts = {"logged": found.logged, "silenced": found.silenced, "suppressed": found.snoozed}
    return [texts.say("numbers.without_case", **counts)]


def trials(numbers: Numbers, titles: Mapping[str, Text], texts: Catalog) -> Iterator[str]:
    """The playbooks on trial, one per line, with what people did about the same subjects."""
    for each in numbers.trials[:MOST_PLAYBOOKS]:
        title = titles.get(each.playbook)
        named = mrkdwn(one_line(title.in_(texts.language) if title else each.playbook), _TITLE)
        yield texts.say("numbers.trial", title=named, counts=trial_counts(each, texts))


def trial_counts(trial: Trial, texts: Catalog) -> str:
    """`検知 42件 · 対象 40件 · 自動対応なら 12件（人の判断: 違反 5件 · 違反なし 1件 · …）`."""
    counts = texts.say("trial.counts", alerts=trial.alerts, subjects=trial.subjects)
    if not trial.acts:
        return counts
    acts = {**trial.model_dump(exclude={"playbook"}), "unseen": trial.unseen}
    return texts.say("trial.acts", counts=counts, **acts)


def playbooks(numbers: Numbers, titles: Mapping[str, Text], texts: Catalog) -> Iterator[str]:
    """The busiest playbooks, one per line, and the number of others."""
    for each in numbers.playbooks[:MOST_PLAYBOOKS]:
        title = titles.get(each.playbook)
        named = title.in_(texts.language) if title else each.playbook
        yield texts.say(
            "numbers.playbook",
            title=mrkdwn(one_line(named), _TITLE),
            opened=each.opened,
            decided=each.decisions,
        )
    more = len(numbers.playbooks) - MOST_PLAYBOOKS
    if more > 0:
        yield texts.say("numbers.playbooks.more", count=more)


def _spread(key: str, spread: Spread, texts: Catalog) -> str:
    if spread.p50 is None or spread.p95 is None:
        return texts.say(f"{key}.none")
    return texts.say(
        key, p50=lasting(spread.p50, texts), p95=lasting(spread.p95, texts), count=spread.of
    )


def lasting(lasts: timedelta, texts: Catalog) -> str:
    """A duration in seconds below an hour, in minutes below a day."""
    seconds = int(lasts.total_seconds())
    if seconds >= 86_400:
        seconds -= seconds % 3_600
    elif seconds >= 3_600:
        seconds -= seconds % 60
    return texts.duration(timedelta(seconds=seconds))


EVENT_TYPE = "koban_report"


def report_message(
    report: Report, reader: Reader, base: str | None, picture: Block | None = None
) -> Message:
    """Draws the report; `base` is the workspace's URL for links, `picture` the image block."""
    made = _Drawn(report, reader, base)
    blocks = [
        header(title(report, reader)),
        context(made.frame()),
        section([f"*{now(report.numbers, reader.texts)}*", flow(report.numbers, reader.texts)]),
        *([picture] if picture else []),
        *made.lists(),
        section(made.numbers()),
    ]
    return Message(made.sentence(), blocks, metadata(EVENT_TYPE, report=report.key))


def title(report: Report, reader: Reader) -> str:
    """`日勤の引き継ぎ`, `日次レポート`: as escaped plain text."""
    if report.team is None:
        return reader.say("report.daily")
    return reader.say("report.shift", shift=reader.title(report.team.title, plain))


class _Drawn:
    def __init__(self, report: Report, reader: Reader, base: str | None) -> None:
        self._report = report
        self._reader = reader
        self._base = base

    def sentence(self) -> str:
        """The text for screen readers and notifications."""
        report = self._report
        return self._reader.say(
            f"report.sentence.{report.kind}",
            title=mrkdwn(one_line(title(report, self._reader)), MOST_HEADER),
            open=report.numbers.backlog.total,
            late=report.numbers.backlog.late,
            handing=report.handing.count,
            waiting=report.waiting.count,
        )

    def frame(self) -> Iterator[str]:
        """The period, the ending shift and the next one."""
        report, reader = self._report, self._reader
        yield reader.say(
            "report.period",
            since=self._time(report.numbers.since),
            until=self._time(report.numbers.until),
        )
        if report.team is not None:
            yield reader.say("report.team", people=self._people(report.team))
        for team in report.following:
            yield reader.say(
                "report.next",
                shift=reader.title(team.title),
                at=reader.time(team.starts, report.at),
                people=self._people(team),
                leads=reader.people(team.leads),
            )

    def lists(self) -> list[Block]:
        """The lists of cases that are not empty."""
        report = self._report
        handing = report.handing if report.kind is ReportKind.SHIFT else Cases()
        cases = {
            "report.to_hand_over": handing,
            "report.overdue": report.overdue,
            "report.waiting": report.waiting,
            "report.on_hold": report.held,
        }
        lists = [(key, of.count, [*map(self._row, of.shown)]) for key, of in cases.items()]
        lists.append(("report.ending", report.endings, [*map(self._ending, report.ending)]))
        blocks = [section(self._list(*each)) for each in lists if each[1]]
        return blocks or [section([self._reader.say("report.nothing")])]

    def numbers(self) -> list[str]:
        """Decisions, speed, approvals, protections and playbooks, each with its denominator."""
        numbers, texts = self._report.numbers, self._reader.texts
        return [
            decisions(numbers, texts),
            *in_time(numbers, texts),
            *speed(numbers, texts),
            *([age(numbers, texts)] if self._report.kind is ReportKind.DAILY else []),
            approvals(numbers, texts),
            protections(numbers, texts),
            *automatic(numbers, texts),
            *without_case(numbers, texts),
            *playbooks(numbers, self._report.playbooks, texts),
            *trials(numbers, self._report.playbooks, texts),
        ]

    def _list(self, key: str, count: int, rows: list[str]) -> Iterator[str]:
        yield f"*{self._reader.say(key, count=count)}*"
        yield from rows
        if count > len(rows):
            yield self._reader.say("words.more", count=count - len(rows))

    def _row(self, note: CaseNote) -> str:
        reader = self._reader
        owner = "words.owner" if note.owner else "words.owner.nobody"
        parts = [
            reader.say(f"severity.{note.severity}"),
            self._named(note.id, note.card),
            reader.title(note.title),
            reader.say(owner, person=reader.person(note.owner)),
        ]
        if note.hold is not None and note.hold_until is not None:
            parts.append(reader.say(f"words.hold.{note.hold}", at=self._time(note.hold_until)))
        if note.due is not None:
            key = "report.late" if note.due < self._report.at else "words.due"
            parts.append(reader.say(key, time=self._time(note.due)))
        return f"• {' · '.join(parts)}"

    def _ending(self, note: ProtectionNote) -> str:
        reader = self._reader
        parts = (
            reader.say(f"severity.{note.severity}"),
            self._named(note.case, note.card),
            reader.title(note.title),
            reader.title(note.action),
            reader.say("report.ends", at=self._time(note.until)),
        )
        return f"• {' · '.join(parts)}"

    def _named(self, case: str, card: CardRef | None) -> str:
        """The case's id, as a link to its card."""
        if self._base is None or card is None:
            return case
        return f"<{self._base}archives/{card.channel}/p{card.ts.replace('.', '')}|{case}>"

    def _people(self, team: Team) -> str:
        if team.people:
            return self._reader.people(team.people)
        return self._reader.say(f"role.{team.role or Role.SPECIALIST}")

    def _time(self, at: datetime) -> str:
        return self._reader.time(at, self._report.at)


MOST_ALT = 1000
"""docs.slack.dev, files.getUploadURLExternal: alt_txt."""


def picture_of(report: Report, reader: Reader) -> Chart:
    """The chart of a report."""
    numbers, texts, zone = report.numbers, reader.texts, reader.zone
    since, until = (texts.day_and_time(at, zone) for at in (numbers.since, numbers.until))
    name = f"{title(report, reader)} {reader.say('report.chart.span', since=since, until=until)}"
    parts = (name, flow(numbers, texts), *in_time(numbers, texts))
    return Chart(
        title=name,
        bars=_bars(numbers, reader),
        shares=_shares(numbers, reader),
        alt=reader.say("report.chart.stop").join(parts)[:MOST_ALT],
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
    clocks = {"report.chart.claim": numbers.claims, "report.chart.decide": numbers.sla}
    rows = (
        _share(reader.say(key, severity=reader.say(f"severity.{severity}")), of[severity], reader)
        for severity in Severity
        for key, of in clocks.items()
        if severity in of
    )
    return Shares(
        title=reader.say("report.chart.sla"),
        rows=tuple(rows),
        met=reader.say("report.chart.met"),
        missed=reader.say("report.chart.missed"),
        overdue=reader.say("report.chart.overdue"),
        nothing=reader.say("report.chart.nothing"),
    )


def _share(label: str, sla: Sla, reader: Reader) -> ShareRow:
    return ShareRow(
        label=label,
        met=sla.met,
        missed=sla.missed,
        overdue=sla.overdue,
        said=reader.say("report.chart.share", share=percent(sla, reader.texts), count=sla.of),
    )
