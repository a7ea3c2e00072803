"""Ephemeral answers: commands, refusals and errors in modals."""

from collections.abc import Iterator
from datetime import timedelta
from string import Formatter

from activities.slack.direct_messages import breaker_message, limit_message, owner_message
from activities.slack.refusals import (
    APPROVING,
    NOBODY,
    Holders,
    of_case,
    refusal_text,
    with_typed,
)
from bot.services.cases import ActionLine, EventLine, Past, Story, Which
from bot.services.lookups import Fact
from bot.slack.bulk.form import BulkForm, faults_of
from bot.slack.commands import pages
from bot.slack.commands.dispatch import help_page
from bot.slack.commands.pages import case_buttons
from bot.slack.commands.parser import Incomplete
from bot.slack.modals.form import Fault
from bot.slack.replies import Said
from tests.activities.slack.cases import AT, CASE, CATALOG, ROUTE
from tests.bot.slack.fakes import NOW, line
from tests.slack_shapes.other_stories import a_trip
from tests.slack_shapes.scene import BASE, LINK, Scene, Surface
from tests.slack_shapes.sent import Sent, message, post_ephemeral, said, words
from workflows.domain.alerts import Subject
from workflows.domain.brakes import BrakeCause
from workflows.domain.case.bulk import Tally
from workflows.domain.case.commands import Place
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Phase
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.detection import DetectorState, RunProblem, RunProblemKind
from workflows.domain.detection import Message as DetectorMessage
from workflows.domain.people import Role
from workflows.domain.policy.limits import Full, Power
from workflows.domain.values import Text
from workflows.ports.cases import Answer, BreakerAlert, LimitAlert
from workflows.ports.detectors import OwnerMessage

KINDS = ("user", "listing", "stream", "order")


def _lines(scene: Scene, many: int, **more: object) -> list:
    own = scene.words.policy
    given: dict[str, object] = {"subject": Subject(type="user", id=scene.words.id), **more}
    if own is not None:
        given["title"] = Text(ja=own, en=own)
    return [line(f"K{n:08}", due_in=n - 5, **given) for n in range(many)]


def _simple(scene: Scene) -> Iterator[tuple[str, Sent]]:
    catalog, typed = scene.catalog, scene.words.evidence
    yield "help", said(help_page(catalog, KINDS))
    yield "unknown", said(pages.unknown_page(catalog, typed, None))
    yield "nearest", said(pages.unknown_page(catalog, typed, f"case {typed}"))
    yield "incomplete", said(pages.incomplete_page(catalog, Incomplete(form="case K7Q2F9XM0")))
    wants_time = Incomplete(form="cover @name until 18:00", wants_time=True)
    wants_words = Incomplete(form="find LINE ID", wants_words=True)
    yield "incomplete words", said(pages.incomplete_page(catalog, wants_words))
    yield "incomplete cover", said(pages.incomplete_page(catalog, wants_time))
    leads = catalog.say("rights.holders", names="<@U0TANAKA>")
    for key in ("no_role", "unavailable", "failed"):
        yield key, said(pages.sentence(catalog.say(f"bot.slash.{key}", holders=leads)))
    yield (
        "no such case",
        said(pages.sentence(catalog.say("refusal.unknown_case", case="K7Q2F9XM0"))),
    )


def _queues(scene: Scene) -> Iterator[tuple[str, Sent]]:
    for which in Which:
        for many in (0, 1, 500):
            found = _lines(scene, many, owner="U0SATO")
            drawn = pages.queue_page(found, which, scene.catalog, BASE, NOW)
            yield f"{which.value}, {many}", said(drawn)
    mixed = [
        *_lines(scene, 1, phase=Phase.OPEN, owner=None, card=None),
        *_lines(scene, 1, hold="waiting", hold_until=NOW, due=None),
        *_lines(scene, 1, hold="snoozed", hold_until=NOW),
        *_lines(scene, 1, phase=Phase.CLOSED, approvers=["lead"], purpose="undo"),
        *_lines(scene, 1, phase=Phase.ENFORCING, approvers=["lead"], purpose="review"),
    ]
    yield "of every kind", said(pages.queue_page(mixed, Which.ALL, scene.catalog, None, NOW))


def _action(scene: Scene, status: ActionStatus) -> ActionLine:
    own = scene.words.policy
    return ActionLine(
        case=CASE,
        name="mute_user",
        title=Text(ja=own, en=own) if own else Text(ja="コメント制限", en="Mute"),
        status=status,
        by="U0SATO",
        at=AT,
        until=NOW + timedelta(days=1),
    )


def _story(scene: Scene, phase: Phase, many: int) -> Story:
    (found,) = _lines(scene, 1, phase=phase, workflow_id=ROUTE, owner="U0SATO")
    return Story(
        line=found.model_copy(update={"id": CASE, "verdict": Verdict.VIOLATION}),
        alerts=214,
        decision_by="U0SATO",
        decision_reason=scene.words.said,
        decision_title=Text(ja="強制退会", en="Ban") if many % 2 else None,
        actions=tuple(_action(scene, status) for status in list(ActionStatus)[:many]),
        events=tuple(
            EventLine(at=AT, kind=kind, by="U0SATO" if n % 2 else None)
            for n, kind in enumerate(("case_opened", "case_watched", "decided", "of_next_year"))
        ),
    )


def _cases(scene: Scene) -> Iterator[tuple[str, Sent]]:
    specialist = frozenset({Role.SPECIALIST})
    for phase in Phase:
        story = _story(scene, phase, len(ActionStatus))
        buttons = case_buttons(
            story, "U0SATO", specialist, scene.catalog, bulk_allowed=True, bulk_decided=True
        )
        tally = Tally(total=1000, done=312, failed=3)
        drawn = pages.case_page(story, scene.catalog, BASE, NOW, buttons, tally)
        yield phase.value, said(drawn)
    bare = Story(line=_lines(scene, 1, card=None)[0], alerts=1)
    bare = bare.model_copy(update={"line": bare.line.model_copy(update={"workflow_id": ROUTE})})
    reads = case_buttons(bare, "U0SUZUKI", frozenset({Role.AUDITOR}), scene.catalog)
    yield from _events(scene)
    yield "nothing happened", said(pages.case_page(bare, scene.catalog, None, NOW, reads))


def _events(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """All events of a case, in pages."""
    prefix, most = "bot.event.", pages.MOST_EVENTS
    kinds = sorted(k.removeprefix(prefix) for k in scene.catalog.keys if k.startswith(prefix))
    (found,) = _lines(scene, 1)
    for first in range(0, len(kinds), most):
        happened = kinds[first : first + most]
        events = tuple(EventLine(at=AT, kind=kind, by="U0SATO") for kind in happened)
        story = Story(line=found, alerts=1, events=events)
        yield f"{happened[0]} and more", said(pages.case_page(story, scene.catalog, BASE, NOW))


def _subjects(scene: Scene) -> Iterator[tuple[str, Sent]]:
    subject = Subject(type="user", id=scene.words.id)
    past = Past(
        cases=tuple(_lines(scene, 20, verdict=Verdict.NO_VIOLATION)),
        actions=tuple(_action(scene, ActionStatus.VERIFIED) for _ in range(20)),
    )
    value = scene.words.evidence
    facts = (
        Fact(title=Text(ja="表示名", en="Display name"), value=value),
        Fact(title=Text(ja="メール", en="E-mail"), value="aiko@example.com", personal=True),
        Fact(title=Text(ja="空", en="Empty"), value=""),
    )
    catalog = scene.catalog
    naming = tuple(_lines(scene, 20))
    for state, known, had, named, away in (
        ("with a past", facts, past, (), False),
        ("named as related", facts, past, naming, False),
        ("unknown", None, Past(), (), False),
        ("the platform away", None, past, (), True),
    ):
        yield state, said(pages.subject_page(subject, known, had, named, catalog, BASE, away))


def _refusals(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Every refusal of an action of 佐藤 12 seconds ago."""
    at = NOW - timedelta(seconds=12)
    did = {"by": "U0SATO", "at": at, "what": "decided", "name": scene.words.id}
    for reason in Reason:
        refusal = Refusal(reason=reason, roles=(Role.LEAD, Role.SPECIALIST), **did)
        yield reason.value, _refused(scene, refusal)
    needed = Refusal(reason=Reason.ROLE_NEEDED, roles=(Role.LEAD,), by="U0SATO")
    for command in sorted(APPROVING):
        yield f"role_needed, {command}", _refused(scene, needed, command)


def _bare_refusals(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Refusals without an actor, or with Koban as the actor."""
    at = NOW - timedelta(seconds=12)
    for reason in Reason:
        bare = Refusal(reason=reason, roles=(Role.LEAD,))
        yield reason.value, _refused(scene, bare)
        by_koban = bare.model_copy(update={"at": at, "what": "claim_expired"})
        yield f"{reason.value}, by Koban", _refused(scene, by_koban)


def _limits(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Refusals because of each limit, and the alerts of the leads."""
    for power in Power:
        limit = Full(
            power=power,
            holder="U0SATO" if power in _OF_PEOPLE else scene.words.id,
            most=1_200,
            within=timedelta(hours=1),
            used=1_200,
            resets_at=NOW + timedelta(minutes=17),
        )
        if power in _OF_PEOPLE:
            refusal = Refusal(reason=Reason.LIMIT_REACHED, limit=limit)
            yield power.value, _refused(scene, refusal)
            large = limit.model_copy(update={"resets_at": None})
            yield (
                f"{power.value}, large",
                _refused(scene, refusal.model_copy(update={"limit": large})),
            )
        alert = LimitAlert(key="limit/1", limit=limit, case="K7Q2F9XM0")
        yield f"{power.value}, alert", message(limit_message(alert, scene.reader))


def _owners(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Messages about a detector to its owner: each problem of its query, and its heartbeat."""
    wanted = OwnerMessage(
        key="shill/1",
        at=NOW,
        message=DetectorMessage.SILENT,
        detector=scene.words.id[:64],
        title=scene.words.titled("吊り上げの疑い", "Shill bidding"),
        owner=Role.LEAD,
        state=DetectorState(detector="shill", seen_at=NOW - timedelta(minutes=40)),
        count=3,
    )
    for kind in RunProblemKind:
        state = wanted.state.model_copy(
            update={
                "retry_at": NOW + timedelta(seconds=30),
                "problem": RunProblem(kind=kind, detail=scene.words.evidence),
            }
        )
        failing = {"message": DetectorMessage.FAILING, "state": state}
        yield (
            f"failing, {kind.value}",
            message(owner_message(wanted.model_copy(update=failing), scene.reader)),
        )
    for each in DetectorMessage:
        if each is not DetectorMessage.FAILING:
            told = wanted.model_copy(update={"message": each})
            yield each.value, message(owner_message(told, scene.reader))
    never = wanted.model_copy(update={"title": None, "state": DetectorState(detector="shill")})
    yield "silent, never heard", message(owner_message(never, scene.reader))


def _breakers(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Announcements of tripped breakers, one for each cause."""
    title = scene.words.titled("外部誘導", "Off-platform inducement")
    action = scene.words.titled("コメント制限", "Mute")
    for state, pause in (
        *((cause.value, a_trip(cause)) for cause in BrakeCause),
        ("rate, no history", a_trip(BrakeCause.RATE, usual=None)),
    ):
        alert = BreakerAlert(
            key="breaker/1",
            pause=pause,
            playbook=title,
            action=action,
            channel="ts-live",
            case="K7Q2F9XM0",
        )
        yield state, message(breaker_message(alert, scene.reader))


_OF_PEOPLE = frozenset(Power) - {Power.DETECTOR, Power.PLAYBOOK}


def _refused(scene: Scene, refusal: Refusal, command: str = "") -> Sent:
    """Refusals with role holders: more than are shown, and a cover."""
    many = Holders(people=("U0TANAKA", "U0MORI", "U0REED", "U0SUZUKI"), covers=("U0SATO",))
    text = refusal_text(
        refusal,
        scene.reader,
        NOW,
        case=scene.words.id,
        holders=many if refusal.by is not None else NOBODY,
        command=command,
    )
    return post_ephemeral(text)


def _of_cases(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """A refusal after its modal was closed, with the case and the typed text."""
    refusal = Refusal(reason=Reason.CHANGED, by="U0SATO", at=NOW, what="decided")
    text = refusal_text(refusal, scene.reader, NOW)
    for state, title, link in (
        ("with a link", scene.words.titled("外部誘導", "Off-platform inducement"), LINK),
        ("without one", None, None),
    ):
        wanted = Answer(
            person="U0SATO",
            place=Place(channel="C0LIVE"),
            case=CASE,
            refusal=refusal,
            command="reject",
            title=title,
        )
        told = of_case(text, wanted, link, scene.catalog)
        for typed in ("", scene.words.said):
            blocks = with_typed(told, typed, scene.catalog)
            yield f"{state}{', typed' if typed else ''}", said(Said(text=told, blocks=blocks))


def _deeds(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Each action that another person may have taken meanwhile."""
    at = NOW - timedelta(seconds=12)
    for key in sorted(key for key in scene.catalog.keys if key.startswith("did.")):
        kind = key.removeprefix("did.").removesuffix(".koban")
        by = None if key.endswith(".koban") else "U0SATO"
        refusal = Refusal(reason=Reason.CHANGED, by=by, at=at, what=kind)
        yield key, post_ephemeral(refusal_text(refusal, scene.reader, NOW))


def _said(scene: Scene, key: str, **known: object) -> str:
    """The text with known values, and ids for the others."""
    forms = scene.catalog.forms(key)
    named = {name for form in forms for _, name, _, _ in Formatter().parse(form) if name}
    return scene.catalog.say(key, **{**dict.fromkeys(named, CASE), **known})


_ALONE = {
    "bot.manual.no_role",
    "bot.home.language.not_stored",
    "bot.modal.case_over",
    "bot.modal.not_opened",
    "bot.reveal.no_role",
    "bot.bulk.list.none",
    "refusal.roles_unknown",
}


def _sentences(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Answers to failed clicks and commands, and sentences about covers."""
    known = {
        **dict.fromkeys(("person", "covers_for", "by"), "<@U0TANAKA>"),
        "at": "18:00",
        "form": "`/koban cover`",
        "count": 2,
        "holders": scene.catalog.say("rights.holders", names="<@U0TANAKA>"),
    }
    prefixes = ("bot.press.", "bot.cover.", "bot.appeal.over", "bot.appeal.unreadable")
    for key in sorted(scene.catalog.keys):
        if key.startswith(prefixes) or key in _ALONE:
            yield key, post_ephemeral(_said(scene, key, **known))


def _faults(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Errors of fields."""
    limit = scene.catalog.duration(timedelta(days=30))
    nobody = ""  # a modal's errors have no names
    prefixes = ("bot.fault.", "bot.modal.not_taken", "bot.modal.unreadable", "bot.bulk.unavailable")
    prefixes += ("bot.reveal.reason_needed", "bot.manual.no_role")
    for key in sorted(scene.catalog.keys):
        if key.startswith(prefixes):
            yield key, words(_said(scene, key, limit=limit, holders=nobody))


def _bulk_faults(scene: Scene) -> Iterator[tuple[str, Sent]]:
    typed = BulkForm(
        sources=("gone",),
        ids=(f"\x1b{scene.words.evidence}",),
        actions=("mute_user",),
        duration=timedelta(days=400),
        reason="",
    )
    wrong = [
        *faults_of(typed, {"mute_user": 60}, CATALOG, {}).values(),
        *faults_of(typed.model_copy(update={"actions": ()}), {}, CATALOG, {}).values(),
        Fault(key="refusal.bulk_mixed"),
        Fault(key="refusal.bulk_empty"),
        Fault(key="bot.bulk.too_many", values={"count": 1_001}),
    ]
    if scene.words.policy is not None:
        title = Text(ja=scene.words.policy, en=scene.words.policy)
        wrong.append(Fault(key="bot.bulk.other_type", title=title))
    for number, fault in enumerate(wrong):
        yield f"{fault.key} {number}", words(fault.worded(scene.catalog))


SURFACES = (
    Surface("answer", _simple),
    Surface("queue", _queues),
    Surface("case look-up", _cases),
    Surface("subject look-up", _subjects),
    Surface("refusal", _refusals),
    Surface("bare refusal", _bare_refusals, in_snapshots=False),
    Surface("limit", _limits),
    Surface("detector", _owners),
    Surface("breaker", _breakers),
    Surface("case refusal", _of_cases),
    Surface("action sentence", _deeds),
    Surface("sentence", _sentences),
    Surface("modal error", _faults),
    Surface("bulk modal error", _bulk_faults),
)
