"""Cases from manual alerts, with paused automation, and with notices."""

from collections.abc import Callable
from datetime import datetime, timedelta

from tests.activities.slack.cases import AT, SATO
from tests.slack_shapes.cases import AWAY, REFUSED, StoryCase, reasoned
from tests.slack_shapes.words import Words
from workflows.domain.alerts import PEOPLE, REPORTS, ManualAlert, attributes_of
from workflows.domain.automation import AutomationPause
from workflows.domain.case import commands as cmd
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import ActionStatus, Problem
from workflows.domain.policy.limits import Full, Limits, Power

PROTECT = {"protect": [{"when": "true", "action": "mute_user", "for": "15m"}]}


def _withheld(words: Words, until: datetime | None = None) -> StoryCase:
    """A protection that was prevented by a pause."""
    pause = AutomationPause(by="U0TANAKA", at=AT, until=until)
    story = StoryCase(words, policy=PROTECT)
    story.then(cmd.ProtectNow(rules=(0,), pause=pause))
    return story


def _above_the_limit(words: Words, power: Power, holder: str) -> StoryCase:
    """A protection that was prevented by a limit."""
    limit = Full(
        power=power,
        holder=holder,
        most=600,
        within=timedelta(hours=1),
        used=600,
        resets_at=AT + timedelta(hours=1),
        alert=True,
    )
    story = StoryCase(words, policy=PROTECT)
    story.then(cmd.ProtectNow(rules=(0,), limit=limit))
    story.then(cmd.NoteLimit(by="U0SATO", limit=limit))
    return story


def _exempt(words: Words) -> StoryCase:
    """A subject on which nothing is done automatically."""
    story = StoryCase(words, policy=PROTECT)
    title = words.titled("公式アカウント", "Official account")
    entry = {"type": "user", "id": story.case.subject.id, "reason": title}
    rule = {"by": "lead", "within": "30m"}
    limits = Limits.model_validate({"approval": rule, "exempt": [entry]})
    policy = story.case.policy.model_copy(update={"limits": limits})
    story.case = story.case.model_copy(update={"policy": policy})
    story.then(cmd.ProtectNow(rules=(0,)))
    return story


def _by_hand(words: Words, detector: str) -> StoryCase:
    """A manual alert."""
    link = "https://koban-demo.slack.com/archives/C0LIVE/p1763900000000100"
    manual = ManualAlert(by="U0SATO", note=words.said, link=link)
    alert = {
        "detector": detector,
        "score": None,
        "title": None,
        "attributes": attributes_of(manual),
    }
    return StoryCase(words, alert=alert)


def _with_notice(words: Words, *actions: str) -> StoryCase:
    """A decision with a reason of the policy and a notice."""
    story = StoryCase(words, policy=reasoned(words), telling=True)
    return story.decided(*(actions or ("mute_user",)), template="line")


def _notice(words: Words, status: NoticeStatus, problem: Problem | None = None) -> StoryCase:
    story = _with_notice(words).news(ActionStatus.VERIFIED)
    return story.noticed(status, problem=problem)


def _sent_again(words: Words) -> StoryCase:
    story = _notice(words, NoticeStatus.FAILED, REFUSED)
    story.then(cmd.RetryNotice(by=SATO), 60)
    return story


OTHER_STORIES: dict[str, Callable[[Words], StoryCase]] = {
    "open, stopped from acting": _withheld,
    "open, stopped for a time": lambda w: _withheld(w, AT + timedelta(hours=2)),
    "open, a detector above its limit": lambda w: _above_the_limit(w, Power.DETECTOR, "live-chat"),
    "open, a playbook above its limit": lambda w: _above_the_limit(
        w, Power.PLAYBOOK, "off_platform"
    ),
    "open, about an exempt subject": _exempt,
    "awaiting approval, about an exempt subject": lambda w: _exempt(w).decided("mute_user"),
    "open, made by a colleague": lambda w: _by_hand(w, PEOPLE),
    "open, reported by somebody": lambda w: _by_hand(w, REPORTS),
    "awaiting approval, a notice to come": lambda w: _with_notice(w, "permanent_ban"),
    "enforcing, a notice to come": _with_notice,
    "closed, the person was told": lambda w: _notice(w, NoticeStatus.SENT),
    "closed, the notice is late": lambda w: _notice(w, NoticeStatus.RETRYING, AWAY),
    "closed, the notice failed": lambda w: _notice(w, NoticeStatus.FAILED, REFUSED),
    "closed, the notice is sent again": _sent_again,
}
