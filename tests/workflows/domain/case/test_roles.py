"""Rights: every command by every role."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, get_args, get_origin

import pytest

from tests.workflows.domain.appeal.builders import MORI, an_appeal, given
from tests.workflows.domain.builders import (
    CLARK,
    SATO,
    TANAKA,
    WATCHFUL,
    a_case,
    a_policy,
    follow,
    minutes,
    news,
    preset,
)
from tests.workflows.domain.case.bulk_builders import a_bulk_case, decide_bulk
from tests.workflows.domain.case.notice_builders import failed as unposted
from workflows.domain.appeal import commands as appealing
from workflows.domain.appeal.rules import decide_appeal
from workflows.domain.case import commands as cmd
from workflows.domain.case.decide import decide
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.people import Actor, Role
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.policy.limits import Exposed
from workflows.domain.policy.playbook import PresetAction

ROLES: dict[str, frozenset[Role]] = {
    "specialist": frozenset({Role.SPECIALIST}),
    "lead": frozenset({Role.LEAD}),
    "admin": frozenset({Role.ADMIN}),
    "auditor": frozenset({Role.AUDITOR}),
    "none": frozenset(),
}
WHO = "U0WHO"
ME = Actor(id=WHO, roles=frozenset({Role.SPECIALIST}))
WORKS, LEADS, ANYBODY = {"specialist", "lead"}, {"lead"}, set(ROLES) - {"none"}
WORDS = "理由"


@dataclass(frozen=True)
class Row:
    """Who `may` give a command in a case where nothing but a role keeps them from it."""

    case: Callable[[], Case]
    command: Callable[[Actor], cmd.PersonCommand]
    may: set[str]


def mine() -> Case:
    """An open case that U0WHO has."""
    return follow(a_case(policy=WATCHFUL), cmd.Claim(by=ME), minutes(0.5))


def held() -> Case:
    return follow(mine(), cmd.Wait(by=ME, note=WORDS), minutes(0.6))


def protected() -> Case:
    case = follow(a_case(policy=WATCHFUL), cmd.ProtectNow(rules=(0,)), minutes(0))
    return follow(case, news(case, ActionStatus.DONE, "P1"), minutes(0.1))


def closed() -> Case:
    return follow(a_case(), cmd.MarkNoViolation(by=SATO), minutes(0.5))


def decided_by_koban() -> Case:
    policy = a_policy(auto=[{"when": "true", "preset": "mute"}], protect=[])
    rule = cmd.DecideAutomatically(rule=0, alert_key="a/1", detector="a")
    case = follow(a_case(policy=policy), rule, minutes(0))
    return follow(case, news(case, ActionStatus.DONE), minutes(0.1))


def done(name: str) -> Case:
    """Decided, carried out and closed; the ban with its approval."""
    case = follow(a_case(), preset(SATO, name), minutes(0.5))
    if name == "ban":
        case = follow(case, cmd.Approve(by=TANAKA), minutes(0.6))
    return follow(case, news(case, ActionStatus.DONE), minutes(0.7))


def failed() -> Case:
    case = follow(a_case(), preset(SATO, "warn"), minutes(0.5))
    return follow(case, news(case, ActionStatus.FAILED), minutes(0.7))


def awaiting(by: Actor = SATO) -> Case:
    return follow(a_case(), preset(by, "ban"), minutes(0.5))


def asked() -> Case:
    return follow(awaiting(ME), cmd.AskRequester(by=TANAKA, question="どこで"), minutes(0.7))


def ringing() -> Case:
    return follow(a_bulk_case(), decide_bulk(SATO, 5), minutes(0.5))


def decided(by: Actor) -> cmd.Decide:
    chosen = (PresetAction(action="warn"),)
    return cmd.Decide(by=by, verdict=Verdict.VIOLATION, actions=chosen, reason=WORDS)


def merged(by: Actor) -> cmd.Merge:
    return cmd.Merge(by=by, into="K0000009", subject=a_case().subject)


def looking(by: Actor) -> cmd.RevealEvidence:
    modal = cmd.Modal(id="evidence/1")
    found = Exposed(found=True)
    return cmd.RevealEvidence(by=by, alert_key="d/1", item=0, modal=modal, exposed=found)


def snoozing(by: Actor, hours: int) -> cmd.SnoozeDetector:
    lasts = timedelta(hours=hours)
    return cmd.SnoozeDetector(by=by, detector="live-chat", lasts=lasts, reason=WORDS)


def snoozed() -> Case:
    return follow(a_case(), snoozing(TANAKA, 24 * 30), minutes(0.5))


TABLE: dict[str, Row] = {
    "claim": Row(a_case, lambda by: cmd.Claim(by=by), WORKS),
    "release": Row(mine, lambda by: cmd.Release(by=by), WORKS),
    "hand_over": Row(mine, lambda by: cmd.HandOver(by=by, to=CLARK, note=WORDS), WORKS),
    "acknowledge": Row(a_case, lambda by: cmd.Acknowledge(by=by), WORKS),
    "snooze": Row(mine, lambda by: cmd.Snooze(by=by, until=minutes(8)), WORKS),
    "snooze_detector": Row(a_case, lambda by: snoozing(by, 24), WORKS),
    "end_snooze": Row(snoozed, lambda by: cmd.EndSnooze(by=by), WORKS),
    "wait": Row(mine, lambda by: cmd.Wait(by=by, note=WORDS), WORKS),
    "resume": Row(held, lambda by: cmd.Resume(by=by), WORKS),
    "watch": Row(a_case, lambda by: cmd.Watch(by=by), ANYBODY),
    "reveal_evidence": Row(a_case, looking, {"specialist", "lead", "auditor"}),
    "unwatch": Row(
        lambda: follow(a_case(), cmd.Watch(by=ME), minutes(0.5)),
        lambda by: cmd.Unwatch(by=by),
        ANYBODY,
    ),
    "add_note": Row(a_case, lambda by: cmd.AddNote(by=by, note=WORDS), WORKS),
    "merge": Row(a_case, merged, WORKS),
    "escalate": Row(a_case, lambda by: cmd.Escalate(by=by), WORKS),
    "choose_preset": Row(a_case, lambda by: preset(by, "ban"), WORKS),
    "decide": Row(a_case, decided, WORKS),
    "decide_bulk": Row(a_bulk_case, lambda by: decide_bulk(by, 60), WORKS),
    "stop_bulk": Row(ringing, lambda by: cmd.StopBulk(by=by), WORKS),
    "clear": Row(a_case, lambda by: cmd.MarkNoViolation(by=by), WORKS),
    "confirm": Row(protected, lambda by: cmd.Confirm(by=by), WORKS),
    "lift_protection": Row(protected, lambda by: cmd.LiftProtection(by=by), WORKS),
    "reconsider": Row(decided_by_koban, lambda by: cmd.Reconsider(by=by), WORKS),
    "reopen": Row(closed, lambda by: cmd.Reopen(by=by, reason=WORDS), WORKS),
    "approve": Row(awaiting, lambda by: cmd.Approve(by=by), LEADS),
    "reject": Row(awaiting, lambda by: cmd.Reject(by=by, reason=WORDS), LEADS),
    "ask_requester": Row(awaiting, lambda by: cmd.AskRequester(by=by, question=WORDS), LEADS),
    "answer_approver": Row(asked, lambda by: cmd.AnswerApprover(by=by, answer=WORDS), WORKS),
    "withdraw": Row(lambda: awaiting(ME), lambda by: cmd.Withdraw(by=by), WORKS),
    "retry": Row(failed, lambda by: cmd.Retry(by=by), WORKS),
    "give_up": Row(failed, lambda by: cmd.GiveUp(by=by), WORKS),
    "retry_notice": Row(unposted, lambda by: cmd.RetryNotice(by=by), WORKS),
    "undo": Row(lambda: done("mute"), lambda by: cmd.Undo(by=by), WORKS),
}
PAST = "snooze past the decide clock"
LONG = "snooze of a detector over a day"
TOO_LONG = {PAST: Reason.PAST_DUE, LONG: Reason.SNOOZE_TOO_LONG}
MORE = {
    "undo of what two people did": Row(lambda: done("ban"), lambda by: cmd.Undo(by=by), LEADS),
    PAST: Row(mine, lambda by: cmd.Snooze(by=by, until=minutes(60)), LEADS),
    LONG: Row(a_case, lambda by: snoozing(by, 25), LEADS),
}


def kinds_of(union: object) -> set[str]:
    """The kinds of a tagged union of commands."""
    members = get_args(get_args(union)[0] if get_origin(union) is Annotated else union)
    return {member.model_fields["kind"].default for member in members}


def test_every_command_is_in_the_table() -> None:
    """A new one has to say who may give it."""
    assert set(TABLE) == kinds_of(cmd.PersonCommand)
    assert set(APPEALS) == kinds_of(appealing.AppealPersonCommand)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", [*TABLE, *MORE])
def test_a_command_of_a_case(name: str, role: str) -> None:
    """It works for the allowed roles; others get a refusal with these roles."""
    row = (TABLE | MORE)[name]
    outcome = decide(row.case(), row.command(Actor(id=WHO, roles=ROLES[role])), minutes(1))
    if role in row.may:
        assert not isinstance(outcome, Refusal), outcome
        assert outcome
        return
    assert isinstance(outcome, Refusal)
    # A specialist may snooze, but not so long.
    too_long = role == "specialist" and name in TOO_LONG
    assert outcome.reason is (TOO_LONG[name] if too_long else Reason.ROLE_NEEDED)
    could = {each for each in ROLES for held in ROLES[each] if held in outcome.roles}
    assert could == (WORKS if name in TOO_LONG and not too_long else row.may)


@pytest.mark.parametrize("name", TABLE)
def test_a_cover_counts_for_approvals_alone(name: str) -> None:
    """A cover for a lead is no lead: other commands need a role of their own."""
    row = TABLE[name]
    cover = {"role": Role.LEAD, "person": "U0REED", "until": minutes(60)}
    for role in ROLES:
        person = Actor.model_validate({"id": WHO, "roles": ROLES[role], "covers": [cover]})
        outcome = decide(row.case(), row.command(person), minutes(1))
        agrees = name in ("approve", "reject", "ask_requester") and role in ("specialist", "admin")
        assert isinstance(outcome, Refusal) == (role not in row.may and not agrees)


APPEALS: dict[str, Callable[[Actor], appealing.AppealPersonCommand]] = {
    "claim_appeal": lambda by: appealing.ClaimAppeal(by=by),
    "release_appeal": lambda by: appealing.ReleaseAppeal(by=by),
    "uphold": lambda by: appealing.Uphold(by=by, reason=WORDS),
    "overturn": lambda by: appealing.Overturn(by=by, reason=WORDS),
    "retry_notice": lambda by: appealing.RetryNotice(by=by),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", APPEALS)
def test_a_command_of_an_appeal(name: str, role: str) -> None:
    """Leads review, unless the policy lets specialists."""
    appeal = an_appeal()
    if name == "release_appeal":
        appeal = given(appeal, appealing.ClaimAppeal(by=MORI), 1)
    if name == "retry_notice":
        problem = Problem(kind=ProblemKind.REFUSED, status=404)
        noted = appealing.NoteNotice(notice=NoticeKind.RECEIVED, problem=problem)
        appeal = given(appeal, noted, 0)
    command = APPEALS[name](Actor(id=WHO, roles=ROLES[role]))
    outcome = decide_appeal(appeal, command, appeal.received_at)
    if role in LEADS:
        assert not isinstance(outcome, Refusal), outcome
        assert outcome
        return
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.roles) == (Reason.ROLE_NEEDED, (Role.LEAD,))
    assert set(outcome.barred) == {"U0SATO", "U0TANAKA"}
