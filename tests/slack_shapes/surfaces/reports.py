"""Reports: handover and daily digest."""

from collections.abc import Iterator
from typing import Any

from activities.slack.report_message import picture_of, report_message
from tests.activities.slack.test_report_message import AT, SINCE, a_note, a_report, a_team
from tests.slack_shapes.scene import BASE, Scene, Surface
from tests.slack_shapes.sent import Sent, message, words
from tests.slack_shapes.surfaces.commands import counted
from workflows.domain.case.model import HoldKind
from workflows.domain.metrics.metrics import Numbers
from workflows.domain.metrics.report import (
    MOST_LISTED,
    CaseNote,
    Cases,
    ProtectionNote,
    Report,
    ReportKind,
)
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Severity
from workflows.domain.policy.roster import Team


def _title(scene: Scene) -> Any:
    return scene.words.titled("外部誘導", "Off-platform inducement")


def _notes(scene: Scene, **more: Any) -> tuple[CaseNote, ...]:
    """As many entries as a list shows."""
    return tuple(a_note(f"K{n:08}", title=_title(scene), **more) for n in range(MOST_LISTED))


def _team(scene: Scene, **more: Any) -> Team:
    team = a_team("", ("U0SATO", "U0SUZUKI"), SINCE)
    title = scene.words.titled("日勤", "Day shift")
    return team.model_copy(update={"title": title, **more})


def _ending(scene: Scene) -> ProtectionNote:
    return ProtectionNote(
        case="K7Q2F9XM0",
        title=_title(scene),
        severity=Severity.CRITICAL,
        action=scene.words.titled("メッセージ非表示", "Hide message"),
        until=AT,
    )


def _given(scene: Scene) -> dict[str, Any]:
    held = {"hold": HoldKind.WAITING, "hold_until": AT, "due": None}
    put_off = {"hold": HoldKind.SNOOZED, "hold_until": AT, "owner": None}
    return {
        "playbooks": {"off_platform": _title(scene)},
        "numbers": counted(scene),
        "team": _team(scene),
        "following": (_team(scene, starts=AT),),
        "handing": Cases(count=1, shown=_notes(scene)[:1]),
        "overdue": Cases(count=1, shown=_notes(scene, owner=None, due=SINCE)[:1]),
        "waiting": Cases(count=14, shown=_notes(scene, waits=True)),
        "held": Cases(count=2, shown=(_notes(scene, **held)[0], _notes(scene, **put_off)[1])),
        "ending": (_ending(scene),),
        "endings": 3,
    }


def _reports(scene: Scene) -> Iterator[tuple[str, Sent]]:
    many = Cases(count=99_999, shown=_notes(scene))
    full = dict.fromkeys(("handing", "overdue", "waiting", "held"), many)
    full |= {"ending": (_ending(scene),) * MOST_LISTED, "following": (_team(scene),) * 9}
    empty = dict.fromkeys(("handing", "overdue", "waiting", "held"), Cases())
    nothing = {**empty, "ending": (), "endings": 0, "numbers": Numbers(since=SINCE, until=AT)}
    day = {"kind": ReportKind.DAILY, "team": None, "following": ()}
    whole = {"team": _team(scene, people=(), role=Role.SPECIALIST), "following": ()}
    for state, changes in (
        ("a shift", {}),
        ("a day", day),
        ("a shift without anything", nothing),
        ("a day without anything", {**nothing, **day}),
        ("a shift of a whole role", whole),
        ("as much as there is", full),
    ):
        report = a_report(**{**_given(scene), **changes})
        yield state, message(report_message(report, scene.reader, BASE))
    yield "with its picture", message(_illustrated(scene))
    yield (
        "no address of the workspace",
        message(report_message(a_report(**_given(scene)), scene.reader, None)),
    )


def _illustrated(scene: Scene):
    report = a_report(**_given(scene))
    alt = picture_of(report, scene.reader).alt
    image = {"type": "image", "slack_file": {"id": "F0123456789"}, "alt_text": alt}
    return report_message(report, scene.reader, BASE, image)


def _pictures(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Texts of the picture, line by line."""
    nothing = Numbers(since=SINCE, until=AT)
    for state, report in (
        ("a shift", a_report(**_given(scene))),
        ("nothing happened", a_report(**{**_given(scene), "numbers": nothing})),
    ):
        yield state, words("\n".join(_words(report, scene)))


def _words(report: Report, scene: Scene) -> Iterator[str]:
    drawn = picture_of(report, scene.reader)
    yield drawn.title
    yield from (drawn.bars.title, drawn.bars.first_name, drawn.bars.second_name)
    yield from (drawn.shares.title, drawn.shares.met, drawn.shares.missed, drawn.shares.overdue)
    yield from (f"{row.label} {row.said}" for row in drawn.shares.rows)
    yield drawn.shares.nothing


SURFACES = (Surface("report", _reports), Surface("report picture", _pictures))
