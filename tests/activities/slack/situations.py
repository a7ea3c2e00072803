"""Case states that several tests share."""

from tests.activities.slack.cases import (
    MUTE,
    PROTECTS,
    REVIEWS,
    SATO,
    Story,
    alert,
    catalog,
    policy,
)
from workflows.domain.case import commands as cmd
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.domain.case.model import Sanction, SubjectHistory

REFUSED = Problem(kind=ProblemKind.REFUSED, status=409)
FORFEIT = "forfeit_payout/user:u_123"
HISTORY = SubjectHistory(
    sanctions=(
        Sanction(action="mute_user", times=2, in_force=1),
        Sanction(action="permanent_ban", times=1),
    ),
    open_cases=("K7AAAAAAA",),
    closed_cases=3,
)


def muted() -> Story:
    """A closed case with a mute in effect."""
    return Story().muted().reported(MUTE, ActionStatus.VERIFIED)


def protected(history: SubjectHistory | None = None) -> Story:
    """An automatic mute in a case that nobody has claimed."""
    return Story(policy=PROTECTS, history=history or SubjectHistory()).protected()


def reviewed() -> Story:
    """An action before its review, which is pending."""
    return Story(policy=REVIEWS).muted().reported(MUTE, ActionStatus.VERIFIED)


def undo_asked() -> Story:
    """A mute whose undo needs the lead's approval."""
    careful = policy(catalog("mute_user", undo_approval={"by": "lead", "within": "30m"}))
    story = Story(policy=careful).muted().reported(MUTE, ActionStatus.VERIFIED)
    return story.then(cmd.Undo(by=SATO), 9)


def in_turn() -> Story:
    """Two actions in sequence, both rolled back if one fails."""
    both = cmd.Decide(
        by=SATO,
        verdict=cmd.Verdict.VIOLATION,
        actions=({"action": "mute_user"}, {"action": "forfeit_payout"}),  # type: ignore[arg-type]
        reason="3回目の違反",
    )
    conduct = {"order": "in_turn", "on_failure": "undo"}
    return Story(policy=policy(conduct=conduct)).then(both, 3)


def rolled_back() -> Story:
    """The second action failed and the first was rolled back."""
    story = in_turn().reported(MUTE, ActionStatus.ROLLED_BACK, 4)
    return story.reported(FORFEIT, ActionStatus.FAILED, 4, REFUSED)


def dry_run() -> Story:
    """No change was made at the platform."""
    story = Story(policy=policy(dry_run=True)).muted()
    return story.reported(MUTE, ActionStatus.DRY_RUN, would="POST /v1/users/u_123/mutes")


def merged() -> Story:
    """A case that was merged into another one."""
    into = cmd.Merge(by=SATO, into="K7AAAAAAA", subject=alert().subject)
    return Story().claimed().then(into, 4)
