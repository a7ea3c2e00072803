"""Cases in rare states, each with a text of its own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.activities.slack.cases import AT, CASE, SATO, TANAKA
from tests.slack_shapes.cases import AWAY, BROKEN, StoryCase, reasoned
from tests.slack_shapes.other_stories import PROTECT
from tests.slack_shapes.words import Words
from workflows.domain.alerts import SLACK_MESSAGE, brief
from workflows.domain.automation import AutomationPause
from workflows.domain.case import commands as cmd
from workflows.domain.case.appeal_outcome import AppealAnswer, AppealOutcome
from workflows.domain.case.enforcement import (
    ActionStatus,
    EnforcementReport,
    Problem,
    ProblemKind,
)
from workflows.domain.case.model import Sanction, SubjectHistory
from workflows.domain.people import Role
from workflows.domain.policy.actions import ApprovalRule
from workflows.domain.policy.limits import Limits
from workflows.domain.policy.playbook import Severity
from workflows.domain.policy.strictness import Guard, Strictness

Steps = tuple[tuple[float, cmd.Command], ...]
_LATER = AT + timedelta(hours=2)
_SOON = AT + timedelta(minutes=8)
_REFUSES = {"by": "lead", "within": "30m", "on_expiry": "refuse"}
_UNDO_REFUSES = {"mute_user": {"undo_approval": _REFUSES}}
_HANDED_OVER = (7, cmd.HandOver(by=SATO, to=TANAKA, note="…"))


def _then(story: StoryCase, *steps: tuple[float, cmd.Command]) -> StoryCase:
    for minutes, command in steps:
        story.then(command, minutes)
    return story


def _muted(words: Words, **more: Any) -> StoryCase:
    return StoryCase(words, **more).decided("mute_user")


def _muted_with_lead(words: Words) -> StoryCase:
    return _muted(words, catalog={"mute_user": {"approval": _REFUSES}})


def _undo_asked(words: Words, *steps: tuple[float, cmd.Command]) -> StoryCase:
    story = _muted(words, catalog=_UNDO_REFUSES).news(ActionStatus.VERIFIED)
    return _then(story, (9, cmd.Undo(by=SATO)), *steps)


def _appealed(story: StoryCase) -> StoryCase:
    answer = AppealAnswer(
        appeal="A0123456789AB",
        case=story.case.id,
        decision="D1",
        outcome=AppealOutcome.UPHELD,
        by="U0REED",
        at=AT,
        reason=story.words.said,
    )
    return _then(story, (60, cmd.AnswerAppeal(answer=answer)))


def _retry_asked(words: Words, *steps: tuple[float, cmd.Command]) -> StoryCase:
    """A mute whose approval is too old for a retry."""
    rules = {"mute_user": {"approval": {**_REFUSES, "valid": "1m"}}}
    story = _then(_muted(words, catalog=rules), (4, cmd.Approve(by=TANAKA)))
    story.news(ActionStatus.FAILED, 5, problem=BROKEN)
    return _then(story, (9, cmd.Retry(by=SATO)), *steps)


def _too_few(story: StoryCase) -> StoryCase:
    """Nobody can approve the pending request."""
    approval = story.case.approval
    assert approval is not None
    count = cmd.CountApprovers(
        decision=approval.decision, requested_at=approval.requested_at, able={}
    )
    return _then(story, (6, count))


def _stricter(story: StoryCase) -> StoryCase:
    """Today's policy is stricter in everything."""
    own = story.case.policy
    rule = ApprovalRule(by=Role.LEAD, quorum=3, within=timedelta(minutes=10))
    today = Strictness(
        version="v2",
        actions={name: Guard(danger=True, approval=rule) for name in own.catalog.actions},
        limits=Limits(bulk=1, approval=rule),
        bulk=False,
        dry_run=True,
    )
    return _then(story, (6, cmd.Tighten(current=today)))


def _dangerous(words: Words) -> StoryCase:
    """An irreversible preset without approval."""
    title = words.titled("売上没収", "Forfeit payout")
    preset = {"id": "forfeit", "title": title, "actions": ["forfeit_payout"]}
    return StoryCase(words, policy={"presets": [preset]})


def _protected(words: Words, status: ActionStatus, **more: Any) -> StoryCase:
    story = _then(StoryCase(words, policy={**PROTECT, **more}), (0, cmd.ProtectNow(rules=(0,))))
    return story.news(status, 0, of="P1")


def _worse(words: Words) -> StoryCase:
    """A hold that a more severe alert has ended."""
    story = StoryCase(words)
    story.case = story.case.model_copy(update={"severity": Severity.HIGH})
    _then(story, (1, cmd.Claim(by=SATO)), (2, cmd.Snooze(by=SATO, until=_SOON)))
    joining = cmd.JoinAlert(alert=brief(story.first), severity=Severity.CRITICAL)
    return _then(story, (3, joining))


def _calling(words: Words, **whom: str) -> StoryCase:
    step = {"after": "10m", "unless": "decided", **whom}
    return StoryCase(words, policy={"escalation": [step]})


def _unnamed(words: Words) -> StoryCase:
    """A report without a subject."""
    subject = {"type": SLACK_MESSAGE, "id": "C0LIVE/1763900000.000100"}
    related = [{"type": "auction", "id": "a_1"}, {"type": "message", "id": "c_1"}]
    return StoryCase(words, alert={"subject": subject, "related": related})


def _review_rejected(words: Words) -> StoryCase:
    story = _muted(words, policy={"act_first": _REFUSES}).news(ActionStatus.VERIFIED)
    _then(story, (6, cmd.Reject(by=TANAKA, reason=words.said)))
    story.news(ActionStatus.UNDONE, 7)
    return _then(story, (8, cmd.HandOver(by=SATO, to=TANAKA, note="…")))


def _undo_failed(words: Words, kind: ProblemKind) -> StoryCase:
    story = _muted(words).news(ActionStatus.VERIFIED)
    _then(story, (9, cmd.Undo(by=SATO)))
    return story.news(ActionStatus.FAILED, 10, problem=Problem(kind=kind))


def _bulk_ended(words: Words, **counts: int) -> StoryCase:
    story = StoryCase(words, policy={"bulk": True}).ringed()
    _then(story, (5, cmd.Approve(by=TANAKA)))
    story.so_far(6, done=312)
    _then(story, (7, cmd.StopBulk(by=SATO)))
    return story.so_far(8, ActionStatus.GIVEN_UP, **counts)


def _kept_by_bulk(words: Words) -> StoryCase:
    """A bulk decision beside a protection without an end of its own."""
    protect = [{"when": "true", "action": "forfeit_payout", "for": "15m"}]
    undo = {"method": "DELETE", "path": "/v1/users/{subject.id}/forfeits/1"}
    story = StoryCase(
        words,
        policy={"bulk": True, "protect": protect},
        catalog={"forfeit_payout": {"undo": undo, "danger": False, "approval": None}},
    )
    _then(story, (0, cmd.ProtectNow(rules=(0,))))
    story.reported(story.key("forfeit_payout"), ActionStatus.VERIFIED, 1, of="P1")
    _then(story.ringed(), (5, cmd.Approve(by=TANAKA)))
    story.reported(story.key("forfeit_payout"), ActionStatus.KEPT, 6, of="P1")
    return story


def _ban_sent_back(words: Words, *steps: tuple[float, cmd.Command]) -> StoryCase:
    return _then(StoryCase(words).decided("permanent_ban"), *steps, _HANDED_OVER)


_FORGED = EnforcementReport(id="r1", case=CASE, decision="D1", actions=(), unproven=True)


def _stopped(words: Words, **scope: str) -> StoryCase:
    """A protection that was prevented by a pause of `scope`."""
    pause = AutomationPause(by="U0TANAKA", at=AT, **scope)
    command = cmd.ProtectNow(rules=(0,), detector="live-chat", pauses=(pause,))
    return _then(StoryCase(words, policy=PROTECT), (0, command))


RARE_STORIES: dict[str, Callable[[Words], StoryCase]] = {
    "open, one kind stopped": lambda w: _stopped(w, playbook="off_platform"),
    "open, one detector stopped": lambda w: _stopped(w, detector="live-chat"),
    "open, one action stopped": lambda w: _stopped(w, action="mute_user"),
    "open, a dangerous preset": _dangerous,
    "open, a ring can be decided": lambda w: StoryCase(w, policy={"bulk": True}),
    "open, calls a role next": lambda w: _calling(w, notify="role", role="admin"),
    "open, calls a person next": lambda w: _calling(w, notify="person", person="U0TANAKA"),
    "open, sanctions that are over": lambda w: StoryCase(
        w, history=SubjectHistory(sanctions=(Sanction(action="mute_user", times=2, in_force=0),))
    ),
    "open, about a message": _unnamed,
    "open, a protection of no known end": lambda w: _protected(w, ActionStatus.VERIFIED),
    "open, a protection rehearsed": lambda w: _protected(w, ActionStatus.DRY_RUN, dry_run=True),
    "claimed, off hold since it is worse": _worse,
    "on hold, put off anew": lambda w: _then(
        StoryCase(w),
        (1, cmd.Claim(by=SATO)),
        (2, cmd.Snooze(by=SATO, until=_SOON)),
        (3, cmd.Wait(by=SATO, note=w.said, until=_LATER)),
    ),
    "claimed, rejected and handed over": lambda w: _ban_sent_back(
        w, (5, cmd.Reject(by=TANAKA, reason=w.said))
    ),
    "claimed, withdrawn and handed over": lambda w: _ban_sent_back(w, (5, cmd.Withdraw(by=SATO))),
    "claimed, review rejected": _review_rejected,
    "awaiting approval, for good": lambda w: StoryCase(
        w, catalog={"forfeit_payout": {"approval": _REFUSES}}
    ).decided("forfeit_payout"),
    "closed, until a time": lambda w: _muted(w).news(
        ActionStatus.VERIFIED, until=AT + timedelta(hours=24)
    ),
    "undo asked, refused in time": _undo_asked,
    "closed, undo expired": lambda w: _undo_asked(w, (34, cmd.Tick()), (60, cmd.Tick())),
    "closed, undo rejected and upheld": lambda w: _appealed(
        _undo_asked(w, (12, cmd.Reject(by=TANAKA, reason=w.said)))
    ),
    "closed, undo withdrawn and upheld": lambda w: _appealed(
        _undo_asked(w, (12, cmd.Withdraw(by=SATO)))
    ),
    "closed, there is no undo": lambda w: _undo_failed(w, ProblemKind.NO_UNDO),
    "open, stricter today": lambda w: _stricter(StoryCase(w, policy={**PROTECT, "bulk": True})),
    "awaiting approval, stricter today": lambda w: _stricter(_muted_with_lead(w)),
    "awaiting approval, nobody can approve": lambda w: _too_few(_muted_with_lead(w)),
    "reviewing, nobody can approve": lambda w: _too_few(
        _muted(w, policy={"act_first": _REFUSES}).news(ActionStatus.VERIFIED)
    ),
    "failed, retry asked": _retry_asked,
    "failed, retry asked, a question": lambda w: _retry_asked(
        w, (10, cmd.AskRequester(by=TANAKA, question=w.said))
    ),
    "failed, retry rejected": lambda w: _retry_asked(w, (12, cmd.Reject(by=TANAKA, reason=w.said))),
    "failed, retry expired": lambda w: _retry_asked(w, (34, cmd.Tick()), (60, cmd.Tick())),
    "enforcing, retry approved": lambda w: _retry_asked(w, (12, cmd.Approve(by=TANAKA))),
    "failed, nothing for this subject": lambda w: _muted(w).news(
        ActionStatus.FAILED, problem=Problem(kind=ProblemKind.UNUSABLE_SUBJECT)
    ),
    "failed, a wrong signature": lambda w: _muted(w).news(
        ActionStatus.FAILED, problem=Problem(kind=ProblemKind.UNPROVEN)
    ),
    "failed, an unknown action": lambda w: _muted(w).news(
        ActionStatus.FAILED, problem=Problem(kind=ProblemKind.UNKNOWN_ACTION)
    ),
    "enforcing, a forged request": lambda w: _then(_muted(w), (4, cmd.Report(report=_FORGED))),
    "failed, out of reach": lambda w: _muted(w).news(ActionStatus.FAILED, problem=AWAY),
    "failed, an unreadable answer": lambda w: _muted(w).news(
        ActionStatus.FAILED, problem=Problem(kind=ProblemKind.UNREADABLE, status=200)
    ),
    "failed, the platform broken": lambda w: _muted(w).news(ActionStatus.FAILED, problem=BROKEN),
    "ring, stopped in the middle": lambda w: _bulk_ended(w, done=312, given_up=600, skipped=88),
    "ring, a message stays hidden": lambda w: _kept_by_bulk(w),
    "open, a protection ran out": lambda w: _protected(w, ActionStatus.VERIFIED).news(
        ActionStatus.LIFTED, 15, of="P1"
    ),
    "closed, nobody was told": lambda w: StoryCase(w, policy=reasoned(w), telling=True).decided(
        "mute_user", template="quiet"
    ),
    "ring, taken back": lambda w: _bulk_ended(w, undone=900, lifted=60, dry_run=40),
}
