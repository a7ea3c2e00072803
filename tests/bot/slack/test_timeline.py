"""Timeline of a case: a placeholder first, then its pages."""

import asyncio
from datetime import timedelta

from bot.services.cases import EventLine, TimelineLine
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls, visible_text
from tests.bot.slack.conftest import SlackEnvironment
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


async def opens(env: SlackEnvironment, user: str = "U0SATO") -> Person:
    return await chosen(env, user, "timeline")


async def test_the_timeline_has_the_lines_of_the_thread(env: SlackEnvironment):
    """A line has date, person, action and reason, without mentions or markup."""
    env.ledger.timelines[CASE] = timeline_of(
        begun(),
        ev.CaseClaimed(at=NOW, by="U0SATO"),
        decided(),
        ev.CaseEscalated(at=NOW, step=0, notify="lead", unless="decided"),
    )
    sato = await opens(env)
    shown = visible_text(await says(sato, "4件中 1–4件目"))
    assert "<@U0SATO>さんが担当になりました" in shown
    assert "コメント制限 24時間" in shown
    assert "∗3回目∗" in shown
    assert "<!channel>" not in shown
    assert "受付" in shown
    # Slack names a person in a view without calling them; roles are named in words.
    assert {each.target for each in env.workspace.notifications} == {"<@U0SATO>"}


async def test_it_opens_before_the_ledger_answers(env: SlackEnvironment):
    """A slow ledger does not delay the modal beyond its trigger's lifetime."""
    env.ledger.timelines[CASE] = timeline_of(begun())
    env.ledger.gate = asyncio.Event()
    sato = await opens(env)
    await says(sato, "読み込んでいます…")
    env.ledger.gate.set()
    await says(sato, "1件中 1–1件目")
    assert len(await sato.views()) == 1


async def test_the_latest_page_comes_first_and_pages_turn(env: SlackEnvironment):
    """A page has twenty lines."""
    notes = [ev.NoteAdded(at=NOW, by="U0SATO", note=f"メモ{n:02}") for n in range(1, 45)]
    env.ledger.timelines[CASE] = timeline_of(begun(), *notes)
    sato = await opens(env)
    view = await says(sato, "45件中 41–45件目")
    assert [c.action_id for c in controls(view)] == ["timeline.page.before"]
    await sato.press(view, "timeline.page.before")
    view = await says(sato, "45件中 21–40件目")
    assert "メモ20" in visible_text(view)
    assert "メモ40" not in visible_text(view)
    assert [c.action_id for c in controls(view)] == ["timeline.page.before", "timeline.page.next"]


async def test_the_look_is_recorded_first(env: SlackEnvironment):
    """Every look-up of a case is recorded."""
    env.ledger.timelines[CASE] = timeline_of(begun())
    suzuki = await opens(env, "U0SUZUKI")
    await says(suzuki, "1件中 1–1件目")
    assert env.ledger.log == ["looked_up", "timeline"]
    [note] = env.ledger.notes
    assert (note.actor, note.why) == ("U0SUZUKI", "timeline")
    assert (note.subject_type, note.subject_id) == ("case", CASE)


async def test_a_person_without_a_role_sees_nothing(env: SlackEnvironment):
    """The card can be in a public channel; its events are for the team."""
    env.ledger.timelines[CASE] = timeline_of(begun())
    env.people.roles_of.pop("U0CLARK")
    emma = await opens(env, "U0CLARK")
    await says(emma, "This needs the")
    assert env.ledger.log == []


async def test_an_outage_of_the_ledger_is_reported_in_the_modal(env: SlackEnvironment):
    """The text has the next step."""
    env.ledger.away = True
    sato = await opens(env)
    await says(sato, "いまは記録を読み込めません。")


async def test_an_unknown_case_gets_a_sentence(env: SlackEnvironment):
    """The ledger does not have the card's case."""
    sato = await opens(env)
    await says(sato, f"ケース {CASE} の記録が見つかりません。")


async def test_an_event_of_a_newer_version_keeps_its_line(env: SlackEnvironment):
    """Its kind and person are shown."""
    line = EventLine(at=NOW, kind="something_newer", by="U0SATO")
    env.ledger.timelines[CASE] = [*timeline_of(begun()), TimelineLine(line=line)]
    sato = await opens(env)
    assert "更新" in visible_text(await says(sato, "2件中 1–2件目"))
