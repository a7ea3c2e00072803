"""What stands beside the cards, with made-up contents: a storm's digest, and evidence."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from activities.slack.drawing import Message
from activities.slack.evidence import Viewer
from activities.slack.reader import Reader
from activities.slack.storm_digest import calls, digest
from bot.slack.evidence.paging import page_at
from bot.slack.evidence.state import ListState
from bot.slack.evidence.views import list_view
from workflows.domain.alert import ImageEvidence, Subject, TextEvidence
from workflows.domain.case_state import Case
from workflows.domain.commands import Modal
from workflows.domain.evidence import AlertEvidence
from workflows.domain.people import Role
from workflows.domain.playbook.model import Severity
from workflows.domain.storm import MOST_TOP, Group, Mention, Picture, Top
from workflows.storming.ports import ShowStorm


def storms(case: Case, reader: Reader, now: datetime) -> Iterator[tuple[str, Message]]:
    """The message that stands for a flood of cases like this one, and the call in its thread."""
    title, counts = case.policy.playbook.title, dict.fromkeys(Severity, 99_999)
    top = tuple(
        Top(
            case=f"K0SAMP1E{number}",
            title=title,
            subject=Subject(type="user", id="<u_1>"),
            severity=Severity.CRITICAL,
            alerts=99_999,
        )
        for number in range(MOST_TOP)
    )
    group = Group(playbook=case.policy.playbook.playbook, title=title, counts=counts)
    picture = Picture(
        channel="C0SAMPLE",
        since=now,
        cases=99_999,
        open=99_999,
        waiting=1,
        groups=(group,),
        top=top,
    )
    mentions = (Mention(role=Role.LEAD, counts=counts),)
    shown = ShowStorm(key="sample", picture=picture, digest=None, mentions=mentions, number=1)
    yield "storm", digest(shown, reader)
    yield "storm: calls", calls(shown, reader)


def evidence(
    case: Case, words: str, reader: Reader, now: datetime
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A page of evidence, and a hidden text as whoever asked for it sees it."""
    alert = AlertEvidence(
        key="sample/1",
        kind=case.policy.playbook.playbook,
        detector="sample",
        occurred_at=now,
        score=1.0,
        evidence=(
            TextEvidence(text=words),
            TextEvidence(text=words, sensitive=True),
            ImageEvidence(url="https://images.example/1.png"),
        ),
    )
    state = ListState(
        route=case.route,
        case=case.id,
        version=case.version,
        channel="C0SAMPLE",
        language=reader.texts.language,
        until=now,
    )
    many = [alert] * 100
    yield "evidence", list_view(page_at(state.at, many, len(many)), len(many), state, reader)
    viewer = Viewer(reader, Modal(id="evidence/sample", carries="{}"))
    yield "evidence: hidden words", viewer.words(alert, words)
