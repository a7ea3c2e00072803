"""Presses on a case: the random shift picks from those that are accepted."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.workflows.domain.builders import CLARK, REED, SATO, T0, TANAKA, preset
from workflows.domain.case import commands as cmd
from workflows.domain.case.decide import decide
from workflows.domain.case.decision import Verdict
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Refusal
from workflows.domain.people import Actor, Cover, Role
from workflows.domain.policy.playbook import PresetAction

FOR_TANAKA = Cover(role=Role.LEAD, person=TANAKA.id, until=T0 + timedelta(days=400))
FOR_SATO = Cover(role=Role.LEAD, person=SATO.id, until=T0 + timedelta(days=400))
WORKERS = (
    SATO,
    CLARK.model_copy(update={"covers": (FOR_TANAKA,)}),
    TANAKA,
    REED.model_copy(update={"covers": (FOR_SATO,)}),
)
PLAIN = (
    cmd.Claim,
    cmd.Release,
    cmd.Acknowledge,
    cmd.Resume,
    cmd.LiftProtection,
    cmd.MarkNoViolation,
    cmd.Confirm,
    cmd.Approve,
    cmd.Withdraw,
    cmd.Retry,
    cmd.GiveUp,
    cmd.Undo,
)


def possible(case: Case, now: datetime) -> list[cmd.Command]:
    """The commands that would make something happen now."""
    return [each for each in presses(case, now) if _does_something(case, each, now)]


def _does_something(case: Case, command: cmd.Command, now: datetime) -> bool:
    outcome = decide(case, command, now)
    return bool(outcome) and not isinstance(outcome, Refusal)


def presses(case: Case, now: datetime) -> Iterator[cmd.Command]:
    """What could be pressed by anybody who works cases."""
    for by in WORKERS:
        yield from (which(by=by) for which in PLAIN)
        yield from _decisions(by)
        yield from _with_words(case, by, now)


def _decisions(by: Actor) -> Iterator[cmd.Command]:
    for name in ("warn", "mute", "ban"):
        yield preset(by, name)
    for names in (("suspend",), ("mute_user", "pause_stream"), ("warn", "permanent_ban")):
        actions = tuple(PresetAction(action=name) for name in names)
        yield cmd.Decide(by=by, verdict=Verdict.VIOLATION, actions=actions, reason="理由")
    yield preset(by, "mute").model_copy(update={"over_limit": True})


def _with_words(case: Case, by: Actor, now: datetime) -> Iterator[cmd.Command]:
    yield cmd.Reject(by=by, reason="理由")
    yield cmd.AskRequester(by=by, question="どこで見ましたか")
    yield cmd.AnswerApprover(by=by, answer="配信です")
    yield cmd.Reopen(by=by, reason="異議申し立て")
    yield cmd.HandOver(by=by, to=CLARK, note="引き継ぎ")
    yield cmd.Snooze(by=by, until=now + timedelta(minutes=1))
    yield cmd.Snooze(by=by, until=now + timedelta(hours=3))
    for hours in (8, 20 * 24):
        lasts = timedelta(hours=hours)
        yield cmd.SnoozeDetector(by=by, detector="live-chat", lasts=lasts, reason="誤検知")
    yield cmd.EndSnooze(by=by)
    yield cmd.Wait(by=by, note="身分証待ち")
    yield cmd.Merge(by=by, into="K0000009", subject=case.subject)
