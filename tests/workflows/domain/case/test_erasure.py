"""Erasure of personal data from alerts, events and snapshots."""

import json
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from tests.activities.ledger.recording import after
from tests.workflows.domain.builders import SATO, T0, a_case, an_alert
from workflows.domain.alerts import Alert, Subject, brief
from workflows.domain.appeal import events as appeal_ev
from workflows.domain.appeal.model import AppealRequest, Dismissal
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decision import Verdict
from workflows.domain.case.erasure import OfKinds, OfSubject, event_left, snapshot_left
from workflows.domain.case.event_base import EventBase
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.policy.playbook import Severity
from workflows.domain.policy.reports import Kept

PERSON = Subject(type="user", id="u_123")
ALL = OfKinds(frozenset(Kept))


def alert(**given: Any) -> Alert:
    """An alert about somebody else that names the person everywhere."""
    made = {
        "id": "a-1",
        "kind": "off_platform",
        "subject": {"type": "user", "id": "u_9"},
        "related": [{"type": "user", "id": "u_123"}, {"type": "stream", "id": "s_9"}],
        "occurred_at": T0.isoformat(),
        "title": {"ja": "u_123への誘導", "en": "Sent to u_123"},
        "evidence": [
            {"kind": "text", "text": "u_123さんと u_1234 に連絡"},
            {"kind": "image", "url": "https://img.market.example/u_123/face.png"},
        ],
        "attributes": {"seller": "u_123", "viewers": 7, "seen": ["u_123", {"u_123": 1}]},
        **given,
    }
    return Alert.model_validate(made)


def body(given: Alert) -> dict[str, Any]:
    """An alert as the ledger has it."""
    return given.model_dump(mode="json", exclude_none=True)


def opened(given: Alert) -> dict[str, Any]:
    """The data of the event of the first alert."""
    event = ev.CaseOpened(
        at=T0,
        case="K7Q2F9XM0",
        playbook="off_platform",
        subject=given.subject,
        severity=Severity.HIGH,
        alert=brief(given),
    )
    return event.model_dump(mode="json")


def test_each_kind_empties_its_own_fields_of_an_alert() -> None:
    """Evidence and attributes have times of their own; subject, score and times stay."""
    evidence = OfKinds(frozenset({Kept.EVIDENCE})).body(body(alert()))
    assert (evidence["title"], evidence["evidence"]) == (None, [])
    assert evidence["attributes"]["viewers"] == 7
    attributes = OfKinds(frozenset({Kept.ATTRIBUTES})).body(body(alert()))
    assert attributes["attributes"] == {}
    assert len(attributes["evidence"]) == 2
    assert Alert.model_validate(ALL.body(body(alert()))).subject == Subject(type="user", id="u_9")


def test_an_event_keeps_its_facts() -> None:
    """The opening keeps subject, severity and the alert's key, without title and excerpt."""
    left = ev.CaseOpened.model_validate(event_left(ev.CaseOpened, opened(alert()), ALL))
    assert (left.subject.id, left.severity, left.alert.key) == ("u_9", Severity.HIGH, "default/a-1")
    assert (left.alert.title, left.alert.excerpt, left.alert.viewers) == (None, "", None)


def test_a_decision_keeps_everything_but_the_typed_reason() -> None:
    """Verdict, actions, rule and person are facts."""
    case = a_case()
    decide = cmd.Decide(by=SATO, verdict=Verdict.NO_VIOLATION, reason="本人の田中一郎さんに確認")
    outcome = after(case, decide)[1]
    decided = next(each.event for each in outcome if isinstance(each.event, ev.Decided))
    left = event_left(ev.Decided, decided.model_dump(mode="json"), ALL)
    assert ev.Decided.model_validate(left).decision == decided.decision.model_copy(
        update={"reason": ""}
    )


def test_an_appeal_loses_its_statement() -> None:
    """The reason of its dismissal stays."""
    request = AppealRequest(
        id="ap-1", case="K7Q2F9XM0", statement="私は田中一郎です", submitted_at=T0
    )
    event = appeal_ev.AppealDismissed(at=T0, request=request, why=Dismissal.UNKNOWN_CASE)
    left = event_left(appeal_ev.AppealDismissed, event.model_dump(mode="json"), ALL)
    read = appeal_ev.AppealDismissed.model_validate(left)
    assert (read.request.statement, read.why) == ("", Dismissal.UNKNOWN_CASE)


def test_a_person_leaves_the_case_of_somebody_else() -> None:
    """Their id leaves texts and lists; longer ids, the subject and other people stay."""
    left = OfSubject(PERSON).body(body(alert()))
    assert 'u_123"' not in json.dumps(left)
    assert left["subject"] == {"type": "user", "id": "u_9"}
    assert left["related"] == [{"type": "stream", "id": "s_9"}]
    assert left["evidence"][0]["text"] == "[erased]さんと u_1234 に連絡"
    assert left["evidence"][1] == {"kind": "text", "text": "[erased]", "sensitive": False}
    assert left["attributes"] == {
        "seller": "[erased]",
        "viewers": 7,
        "seen": ["[erased]", {"[erased]": 1}],
    }
    Alert.model_validate(left)


def test_an_alert_about_the_person_is_emptied_wherever_it_is() -> None:
    """Also in a case about somebody else, in its body and in the events."""
    about = alert(id="a-2", subject={"type": "user", "id": "u_123"}, related=[])
    eraser = OfSubject(PERSON, alerts=frozenset({"default/a-2"}))
    assert eraser.body(body(about))["evidence"] == []
    left = event_left(ev.CaseOpened, opened(about), eraser)
    assert left["alert"]["title"] is None


def test_a_short_id_is_only_taken_out_where_it_is_an_id() -> None:
    """`7` in a text can be anything."""
    given = alert(related=[{"type": "user", "id": "7"}], evidence=[{"kind": "text", "text": "7円"}])
    left = OfSubject(Subject(type="user", id="7")).body(body(given))
    assert (left["related"], left["evidence"][0]["text"]) == ([], "7円")


def test_other_types_with_the_same_id_stay() -> None:
    """A listing may have the id of a user."""
    listing = {"type": "listing", "id": "u_123"}
    left = OfSubject(PERSON).body(body(alert(related=[listing])))
    assert [each["type"] for each in left["related"]] == ["listing"]


@pytest.mark.parametrize("eraser", [ALL, OfSubject(PERSON, own=True)], ids=["kinds", "person"])
def test_a_snapshot_starts_its_case_again(eraser: OfKinds | OfSubject) -> None:
    """It is valid, and has no text from outside or from people any more."""
    case, events = after(
        a_case(),
        cmd.AddNote(by=SATO, note="田中一郎、090-1234-5678"),
        cmd.Decide(by=SATO, verdict=Verdict.NO_VIOLATION, reason="田中一郎と電話"),
    )
    written = CaseSnapshot(key="run-1", case=case, unposted=events)
    dumped = written.model_dump(mode="json", exclude={"policy"})
    assert "田中一郎" in json.dumps(dumped, ensure_ascii=False)
    left = snapshot_left(dumped, eraser)
    assert "田中一郎" not in json.dumps(left, ensure_ascii=False)
    assert an_alert().evidence[0].text not in json.dumps(left, ensure_ascii=False)  # type: ignore
    read = CaseSnapshot.model_validate(left)
    assert read.case is not None
    assert (read.case.version, read.case.verdict) == (case.version, Verdict.NO_VIOLATION)


def test_erasing_twice_changes_nothing_more() -> None:
    """What stays is left as it is."""
    once = OfSubject(PERSON).body(body(alert()))
    assert OfSubject(PERSON).body(once) == once
    assert ALL.body(ALL.body(once)) == ALL.body(once)


FACTS = frozenset(
    [
        *(
            "kind",
            "type",
            "id",
            "key",
            "case",
            "playbook",
            "detector",
            "detectors",
            "workflow_id",
            "channel",
            "ts",
        ),
        *("by", "owner", "to", "person", "missed", "covers", "asked_by", "deciders", "ended_by"),
        *("decision", "action", "protection", "appeal", "alert_key", "into", "open_cases"),
        *("version", "source", "danger", "removed", "actions", "undos", "unprotected"),
        *("holder", "exempt", "unreported"),
        *("preset", "policy", "template", "confirms", "leaves", "keeps", "ja", "en"),
    ]
)
"""Names of fields with ids, and with texts of the policy folder."""


def _texts(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all texts in a model."""
    for name, field in model.model_fields.items():
        if len(path) < 5:
            yield from _in_type(field.annotation, (*path, name))


def _in_type(kind: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if kind is str:
        yield path
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from _texts(kind, path)
    elif get_origin(kind) in (Union, UnionType, tuple, list, frozenset, dict):
        star = () if get_origin(kind) in (Union, UnionType) else ("*",)
        for inner in get_args(kind):
            yield from _in_type(inner, (*path, *star))


@pytest.mark.parametrize("kind", [*ev.EVENTS, *appeal_ev.APPEAL_EVENTS], ids=lambda x: x.__name__)
def test_every_text_of_an_event_is_a_fact_or_can_be_erased(kind: type[EventBase]) -> None:
    """A new field with text is named as words, as a copy, or here as an id."""
    erased = {*kind.words, *kind.copies}
    for path in _texts(kind):
        dotted = ".".join(path)
        in_brief = any(dotted.startswith(f"{prefix}.") for prefix in kind.alert_fields)
        name = next(part for part in reversed(path) if part != "*")
        assert dotted in erased or in_brief or name in FACTS, dotted
