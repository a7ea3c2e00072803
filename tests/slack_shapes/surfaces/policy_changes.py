"""Changes of the policy folder: their messages, their history, and the confirmation of one."""

from collections.abc import Iterator
from datetime import timedelta

from activities.slack.policy_message import policy_message
from bot.slack.commands.playbook import (
    MOST_LINES,
    PAGE,
    PlaybookAnswer,
    ShowHistory,
    history_page,
)
from bot.slack.interactions import read_press
from bot.slack.rendering import safe
from bot.slack.replies import Said
from tests.bot.slack.fakes import NOW
from tests.slack_shapes.scene import Scene, Surface
from tests.slack_shapes.sent import Sent, message, said
from tests.slack_shapes.surfaces.harness import Harness
from tests.workflows.domain.policy.test_changes import FIELDS
from workflows.domain.people import Role
from workflows.domain.policy.actions import OnExpiry
from workflows.domain.policy.bands import Mode, Trial
from workflows.domain.policy.changes import (
    MOST_ASKED,
    UNREADABLE,
    Change,
    Form,
    Part,
    PolicyNotice,
    PolicyRecord,
    RecordKind,
    Shown,
)
from workflows.domain.policy.differences import ChangeKind
from workflows.domain.policy.playbook import Notify, OnFailure, Order, Unless, Via

NAMED = frozenset({Part.PLAYBOOK, Part.ACTION, Part.DETECTOR, Part.SOURCE, Part.ROLE})
ENUM_VALUES = (
    *(
        each.value
        for kind in (Mode, OnExpiry, Unless, Notify, Via, Order, OnFailure)
        for each in kind
    ),
    *("lead", "critical"),
)
FIELD_NAMES = sorted({name.rstrip("_") for _, name in FIELDS})


def _change(scene: Scene, **more: object) -> Change:
    """A changed condition of a playbook."""
    given: dict[str, object] = {
        "kind": ChangeKind.CHANGED,
        "part": Part.PLAYBOOK,
        "name": "off_platform",
        "title": scene.words.titled("外部誘導", "Off-platform inducement"),
        "path": ("severity", "high"),
        "before": f"alert.title.contains('{scene.words.evidence}')",
        "after": "alert.score >= 0.9 && alert.title != '<!channel> `x`'",
        "playbooks": ("off_platform",),
        **more,
    }
    return Change.model_validate(given)


def _changes(scene: Scene) -> Iterator[Change]:
    """Every kind of change, and one in every part of the folder."""
    for kind in ChangeKind:
        yield _change(scene, kind=kind)
    for kind in (ChangeKind.ADDED, ChangeKind.REMOVED):
        yield _change(scene, kind=kind, path=(), before=None, after=None)
    yield _change(scene, kind=ChangeKind.REWORDED, before=None, after=None)
    yield _change(scene, name="", title=None, path=("order",))
    for part in Part:
        name = scene.words.id if part in NAMED else ""
        yield _change(scene, part=part, name=name, title=None, path=("most",))
    yield _change(scene, part=Part.ROLE, name="lead", title=None, path=("users", "U0MORI"))
    times = {"before": "15m", "after": "1d", "form": Form.DURATION}
    yield _change(scene, path=("protect", "hide_message", "for"), **times)
    yield _change(
        scene, path=("bulk",), before="false", after="true", form=Form.SWITCH, loosens=True
    )
    shares = {"before": "0.02", "after": "0.015", "form": Form.SHARE}
    yield _change(scene, path=("sample", "auto"), **shares)
    for word in ENUM_VALUES:
        yield _change(scene, path=("mode",), before=word, after="live", form=Form.WORD)
    fields = (
        Shown(name="when", text=f"alert.title == '{scene.words.evidence}'"),
        Shown(name="preset", text=scene.words.id),
        Shown(name="for", text="15m", form=Form.DURATION),
    )
    for kind in (ChangeKind.ADDED, ChangeKind.REMOVED):
        yield _change(scene, kind=kind, path=("auto", "mute"), fields=fields)
    yield _change(
        scene, kind=ChangeKind.REWORDED, part=Part.APPEALS, name="", path=("notices", "upheld")
    )
    yield UNREADABLE


def _record(scene: Scene, kind: RecordKind, **more: object) -> PolicyRecord:
    given: dict[str, object] = {
        "id": 7,
        "kind": kind,
        "at": NOW - timedelta(minutes=5),
        "before": "0a1b2c3d4e5f",
        "version": "f5e4d3c2b1a0",
        "playbooks": ("off_platform",),
        "changes": (_change(scene), _change(scene, loosens=True)),
        **more,
    }
    return PolicyRecord.model_validate(given)


def _from_git(scene: Scene) -> dict[str, object]:
    """The commit of a record."""
    author = scene.words.name or "Maya Sato"
    return {"commit": "1e82edd9d81e206d788debe490a87bd21ab688f8", "author": author}


def _records(scene: Scene) -> dict[str, PolicyRecord]:
    """A record of every kind, each with and without a person."""
    found = {
        kind.value: _record(scene, kind) for kind in RecordKind if kind is not RecordKind.ANNOUNCED
    }
    confirmed = found[RecordKind.CONFIRMED].model_copy(update={"actor": "U0TANAKA"})
    found |= {
        RecordKind.CONFIRMED.value: confirmed,
        "from git": _record(scene, RecordKind.CHANGED, **_from_git(scene)),
        "restored": _record(scene, RecordKind.CHANGED, restored=True),
        "comments": _record(scene, RecordKind.CHANGED, changes=()),
    }
    return found


TRIALS = (
    Trial(playbook="spam", alerts=42, subjects=40, acts=12, violations=5, cleared=1, open=2),
    Trial(playbook="x" * 64),
)


def _notices(scene: Scene) -> Iterator[tuple[str, Sent]]:
    title = scene.words.titled("外部誘導", "Off-platform inducement")
    records = _records(scene)
    for state, record in records.items():
        if record.kind is RecordKind.LOADED or not record.changes:
            continue
        named = PolicyNotice(
            key="policy/7/ts-live",
            record=record,
            channel="ts-live",
            playbooks=("off_platform",) * 4,
            titles=(title,) * 4,
            more=3,
        )
        everywhere = named.model_copy(
            update={"channel": None, "playbooks": (), "titles": (), "more": 0}
        )
        yield f"{state}, in a channel", message(policy_message(named, scene.reader))
        yield f"{state}, everywhere", message(policy_message(everywhere, scene.reader))
    held = PolicyNotice(
        key="policy/7/role/lead", record=records["policy_held"], asks=True, trials=TRIALS
    )
    yield "asks", message(policy_message(held, scene.reader))
    several = _record(scene, RecordKind.HELD, changes=(_change(scene, loosens=True),) * MOST_ASKED)
    for part in (0, 1):
        asked = held.model_copy(update={"record": several, "part": part, "parts": 2, "more": 3})
        yield f"asks, part {part}", message(policy_message(asked, scene.reader))
    for kind in ("policy_confirmed", "policy_withdrawn", "policy_changed"):
        ended = held.model_copy(update={"outcome": records[kind]})
        yield f"asked, then {kind}", message(policy_message(ended, scene.reader))
    told = ended.model_copy(update={"channel": "ts-live", "titles": (title,), "asks": False})
    yield "in a channel, then changed", message(policy_message(told, scene.reader))


def _lines(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Every change in words, and every field by its name."""
    found = [*_changes(scene), *(_change(scene, path=(name,)) for name in FIELD_NAMES)]
    for first in range(0, len(found), MOST_LINES):
        record = _record(
            scene, RecordKind.CHANGED, playbooks=None, changes=found[first : first + MOST_LINES]
        )
        yield f"from {first}", said(_page(scene, [record]))


def _page(scene: Scene, records: list[PolicyRecord], first: int = 0) -> Said:
    title = scene.words.titled("外部誘導", "Off-platform inducement").in_(scene.language)
    return history_page(safe(title, 100), "off_platform", records, first, scene.catalog)


def _history(scene: Scene) -> Iterator[tuple[str, Sent]]:
    records = list(_records(scene).values())
    long = _record(scene, RecordKind.CHANGED, changes=(_change(scene),) * (MOST_LINES + 2))
    for state, found, first in (
        ("nothing", [], 0),
        ("the first of many", records[: PAGE + 1], 0),
        ("the last", records[PAGE:], PAGE),
        ("a long one", [long], 0),
    ):
        yield state, said(_page(scene, found, first))
    harness = Harness(scene)
    harness.policy_history.records = [_record(scene, RecordKind.CHANGED, playbooks=("gone",))]
    handler = PlaybookAnswer(harness.context)
    for state, name in (("by name", "off_platform"), ("removed", "gone"), ("unknown", "x" * 9)):
        wanted = ShowHistory(name=name)
        answer = harness.ask(lambda w=wanted: handler.answer(w, harness.asked()))
        yield state, said(answer[0])


def _confirmations(scene: Scene) -> Iterator[tuple[str, Sent]]:
    for state, person, role, id_ in (
        ("confirmed", "U0TANAKA", Role.LEAD, "7"),
        ("no lead", "U0SATO", Role.SPECIALIST, "7"),
        ("the author", "U0MORI", Role.LEAD, "7"),
        ("an unknown author", "U0TANAKA", Role.LEAD, "8"),
        ("an old button", "U0TANAKA", Role.LEAD, "6"),
        ("no number", "U0TANAKA", Role.LEAD, "x"),
    ):
        harness = Harness(scene)
        harness.policy_history.rule = harness.policy_history.rule.model_copy(
            update={"authors": {"maya@market.example": "U0MORI"}}
        )
        emails = ("maya@market.example", *(("",) if id_ == "8" else ()))
        held = _record(scene, RecordKind.HELD, id=8 if id_ == "8" else 7)
        held = held.model_copy(update={"authors": emails})
        harness.policy_history.records = [held]
        handler, asked = PlaybookAnswer(harness.context), harness.asked(person, role)
        press = read_press({"actions": [{"action_id": "policy.confirm", "value": id_}]})
        answer = harness.ask(lambda h=handler, p=press, a=asked: h.confirm(p, a))
        yield state, said(answer[0])


SURFACES = (
    Surface("policy change messages", _notices),
    Surface("policy change lines", _lines),
    Surface("policy change history", _history),
    Surface("policy change confirmations", _confirmations),
)
