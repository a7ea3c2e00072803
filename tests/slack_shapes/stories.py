"""Cases in each of their states, with foreign texts."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.activities.slack.cases import AT, SATO, TANAKA
from tests.slack_shapes.cases import AWAY, REFUSED, SUZUKI, StoryCase
from tests.slack_shapes.other_stories import OTHER_STORIES, PROTECT
from tests.slack_shapes.rare_stories import RARE_STORIES
from tests.slack_shapes.words import Words
from workflows.domain.case import commands as cmd
from workflows.domain.case.appeal_outcome import AppealAnswer, AppealOutcome
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Sanction, SubjectHistory
from workflows.domain.policy.limits import Limits
from workflows.domain.policy.playbook import Notify

LADDER = [
    {"after": "2m", "unless": "claimed", "notify": "shift", "repeat": {"every": "1m", "times": 2}},
    {"after": "5m", "unless": "acknowledged", "notify": "lead", "via": "direct"},
    {"after": "10m", "unless": "decided", "notify": "role", "role": "admin"},
    {"after": "20m", "unless": "decided", "notify": "person", "person": "U0TANAKA", "via": "both"},
]
UNDO_BY_LEAD = {"undo_approval": {"by": "lead", "within": "30m", "on_expiry": "escalate"}}


def _ago(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


def _muted(words: Words, **more: Any) -> StoryCase:
    """Decided automatically: closed once the platform confirms it."""
    return StoryCase(words, **more).decided("mute_user")


def _done(words: Words, **more: Any) -> StoryCase:
    return _muted(words, **more).news(ActionStatus.VERIFIED)


def _asked(words: Words, **more: Any) -> StoryCase:
    return StoryCase(words, **more).decided("permanent_ban")


def _answered(words: Words, **more: Any) -> StoryCase:
    story = _asked(words, **more)
    story.then(cmd.AskRequester(by=TANAKA, question=words.said), 5)
    story.then(cmd.AnswerApprover(by=SATO, answer=words.said), 9)
    return story


def _undo_asked(words: Words) -> StoryCase:
    story = _done(words, catalog={"mute_user": UNDO_BY_LEAD})
    story.then(cmd.Undo(by=SATO), 9)
    return story


def _reviewing(words: Words) -> StoryCase:
    acts = {"act_first": {"by": "lead", "within": "15m", "on_expiry": "refuse"}}
    return _done(words, policy=acts)


def _in_turn(words: Words) -> StoryCase:
    both = {"conduct": {"order": "in_turn", "on_failure": "undo"}}
    return StoryCase(words, policy=both).decided("mute_user", "forfeit_payout")


def _protected(words: Words) -> StoryCase:
    story = StoryCase(words, policy=PROTECT)
    story.then(cmd.ProtectNow(rules=(0,)))
    return story.news(ActionStatus.VERIFIED, 0, until=_ago(15), of="P1")


def _many_alerts(words: Words) -> StoryCase:
    story = StoryCase(words)
    for number in range(100):
        story.joined(
            number + 1,
            id=f"chat-{number + 2}",
            title={"ja": words.title, "en": words.title_en},
            evidence=({"kind": "text", "text": words.evidence},),
        )
    return story


def _history(words: Words) -> StoryCase:
    found = SubjectHistory(
        sanctions=tuple(
            Sanction(action=name, times=times, in_force=1)
            for times, name in enumerate(["mute_user", "permanent_ban", *["gone"] * 9], 1)
        ),
        open_cases=tuple(f"K7AAAAAA{n}" for n in range(9)),
        closed_cases=1_234,
    )
    return StoryCase(words, history=found)


def _appealed(words: Words, outcome: AppealOutcome) -> StoryCase:
    story = _done(words)
    answer = AppealAnswer(
        appeal="A0123456789AB",
        case=story.case.id,
        decision="D1",
        outcome=outcome,
        by="U0REED",
        at=AT,
        reason=words.said,
    )
    story.then(cmd.AnswerAppeal(answer=answer), 60)
    return story


def _laddered(words: Words) -> StoryCase:
    story = StoryCase(words, policy={"escalation": LADDER})
    for minute in (2, 3, 4, 5, 10, 20):
        story.then(cmd.Tick(), minute)
    return story


def _ringed(words: Words, approved: bool = True) -> StoryCase:
    playbook = StoryCase(words, policy={"bulk": True}).ringed()
    if approved:
        playbook.then(cmd.Approve(by=TANAKA), 5)
    return playbook


def _then(story: StoryCase, *commands: tuple[float, cmd.Command]) -> StoryCase:
    for minutes, command in commands:
        story.then(command, minutes)
    return story


def _snoozing(words: Words) -> cmd.SnoozeDetector:
    lasts = timedelta(hours=8)
    return cmd.SnoozeDetector(by=SATO, detector="live-chat", lasts=lasts, reason=words.said)


def _limited(words: Words) -> StoryCase:
    """A decision above the person's budget needs an approval."""
    story = StoryCase(words)
    rule = {"by": "lead", "within": "30m", "on_expiry": "escalate"}
    limits = Limits.model_validate({"approval": rule})
    policy_ = story.case.policy.model_copy(update={"limits": limits})
    story.case = story.case.model_copy(update={"policy": policy_})
    return story


def _ten_presets(words: Words) -> StoryCase:
    """More than today's policy allows: the card must remain valid."""
    story = StoryCase(words)
    playbook = story.case.policy.playbook
    presets = tuple(
        each.model_copy(update={"id": f"{each.id}_{n}"})
        for n in range(5)
        for each in playbook.presets
    )[:10]
    wide = story.case.policy.model_copy(
        update={"playbook": playbook.model_copy(update={"presets": presets})}
    )
    story.case = story.case.model_copy(update={"policy": wide})
    return story


def _rolled_back(words: Words) -> StoryCase:
    story = _in_turn(words).news(ActionStatus.ROLLED_BACK)
    story.reported(story.key("forfeit_payout"), ActionStatus.FAILED, 4, REFUSED)
    return story


def _skipped(words: Words) -> StoryCase:
    story = _in_turn(words).news(ActionStatus.FAILED, problem=REFUSED)
    story.reported(story.key("forfeit_payout"), ActionStatus.SKIPPED, 4)
    return story


def _merged(words: Words) -> StoryCase:
    story = StoryCase(words)
    into = cmd.Merge(by=SATO, into="K7AAAAAAA", subject=story.subject)
    return _then(story, (1, cmd.Claim(by=SATO)), (4, into))


def _missed(*people: str, nobody: bool = False) -> cmd.MissCall:
    return cmd.MissCall(key="k", notify=Notify.LEAD, missed=people, nobody=nobody)


STORIES: dict[str, Callable[[Words], StoryCase]] = {
    "open": StoryCase,
    "open, a hundred alerts": _many_alerts,
    "open, sensitive": lambda w: StoryCase(
        w,
        alert={
            "evidence": [
                {"kind": "text", "text": w.evidence, "sensitive": True},
                {"kind": "image", "url": "https://cdn.example/a.png"},
            ]
        },
    ),
    "open, nothing known of it": lambda w: StoryCase(
        w, alert={"score": None, "attributes": {}, "title": None, "evidence": [], "related": []}
    ),
    "open, with a past": _history,
    "open, ten presets": _ten_presets,
    "open, rehearsing": lambda w: StoryCase(w, policy={"dry_run": True}),
    "open, acts first": lambda w: StoryCase(
        w, policy={"act_first": {"by": "lead", "within": "15m", "on_expiry": "refuse"}}
    ),
    "open, called the whole ladder": _laddered,
    "open, escalated by a person": lambda w: _then(StoryCase(w), (1, cmd.Escalate(by=SATO))),
    "open, a call missed people": lambda w: _then(StoryCase(w), (1, _missed("U0REED", "U0TANAKA"))),
    "open, a call missed everybody": lambda w: _then(StoryCase(w), (1, _missed(nobody=True))),
    "open, acknowledged": lambda w: _then(StoryCase(w), (1, cmd.Acknowledge(by=SATO))),
    "open, put back": lambda w: _then(
        StoryCase(w), (1, cmd.Claim(by=SATO)), (2, cmd.Release(by=SATO))
    ),
    "open, put back by a lead": lambda w: _then(
        StoryCase(w), (1, cmd.Claim(by=SATO)), (2, cmd.Release(by=TANAKA))
    ),
    "claimed": lambda w: _then(StoryCase(w), (1, cmd.Claim(by=SATO))),
    "claimed, watched": lambda w: _then(
        StoryCase(w), (1, cmd.Claim(by=SATO)), (2, cmd.Watch(by=TANAKA))
    ),
    "claimed, a note": lambda w: _then(
        StoryCase(w), (1, cmd.Claim(by=SATO)), (2, cmd.AddNote(by=TANAKA, note=w.said))
    ),
    "claimed, handed over": lambda w: _then(
        StoryCase(w), (1, cmd.Claim(by=SATO)), (2, cmd.HandOver(by=SATO, to=TANAKA, note=w.said))
    ),
    "claimed, about to end": lambda w: _then(
        StoryCase(w, policy={"claims": {"idle": "5m", "warn": "2m"}}),
        (1, cmd.Claim(by=SATO)),
        (4, cmd.Tick()),
    ),
    "claimed, ended": lambda w: _then(
        StoryCase(w, policy={"claims": {"idle": "5m", "warn": "2m"}}),
        (1, cmd.Claim(by=SATO)),
        (4, cmd.Tick()),
        (7, cmd.Tick()),
    ),
    "claimed, absorbed others": lambda w: _then(
        StoryCase(w),
        (1, cmd.Claim(by=SATO)),
        (4, cmd.Absorb(case=w.id[:60], alerts=12, by="U0SATO")),
        (5, cmd.Absorb(case="K7BBBBBBB", alerts=1, by="U0SATO")),
    ),
    "on hold, snoozed": lambda w: _then(
        StoryCase(w), (1, cmd.Claim(by=SATO)), (2, cmd.Snooze(by=SATO, until=_ago(8)))
    ),
    "on hold, its clock stands": lambda w: _then(
        StoryCase(w), (1, cmd.Claim(by=SATO)), (2, cmd.Snooze(by=TANAKA, until=_ago(180)))
    ),
    "on hold, waiting": lambda w: _then(
        StoryCase(w), (1, cmd.Claim(by=SATO)), (2, cmd.Wait(by=SATO, note=w.said, until=_ago(120)))
    ),
    "claimed, detector snoozed": lambda w: _then(
        StoryCase(w), (1, cmd.Claim(by=SATO)), (2, _snoozing(w))
    ),
    "cleared, detector snoozed": lambda w: _then(
        StoryCase(w), (1, cmd.MarkNoViolation(by=SATO)), (2, _snoozing(w))
    ),
    "cleared, no longer snoozed": lambda w: _then(
        StoryCase(w),
        (1, cmd.MarkNoViolation(by=SATO)),
        (2, _snoozing(w)),
        (3, cmd.EndSnooze(by=TANAKA)),
    ),
    "claimed, off hold": lambda w: _then(
        StoryCase(w),
        (1, cmd.Claim(by=SATO)),
        (2, cmd.Wait(by=SATO, note=w.said, until=_ago(120))),
        (9, cmd.Resume(by=SATO)),
    ),
    "claimed, off hold in time": lambda w: _then(
        StoryCase(w),
        (1, cmd.Claim(by=SATO)),
        (2, cmd.Wait(by=SATO, note=w.said, until=_ago(120))),
        (121, cmd.Tick()),
    ),
    "open, protecting": _protected,
    "open, a protection begins": lambda w: _then(
        StoryCase(w, policy=PROTECT), (0, cmd.ProtectNow(rules=(0,)))
    ),
    "open, a protection failed": lambda w: _then(
        StoryCase(w, policy=PROTECT), (0, cmd.ProtectNow(rules=(0,)))
    ).news(ActionStatus.FAILED, 1, of="P1", problem=AWAY),
    "open, a protection is lifted": lambda w: _then(
        _protected(w), (2, cmd.LiftProtection(by=SATO))
    ),
    "open, a protection stays stuck": lambda w: _protected(w).news(
        ActionStatus.FAILED, 16, of="P1", problem=AWAY
    ),
    "claimed, a protection runs again": lambda w: _then(
        _protected(w).decided("permanent_ban"), (6, cmd.Reject(by=TANAKA, reason=w.said))
    ),
    "closed, a protection was lifted": lambda w: _then(
        _protected(w), (3, cmd.MarkNoViolation(by=SATO))
    ).news(ActionStatus.LIFTED, 4, of="P1"),
    "enforcing, a protection was kept": lambda w: _then(
        _protected(w), (2, cmd.Confirm(by=SATO))
    ).news(ActionStatus.KEPT, 3, of="P1"),
    "enforcing, a protection is kept": lambda w: _then(_protected(w), (2, cmd.Confirm(by=SATO))),
    "awaiting approval": _asked,
    "awaiting approval, protecting": lambda w: _protected(w).decided("permanent_ban"),
    "awaiting approval, over the limit": lambda w: _limited(w).decided(
        "mute_user", over_limit=True
    ),
    "awaiting approval, asked": lambda w: _then(
        _asked(w), (5, cmd.AskRequester(by=TANAKA, question=w.said))
    ),
    "awaiting approval, answered": _answered,
    "awaiting approval, nobody answered": lambda w: _then(
        _asked(w), (5, cmd.AskRequester(by=TANAKA, question=w.said)), (45, cmd.Tick())
    ),
    "awaiting approval, reminded": lambda w: _then(_asked(w), (25, cmd.Tick())),
    "awaiting approval, one of two": lambda w: _then(
        _asked(
            w, catalog={"permanent_ban": {"approval": {"by": "lead", "quorum": 2, "within": "30m"}}}
        ),
        (5, cmd.Approve(by=SUZUKI)),
    ),
    "awaiting approval, asked again": lambda w: _then(
        _asked(
            w,
            catalog={
                "permanent_ban": {
                    "approval": {"by": "lead", "within": "30m", "on_expiry": "escalate"}
                }
            },
        ),
        (25, cmd.Tick()),
        (40, cmd.Tick()),
    ),
    "claimed, rejected": lambda w: _then(_asked(w), (5, cmd.Reject(by=TANAKA, reason=w.said))),
    "claimed, withdrawn": lambda w: _then(_asked(w), (6, cmd.Withdraw(by=SATO))),
    "claimed, expired": lambda w: _then(_asked(w), (25, cmd.Tick()), (40, cmd.Tick())),
    "enforcing": _muted,
    "enforcing, agreed": lambda w: _then(_asked(w), (5, cmd.Approve(by=TANAKA))),
    "enforcing, agreed in somebody's stead": lambda w: _then(
        _asked(w), (5, cmd.Approve(by=SUZUKI))
    ),
    "enforcing, retrying": lambda w: _muted(w).news(ActionStatus.RETRYING),
    "enforcing, in turn": _in_turn,
    "failed": lambda w: _muted(w).news(ActionStatus.FAILED, problem=REFUSED),
    "failed, rolled back": lambda w: _rolled_back(w),
    "failed, one was skipped": lambda w: _skipped(w),
    "enforcing, not read back yet": lambda w: _muted(w).news(ActionStatus.DONE),
    "failed, tried again": lambda w: _then(
        _muted(w).news(ActionStatus.FAILED, problem=REFUSED), (6, cmd.Retry(by=SATO))
    ),
    "closed, given up": lambda w: _then(
        _muted(w).news(ActionStatus.FAILED, problem=REFUSED), (6, cmd.GiveUp(by=SATO))
    ),
    "closed": _done,
    "closed, cleared": lambda w: _then(StoryCase(w), (3, cmd.MarkNoViolation(by=SATO))),
    "closed, a false positive": lambda w: StoryCase(w).decided(verdict=cmd.Verdict.FALSE_POSITIVE),
    "closed, drifted": lambda w: _muted(w).news(ActionStatus.DRIFTED),
    "closed, over in time": lambda w: _done(w).news(ActionStatus.LIFTED, 1500),
    "closed, upheld": lambda w: _appealed(w, AppealOutcome.UPHELD),
    "closed, overturned": lambda w: _appealed(w, AppealOutcome.OVERTURNED),
    "dry_run": lambda w: _muted(w, policy={"dry_run": True}).news(
        ActionStatus.DRY_RUN, would=f"POST /v1/users/{w.id}/mutes"
    ),
    "reviewing": _reviewing,
    "reviewing, asked": lambda w: _then(
        _reviewing(w), (6, cmd.AskRequester(by=TANAKA, question=w.said))
    ),
    "closed, reviewed": lambda w: _then(_reviewing(w), (6, cmd.Approve(by=TANAKA))),
    "undoing, review rejected": lambda w: _then(
        _reviewing(w), (6, cmd.Reject(by=TANAKA, reason=w.said))
    ),
    "undoing, review expired": lambda w: _then(_reviewing(w), (12, cmd.Tick()), (40, cmd.Tick())),
    "undo asked": _undo_asked,
    "undo asked, asked": lambda w: _then(
        _undo_asked(w), (12, cmd.AskRequester(by=TANAKA, question=w.said))
    ),
    "closed, undo rejected": lambda w: _then(
        _undo_asked(w), (12, cmd.Reject(by=TANAKA, reason=w.said))
    ),
    "closed, undo withdrawn": lambda w: _then(_undo_asked(w), (12, cmd.Withdraw(by=SATO))),
    "undoing, agreed": lambda w: _then(_undo_asked(w), (12, cmd.Approve(by=TANAKA))),
    "undoing": lambda w: _then(_done(w), (9, cmd.Undo(by=SATO))),
    "closed, undo failed": lambda w: _then(_done(w), (9, cmd.Undo(by=SATO))).news(
        ActionStatus.FAILED, 10, problem=AWAY
    ),
    "undone": lambda w: _then(_done(w), (9, cmd.Undo(by=SATO))).news(ActionStatus.UNDONE, 10),
    "reopened": lambda w: _then(
        StoryCase(w), (3, cmd.MarkNoViolation(by=SATO)), (30, cmd.Reopen(by=TANAKA, reason=w.said))
    ),
    "merged": lambda w: _merged(w),
    "ring, awaiting approval": lambda w: _ringed(w, approved=False),
    "ring, enforcing": lambda w: _ringed(w).so_far(6, done=312, failed=3, drifted=2, retrying=9),
    "ring, stopped": lambda w: _then(_ringed(w).so_far(6, done=312), (7, cmd.StopBulk(by=SATO))),
    "ring, failed": lambda w: _ringed(w).so_far(8, ActionStatus.FAILED, done=997, failed=3),
    "ring, closed": lambda w: _ringed(w).so_far(8, ActionStatus.VERIFIED, done=1000),
    **OTHER_STORIES,
    **RARE_STORIES,
}
"""Stories by the card's first text."""
