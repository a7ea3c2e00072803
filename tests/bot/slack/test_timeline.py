"""Timeline of a case: a placeholder first, then its pages."""

import asyncio
from datetime import timedelta

from bot.services.cases import EventLine, TimelineLine
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls, visible_text
from tests.bot.slack.conftest import Stage
from tests.bot.slack.fakes import CASE, NOW, case
from tests.bot.slack.test_everything import chosen, says
from workflows.domain.alerts import Subject
from workflows.domain.case import events as ev
from workflows.domain.case.decision import Decision, PlannedAction, Verdict

MUTE = PlannedAction(
    action="mute_user", subject=Subject(type="user", id="u_123"), lasts=timedelta(hours=24)
)


def timeline_of(*events: ev.Event) -> list[TimelineLine]:
    """Events as the ledger returns them."""
    return [
        TimelineLine(
            line=EventLine(at=event.at, kind=event.kind, by=event.by),
            whole=ev.Recorded(seq=seq, event=event),
        )
        for seq, event in enumerate(events, 1)
    ]


def begun() -> ev.CaseOpened:
    now = case()
    return ev.CaseOpened(
        at=NOW,
        case=CASE,
        playbook="off_platform",
        subject=now.subject,
        severity=now.severity,
        alert=now.first,
    )


def decided() -> ev.Decided:
    decision = Decision(
        id="D1",
        by="U0SATO",
        at=NOW,
        verdict=Verdict.VIOLATION,
        actions=(MUTE,),
        reason="<!channel> *3回目*",
    )
    return ev.Decided(at=NOW, by="U0SATO", decision=decision, actions=())


async def opens(stage: Stage, user: str = "U0SATO") -> Person:
    return await chosen(stage, user, "timeline")


async def test_the_timeline_has_the_lines_of_the_thread(stage: Stage):
    """A line has date, person, action and reason, without mentions or markup."""
    stage.ledger.timelines[CASE] = timeline_of(
        begun(),
        ev.CaseClaimed(at=NOW, by="U0SATO"),
        decided(),
        ev.CaseEscalated(at=NOW, step=0, notify="lead", unless="decided"),
    )
    sato = await opens(stage)
    shown = visible_text(await says(sato, "4件中 1–4件目"))
    assert "<@U0SATO>さんが担当になりました" in shown
    assert "コメント制限 24時間" in shown
    assert "∗3回目∗" in shown
    assert "<!channel>" not in shown
    assert "受付" in shown
    # Slack names a person in a view without calling them; roles are named in words.
    assert {each.target for each in stage.workspace.notifications} == {"<@U0SATO>"}


async def test_it_opens_before_the_ledger_answers(stage: Stage):
    """A slow ledger does not delay the modal beyond its trigger's lifetime."""
    stage.ledger.timelines[CASE] = timeline_of(begun())
    stage.ledger.gate = asyncio.Event()
    sato = await opens(stage)
    await says(sato, "読み込んでいます…")
    stage.ledger.gate.set()
    await says(sato, "1件中 1–1件目")
    assert len(await sato.views()) == 1


async def test_the_latest_page_comes_first_and_pages_turn(stage: Stage):
    """A page has twenty lines."""
    notes = [ev.NoteAdded(at=NOW, by="U0SATO", note=f"メモ{n:02}") for n in range(1, 45)]
    stage.ledger.timelines[CASE] = timeline_of(begun(), *notes)
    sato = await opens(stage)
    view = await says(sato, "45件中 41–45件目")
    assert [c.action_id for c in controls(view)] == ["timeline.page.before"]
    await sato.press(view, "timeline.page.before")
    view = await says(sato, "45件中 21–40件目")
    assert "メモ20" in visible_text(view)
    assert "メモ40" not in visible_text(view)
    assert [c.action_id for c in controls(view)] == ["timeline.page.before", "timeline.page.next"]


async def test_the_look_is_recorded_first(stage: Stage):
    """Every look-up of a case is recorded."""
    stage.ledger.timelines[CASE] = timeline_of(begun())
    suzuki = await opens(stage, "U0SUZUKI")
    await says(suzuki, "1件中 1–1件目")
    assert stage.ledger.log == ["looked_up", "timeline"]
    [note] = stage.ledger.notes
    assert (note.actor, note.why) == ("U0SUZUKI", "timeline")
    assert (note.subject_type, note.subject_id) == ("case", CASE)


async def test_a_person_without_a_role_sees_nothing(stage: Stage):
    """The card can be in a public channel; its events are for the team."""
    stage.ledger.timelines[CASE] = timeline_of(begun())
    stage.people.roles_of.pop("U0CLARK")
    emma = await opens(stage, "U0CLARK")
    await says(emma, "This needs the")
    assert stage.ledger.log == []


async def test_an_outage_of_the_ledger_is_reported_in_the_modal(stage: Stage):
    """The text has the next step."""
    stage.ledger.away = True
    sato = await opens(stage)
    await says(sato, "いまは記録を読み込めません。")


async def test_an_unknown_case_gets_a_sentence(stage: Stage):
    """The ledger does not have the card's case."""
    sato = await opens(stage)
    await says(sato, f"ケース {CASE} の記録が見つかりません。")


async def test_an_event_of_a_newer_version_keeps_its_line(stage: Stage):
    """Its kind and person are shown."""
    line = EventLine(at=NOW, kind="something_newer", by="U0SATO")
    stage.ledger.timelines[CASE] = [*timeline_of(begun()), TimelineLine(line=line)]
    sato = await opens(stage)
    assert "更新" in visible_text(await says(sato, "2件中 1–2件目"))
