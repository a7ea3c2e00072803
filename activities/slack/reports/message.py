"""A report as a message: read in half a minute, the worst first."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from activities.slack import numbers_words as words
from activities.slack.drawing import (
    MOST_HEADER,
    Block,
    Message,
    context,
    header,
    metadata,
    section,
)
from activities.slack.escape import mrkdwn, one_line, plain
from activities.slack.reader import Reader
from workflows.domain.memory import CardRef
from workflows.domain.numbers.report import (
    CaseNote,
    Cases,
    ProtectionNote,
    Report,
    ReportKind,
    Team,
)
from workflows.domain.people import Role

EVENT_TYPE = "koban_report"


def report_message(
    report: Report, reader: Reader, base: str | None, picture: Block | None = None
) -> Message:
    """The report; `base` is the workspace's address for links, `picture` its image block."""
    made = _Drawn(report, reader, base)
    blocks = [
        header(title(report, reader)),
        context(made.frame()),
        section([f"*{words.now(report.numbers, reader.texts)}*", made.flow()]),
        *([picture] if picture else []),
        *made.lists(),
        section(made.numbers()),
    ]
    return Message(made.sentence(), blocks, metadata(EVENT_TYPE, report=report.key))


def title(report: Report, reader: Reader) -> str:
    """`日勤の引き継ぎ`, `日次レポート`: plain text, harmless."""
    if report.team is None:
        return reader.say("report.daily")
    return reader.say("report.shift", shift=reader.title(report.team.title, plain))


class _Drawn:
    def __init__(self, report: Report, reader: Reader, base: str | None) -> None:
        self._report = report
        self._reader = reader
        self._base = base

    def sentence(self) -> str:
        """What a screen reader or a notification says."""
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
        """From when to when, who ends, who comes."""
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
                "report.following",
                shift=reader.title(team.title),
                at=reader.time(team.starts, report.at),
                people=self._people(team),
                leads=reader.people(team.leads),
            )

    def flow(self) -> str:
        """What came and went."""
        return words.flow(self._report.numbers, self._reader.texts)

    def lists(self) -> list[Block]:
        """The cases that somebody has to know of; what is empty is not drawn."""
        report = self._report
        listed = {
            "report.handing": report.handing if report.kind is ReportKind.SHIFT else Cases(),
            "report.overdue": report.overdue,
            "report.waiting": report.waiting,
            "report.held": report.held,
        }
        blocks = [self._list(key, cases) for key, cases in listed.items() if cases.count]
        if report.endings:
            blocks.append(self._endings())
        if not blocks:
            blocks.append(section([self._reader.say("report.nothing")]))
        return blocks

    def numbers(self) -> list[str]:
        """Decisions, speed, approvals, protections and playbooks, each with its denominator."""
        numbers, texts = self._report.numbers, self._reader.texts
        return [
            words.decisions(numbers, texts),
            words.in_time(numbers, texts),
            *words.speed(numbers, texts),
            *([words.age(numbers, texts)] if self._report.kind is ReportKind.DAILY else []),
            words.approvals(numbers, texts),
            words.protections(numbers, texts),
            *words.playbooks(numbers, self._report.playbooks, texts),
        ]

    def _list(self, key: str, cases: Cases) -> Block:
        rows = (self._row(note) for note in cases.shown)
        return section(self._titled(key, cases.count, rows, len(cases.shown)))

    def _endings(self) -> Block:
        report = self._report
        rows = (self._ending(each) for each in report.ending)
        return section(self._titled("report.ending", report.endings, rows, len(report.ending)))

    def _titled(self, key: str, count: int, rows: Iterable[str], shown: int) -> Iterator[str]:
        yield f"*{self._reader.say(key, count=count)}*"
        yield from rows
        if count > shown:
            yield self._reader.say("report.more", count=count - shown)

    def _row(self, note: CaseNote) -> str:
        reader = self._reader
        parts = [
            reader.say(f"severity.{note.severity}"),
            self._named(note.id, note.card),
            reader.title(note.title),
            reader.say("report.owner", person=reader.person(note.owner))
            if note.owner
            else reader.say("report.nobody"),
        ]
        if note.hold is not None and note.hold_until is not None:
            parts.append(reader.say(f"report.hold.{note.hold}", at=self._time(note.hold_until)))
        if note.due is not None:
            key = "report.late" if note.due < self._report.at else "report.due"
            parts.append(reader.say(key, at=self._time(note.due)))
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
