"""Hypothesis strategies of commands: any person, any card version, with and without text."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.workflows.domain.builders import CATALOG, CLARK, REED, SATO, SUZUKI, T0, TANAKA, preset
from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case.decision import Verdict
from workflows.domain.case.model import Case
from workflows.domain.people import Actor, Cover, Role
from workflows.domain.policy.limits import Exposed
from workflows.domain.policy.playbook import PresetAction

PEOPLE = st.sampled_from([SATO, CLARK, TANAKA, REED, SUZUKI])
VERSIONS = st.none() | st.integers(0, 60)
WORDS = st.sampled_from(["", " ", "理由"])
LATER = st.integers(-600, 7200) | st.integers(0, 40 * 86_400)
NAMES = st.lists(st.sampled_from([*CATALOG.actions, "vaporise"]), max_size=3)
PLAIN = (
    cmd.Claim,
    cmd.Release,
    cmd.Acknowledge,
    cmd.Resume,
    cmd.Escalate,
    cmd.LiftProtection,
    cmd.Watch,
    cmd.Unwatch,
    cmd.MarkNoViolation,
    cmd.Withdraw,
    cmd.Retry,
    cmd.GiveUp,
    cmd.Undo,
)


@st.composite
def covering(draw: Any) -> Actor:
    """A person, perhaps as a cover for a role."""
    person, colleague = draw(PEOPLE), draw(PEOPLE)
    if not draw(st.booleans()):
        return person
    role = Role.LEAD if Role.LEAD in colleague.roles else Role.SPECIALIST
    until = T0 + timedelta(days=draw(st.integers(0, 9)))
    return person.model_copy(
        update={"covers": (Cover(role=role, person=colleague.id, until=until),)}
    )


def anything(case: Case, now: datetime) -> SearchStrategy[cmd.Command]:
    """One command, most likely one that makes no sense now."""
    return st.one_of(*_work(case, now), *_decisions(), *_second_person())


def _work(case: Case, now: datetime) -> Iterator[SearchStrategy[Any]]:
    seconds = LATER.map(lambda each: now + timedelta(seconds=each))
    subjects = st.sampled_from([None, case.subject, Subject(type="user", id="u_other")])
    yield from (st.builds(each, by=PEOPLE, version=VERSIONS) for each in PLAIN)
    yield st.builds(cmd.HandOver, by=PEOPLE, to=PEOPLE, note=WORDS)
    yield st.builds(cmd.AddNote, by=PEOPLE, note=WORDS)
    yield st.builds(cmd.Snooze, by=PEOPLE, until=seconds)
    lasts = st.integers(1, 40 * 24).map(lambda each: timedelta(hours=each))
    detectors = st.sampled_from(["live-chat", "other", "people"])
    yield st.builds(cmd.SnoozeDetector, by=PEOPLE, detector=detectors, lasts=lasts, reason=WORDS)
    yield st.builds(cmd.EndSnooze, by=PEOPLE, number=st.none() | VERSIONS)
    yield st.builds(cmd.Wait, by=PEOPLE, until=st.none() | seconds, note=WORDS)
    yield st.builds(cmd.Reopen, by=PEOPLE, reason=WORDS)
    exposed = st.builds(Exposed, found=st.booleans(), image=st.booleans(), seen=st.integers(0, 9))
    yield st.builds(
        cmd.RevealEvidence,
        by=PEOPLE,
        alert_key=st.just("live-chat/chat-000001"),
        item=st.integers(0, 2),
        modal=st.just(cmd.Modal(id="evidence/1")),
        exposed=st.none() | exposed,
    )
    yield st.builds(
        cmd.Merge, by=PEOPLE, version=VERSIONS, into=st.just("K0000009"), subject=subjects
    )
    yield st.builds(
        cmd.Absorb,
        case=st.sampled_from(["K0000001", "K0000002"]),
        alerts=st.integers(1, 3),
        by=PEOPLE.map(lambda person: person.id),
    )


def _decisions() -> Iterator[SearchStrategy[Any]]:
    presets = st.sampled_from(["warn", "mute", "ban", "forfeit"])
    actions = NAMES.map(lambda names: tuple(PresetAction(action=name) for name in names))
    yield st.builds(preset, PEOPLE, presets, VERSIONS)
    yield st.builds(
        cmd.Decide,
        by=PEOPLE,
        verdict=st.sampled_from(Verdict),
        actions=actions,
        reason=WORDS,
        over_limit=st.booleans(),
    )
    yield st.builds(cmd.Confirm, by=PEOPLE, version=VERSIONS, over_limit=st.booleans())


def _second_person() -> Iterator[SearchStrategy[Any]]:
    yield st.builds(cmd.Approve, by=covering(), version=VERSIONS)
    yield st.builds(cmd.Reject, by=covering(), version=VERSIONS, reason=WORDS)
    yield st.builds(cmd.AskRequester, by=covering(), question=WORDS)
    yield st.builds(cmd.AnswerApprover, by=PEOPLE, answer=WORDS)
