"""`/koban` answers beyond cases and queues, and messages to other people."""

from collections.abc import Iterator
from datetime import timedelta

from activities.ledger.team import ActiveCover
from bot.services.cases import Record, Which
from bot.services.lookups import Fact
from bot.services.team import Duty, OnCall
from bot.slack.commands import pages, team
from bot.slack.commands.automation import (
    AutomationAnswer,
    AutomationLine,
    ChoosePause,
    PauseAutomation,
    ResumeAutomation,
    pauses_page,
)
from bot.slack.commands.cover import CoverAnswer, CoverLine, EndCovers, LetCover, ShowCovers
from bot.slack.commands.find import Find, found_page
from bot.slack.commands.playbook import playbook_page, playbooks_page
from bot.slack.commands.subject import (
    PAGE,
    RelatedSubject,
    ShowRelated,
    SubjectAnswer,
    related_page,
)
from bot.slack.commands.team import Window
from bot.slack.interactions import read_press
from bot.slack.replies import Said
from tests.activities.slack.test_report_message import NUMBERS
from tests.bot.slack.fakes import NOW, line
from tests.slack_shapes.other_stories import a_trip
from tests.slack_shapes.scene import BASE, Scene, Surface
from tests.slack_shapes.sent import Sent, said
from tests.slack_shapes.surfaces.harness import Harness, Policies
from workflows.domain.alerts import Subject
from workflows.domain.automation import ALL, AutomationChange, PauseChange, Scope
from workflows.domain.brakes import BrakeCause
from workflows.domain.metrics.metrics import Automatic, Numbers, PlaybookCount, WithoutCase
from workflows.domain.people import Cover, Role
from workflows.domain.policy.bands import Trial
from workflows.domain.policy.roster import ShiftTurn as Shift

LATER = NOW + timedelta(hours=2)


# -- looking something up ---------------------------------------------------------------------


def _finds(scene: Scene) -> Iterator[tuple[str, Sent]]:
    title = scene.words.titled("外部誘導", "Off-platform inducement")
    subject = Subject(type="user", id=scene.words.id)
    lines = [line(f"K{n:08}", title=title, subject=subject) for n in range(PAGE + 1)]
    for state, found, first in (
        ("nothing", [], 0),
        ("no more", [], PAGE),
        ("one", lines[:1], 0),
        ("the first of many", lines, 0),
        ("in the middle", lines, PAGE),
        ("the last", lines[:3], 2 * PAGE),
    ):
        wanted = Find(text=scene.words.evidence[:200] or "x", first=first)
        yield state, said(found_page(found, wanted, scene.catalog, BASE, NOW))
    for state, near in (("no such case", ()), ("near ones", ("K7Q2F9XM1", "K7Q2F9XM2"))):
        yield state, said(pages.no_case_page("K7Q2F9XM0", near, scene.catalog))


def _playbooks(scene: Scene) -> Iterator[tuple[str, Sent]]:
    policies = Policies(scene)
    for each in policies.playbooks():
        yield each.playbook, said(playbook_page(each, policies.catalog(), scene.catalog))
        trial = playbook_page(each, policies.catalog(), scene.catalog, TRIAL)
        yield f"{each.playbook}, on trial", said(trial)
    for state, found in (("all", policies.playbooks()), ("none", ())):
        title = scene.catalog.say("bot.playbook.list", count=len(found))
        yield state, said(playbooks_page(title, "playbook", found, scene.catalog))


def _related(scene: Scene) -> Iterator[tuple[str, Sent]]:
    start = Subject(type="user", id=scene.words.id)
    title = scene.words.titled("同じ端末", "Same device")
    seen = Record(open_cases=tuple(f"K{n:08}" for n in range(9)), in_force=3)
    ties = [
        RelatedSubject(
            subject=Subject(type="user", id=f"{scene.words.id[:250]}{n}"),
            by=(title,) * (1 + n % 9),
            record=seen if n < 2 else Record(),
        )
        for n in range(25)
    ]
    away = list(Harness(scene).bulk_decisions.sources().values())
    for state, found, first, missing in (
        ("nobody", [], 0, []),
        ("one source away", ties[:1], 0, away),
        ("the first of many", ties, 0, []),
        ("in the middle", ties, PAGE, []),
        ("turned too far", ties, 100, []),
    ):
        wanted = ShowRelated(subject=start, first=first)
        yield state, said(related_page(wanted, found, missing, scene.catalog))


def _no_sources(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """A subject type without look-ups."""
    harness = Harness(scene)
    handler = SubjectAnswer(harness.context)
    wanted = ShowRelated(subject=Subject(type="listing", id=scene.words.id))
    yield "a listing", said(harness.ask(lambda: handler.related(wanted, harness.asked()))[0])


def _subjects(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Subjects with the reader's buttons."""
    subject = Subject(type="user", id=scene.words.id)
    mail = Fact(
        title=scene.words.titled("メール", "E-mail"), value=scene.words.evidence, personal=True
    )
    harness = Harness(scene)
    harness.platform.facts = {subject.key: (mail,)}
    handler = SubjectAnswer(harness.context)
    for role in (Role.SPECIALIST, Role.AUDITOR):
        asked = harness.asked("U0SATO", role)
        yield role.value, said(harness.ask(lambda asked=asked: handler.show(subject, asked))[0])


# -- the team ---------------------------------------------------------------------------------


def a_duty(scene: Scene, hours: int, people: tuple[str, ...] | None) -> Duty:
    """A turn of eight hours from this time on."""
    turn = Shift(
        shift="day",
        title=scene.words.titled("日勤", "Day"),
        starts=NOW + timedelta(hours=hours),
        ends=NOW + timedelta(hours=hours + 8),
    )
    return Duty(turn=turn, people=people, leads=("U0TANAKA",) if people else None)


def a_shift(scene: Scene) -> OnCall:
    """One person on shift now, one next, and one who covers."""
    cover = ActiveCover(person="U0SATO", covers_for="U0TANAKA", role=Role.LEAD, until=LATER)
    now, after = a_duty(scene, -4, ("U0SATO", "U0SUZUKI")), a_duty(scene, 4, ("U0REED",))
    return OnCall(roster=True, now=(now,), next=(after,), covers=(cover,))


def _on_call(scene: Scene) -> Iterator[tuple[str, Sent]]:
    unknown = OnCall(roster=True, now=(a_duty(scene, -1, None),))
    crowd = ("U0SATO", "U0TANAKA", "U0SUZUKI", "U0MORI", "U0REED") * 9
    held = {Role.LEAD: ("U0TANAKA",), Role.SPECIALIST: ()}
    many = tuple(a_duty(scene, n, crowd) for n in range(5))
    for state, shift in (
        ("on shift", a_shift(scene)),
        ("nobody", OnCall(roster=True)),
        ("an empty shift", OnCall(roster=True, now=(a_duty(scene, -1, ()),))),
        ("Slack does not say who", unknown),
        (
            "no roster",
            OnCall(roster=False, holders=held),
        ),
        ("no roster, nobody known", OnCall(roster=False, holders={Role.LEAD: None})),
        ("as much as there is", OnCall(roster=True, now=many, next=many)),
    ):
        yield state, said(team.on_call_page(shift, scene.catalog))


TRIAL = Trial(
    playbook="off_platform", alerts=42, subjects=40, acts=12, violations=5, cleared=1, open=2
)


def counted(scene: Scene) -> Numbers:
    """A day with more playbooks than are shown."""
    busiest = tuple(
        PlaybookCount(playbook=name, opened=12, decisions=8)
        for name in ("off_platform", *(f"p{n}" for n in range(9)))
    )
    backlog = NUMBERS.backlog.model_copy(update={"age": NUMBERS.ttd})
    changed = {"playbooks": busiest, "since": NOW, "until": LATER, "backlog": backlog}
    automatic = Automatic(decided=12, reconsidered=1, sampled=2)
    unopened = WithoutCase(logged=1_204, silenced=3, snoozed=17)
    trials = (TRIAL, Trial(playbook="p1", alerts=3, subjects=3))
    more = {"automatic": automatic, "without_case": unopened, "trials": trials}
    return NUMBERS.model_copy(update={**changed, **more})


def _stats(scene: Scene) -> Iterator[tuple[str, Sent]]:
    for state, numbers in (("a day", counted(scene)), ("nothing happened", None)):
        for window in Window:
            harness = Harness(scene)
            harness.team.counted = numbers
            handler, wanted = team.TeamAnswer(harness.context), team.ShowStats(window=window)
            answer = harness.ask(
                lambda harness=harness, handler=handler, wanted=wanted: handler.answer(
                    wanted, harness.asked()
                )
            )
            yield f"{state}, {window.value}", said(answer[0])


# -- covers and the emergency stop ------------------------------------------------------------


def _covers(scene: Scene) -> Iterator[tuple[str, Sent]]:
    for state, person, covers, wanted in (
        ("none", "U0SATO", [], ShowCovers()),
        ("one's own", "U0SATO", [("U0SATO", "U0TANAKA"), ("U0REED", "U0SATO")], ShowCovers()),
        ("all", "U0TANAKA", [("U0SATO", "U0MORI")] * 2, ShowCovers()),
        ("ended for somebody", "U0TANAKA", [("U0SATO", "U0MORI")], EndCovers(person="U0SATO")),
        ("ended", "U0TANAKA", [("U0SATO", "U0TANAKA")], EndCovers()),
        ("started", "U0TANAKA", [], LetCover(person="U0SATO", at=LATER.timetz())),
    ):
        harness = Harness(scene)
        harness.covers.given = [
            (who, Cover(role=Role.LEAD, person=of, until=LATER)) for who, of in covers
        ]
        for number, answer in enumerate(_of_covers(harness, wanted, person)):
            yield f"{state} {number}", said(answer)


def _of_covers(harness: Harness, wanted: CoverLine, person: str) -> list[Said]:
    handler = CoverAnswer(harness.context)
    return harness.ask(lambda: handler.answer(wanted, harness.asked(person)))


def _change(kind: PauseChange, by: str = "U0SUZUKI", **more: object) -> AutomationChange:
    given = {"kind": kind, "by": by, "at": NOW - timedelta(minutes=5), **more}
    return AutomationChange.model_validate(given)


PAUSED = _change(PauseChange.PAUSED)
OF_ONE = _change(PauseChange.PAUSED, playbook="off_platform", until=LATER)
ASKED = _change(PauseChange.RESUME_ASKED)
SHILL = Scope(detector="shill")
BROKEN = Scope(detector="shill", action="mute_user")
TRIPPED = _change(
    PauseChange.BREAKER_TRIPPED, **{**dict(a_trip(BrakeCause.SUBJECTS)), **dict(BROKEN)}
)
ARMING = _change(PauseChange.RESUME_ASKED, **dict(BROKEN))
SPECIALIST, LEAD, AUDITOR = frozenset({Role.SPECIALIST}), frozenset({Role.LEAD}), Role.AUDITOR


def _pauses(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Answers to pauses, and direct messages to the leads."""
    resume, pause = ResumeAutomation(), PauseAutomation()
    for state, before, wanted, roles in (
        ("paused", [], pause, SPECIALIST),
        ("paused for a time", [], _pausing(hours=2), SPECIALIST),
        ("paused for too long", [], _pausing(hours=999), SPECIALIST),
        ("nothing named", [], ChoosePause(lasts="for 2h"), SPECIALIST),
        ("a playbook that nobody knows", [], _pausing("of_platform"), SPECIALIST),
        ("nothing like a playbook", [], _pausing("nope"), SPECIALIST),
        ("one paused", [], _pausing("off_platform"), SPECIALIST),
        ("a detector paused", [], PauseAutomation(scope=SHILL), SPECIALIST),
        ("an action paused", [], PauseAutomation(scope=Scope(action="mute_user")), SPECIALIST),
        ("an action unlike any", [], PauseAutomation(scope=Scope(action="")), SPECIALIST),
        ("not a working role", [], pause, {AUDITOR}),
        ("asked to go on", [PAUSED], resume, SPECIALIST),
        (
            "asked already",
            [PAUSED, _change(PauseChange.RESUME_ASKED, "U0SATO")],
            resume,
            SPECIALIST,
        ),
        ("a lead is needed", [PAUSED, ASKED], resume, SPECIALIST),
        ("going on", [PAUSED, ASKED], resume, LEAD),
        ("a breaker armed", [TRIPPED, ARMING], ResumeAutomation(scope=BROKEN), LEAD),
        ("nothing stands still", [], resume, LEAD),
        ("everything stands still", [PAUSED], _resuming("off_platform"), LEAD),
        (
            "several stand still",
            [OF_ONE, _change(PauseChange.PAUSED, playbook="other")],
            resume,
            LEAD,
        ),
    ):
        harness = Harness(scene)
        harness.automation.changes = list(before)
        for number, answer in enumerate(_of_brake(harness, wanted, roles)):
            yield f"{state} {number}", said(answer)
    for number, answer in enumerate(_of_button(Harness(scene))):
        yield f"a button of an ended request {number}", said(answer)


def _pausing(playbook: str | None = None, hours: int | None = None) -> PauseAutomation:
    return PauseAutomation(
        scope=Scope(playbook=playbook), lasts=None if hours is None else timedelta(hours=hours)
    )


def _resuming(playbook: str) -> ResumeAutomation:
    return ResumeAutomation(scope=Scope(playbook=playbook))


def _of_brake(harness: Harness, wanted: AutomationLine, roles: frozenset[Role]) -> list[Said]:
    handler = AutomationAnswer(harness.context)
    asked = harness.asked("U0SATO", *roles)
    return harness.ask(lambda: handler.answer(wanted, asked))


def _of_button(harness: Harness) -> list[Said]:
    """The answer to a button of a request that has ended."""
    handler, asked = AutomationAnswer(harness.context), harness.asked("U0TANAKA", *LEAD)
    button = {"action_id": "automation.resume", "value": ALL}
    press = read_press({"actions": [button]})
    return harness.ask(lambda: handler.approve(press, asked))


def _pause_banners(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Pauses above a list of cases."""
    harness = Harness(scene)
    for state, changes in (
        ("all", [PAUSED]),
        ("several", [PAUSED, ASKED, OF_ONE]),
        ("a breaker", [TRIPPED]),
    ):
        harness.automation.changes = changes
        above = pauses_page(harness.pauses, harness.services, scene.catalog)
        yield state, said(pages.queue_page((), Which.ALL, scene.catalog, BASE, NOW, above))


SURFACES = (
    Surface("find", _finds),
    Surface("playbook", _playbooks),
    Surface("related", _related),
    Surface("no related subjects", _no_sources),
    Surface("subject with buttons", _subjects),
    Surface("on call", _on_call),
    Surface("stats", _stats),
    Surface("cover", _covers),
    Surface("emergency stop", _pauses),
    Surface("automation pauses", _pause_banners),
)
