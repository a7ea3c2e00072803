"""Cases from manual alerts, with paused automation, and with notices."""

from collections.abc import Callable
from datetime import datetime, timedelta

from tests.activities.slack.cases import AT, SATO, TANAKA
from tests.slack_shapes.cases import AWAY, REFUSED, StoryCase, reasoned
from tests.slack_shapes.words import Words
from tests.workflows.domain.case.bulk_builders import bulk_news
from workflows.domain.alerts import PEOPLE, REPORTS, ManualAlert, attributes_of
from workflows.domain.automation import AutomationPause
from workflows.domain.brakes import BrakeCause, Trip
from workflows.domain.brakes import Tally as ActionTally
from workflows.domain.case import commands as cmd
from workflows.domain.case.bulk import Tally
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import ActionStatus, NoticeState, Problem, ProblemKind
from workflows.domain.policy.limits import Full, Limits, Power

PROTECT = {"protect": [{"when": "true", "action": "mute_user", "for": "15m"}]}


def _withheld(words: Words, until: datetime | None = None) -> StoryCase:
    """A protection that was prevented by a pause."""
    pause = AutomationPause(by="U0TANAKA", at=AT, until=until)
    story = StoryCase(words, policy=PROTECT)
    story.then(cmd.ProtectNow(rules=(0,), pauses=(pause,)))
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


def a_trip(cause: BrakeCause, usual: float | None = 3.5) -> AutomationPause:
    """The pause of a breaker that tripped."""
    tally = ActionTally(
        actions=1_200, subjects=1_100, usual=usual, judged=40, right=33, acted=5_000, undone=612
    )
    limit = {BrakeCause.PRECISION: 0.9, BrakeCause.UNDONE: 0.1}.get(cause, 100)
    trip = Trip(cause=cause, window=timedelta(minutes=5), limit=limit, tally=tally)
    return AutomationPause(
        detector="live-chat", action="mute_user", by="koban", at=AT, trip=trip, case="K7Q2F9XM0"
    )


def _tripped(words: Words) -> StoryCase:
    """A protection that was prevented by a breaker."""
    story = StoryCase(words, policy=PROTECT)
    pauses = (a_trip(BrakeCause.RATE),)
    story.then(cmd.ProtectNow(rules=(0,), detector="live-chat", pauses=pauses))
    return story


def _paused_for_a_detector(words: Words) -> StoryCase:
    """A protection that a person's pause of one action of its detector prevented."""
    story = StoryCase(words, policy=PROTECT)
    paused = AutomationPause(detector="live-chat", action="mute_user", by="U0TANAKA", at=AT)
    story.then(cmd.ProtectNow(rules=(0,), detector="live-chat", pauses=(paused,)))
    return story


def _stopped_in_the_queue(words: Words) -> StoryCase:
    """A protection that waited at the platform when automation was paused."""
    story = StoryCase(words, policy=PROTECT)
    story.then(cmd.ProtectNow(rules=(0,), detector="live-chat"))
    story.news(ActionStatus.RETRYING, 1, of="P1", problem=AWAY)
    stopped = Problem(kind=ProblemKind.PAUSED)
    return story.news(ActionStatus.SKIPPED, 2, of="P1", problem=stopped)


def _waiting_for_the_ledger(words: Words) -> StoryCase:
    """A decision by Koban, while nothing says whether automation is paused."""
    story = StoryCase(words, policy=_auto(words))
    story.then(_AUTOMATICALLY)
    unknown = Problem(kind=ProblemKind.PAUSES_UNKNOWN)
    return story.news(ActionStatus.RETRYING, problem=unknown)


def _review_first(words: Words) -> StoryCase:
    """A decision that would act before its review, if automation were not paused."""
    acts = {"act_first": {"by": "lead", "within": "15m", "on_expiry": "refuse"}}
    return StoryCase(words, policy=acts).decided("mute_user", paused=True)


def _auto(words: Words) -> dict[str, object]:
    """A playbook whose first preset that can be undone is applied by Koban."""
    preset = "mute" if words.policy is None else "p0"
    return {"auto": [{"when": "true", "preset": preset}]}


_AUTOMATICALLY = cmd.DecideAutomatically(rule=0, alert_key="live-chat/chat-1", detector="live-chat")


def _decided_by_koban(words: Words) -> StoryCase:
    """A decision that nobody took, in effect, with its notice."""
    story = StoryCase(words, policy=_auto(words), telling=True)
    story.then(_AUTOMATICALLY)
    return story.news(ActionStatus.VERIFIED)


def _taken_back(words: Words) -> StoryCase:
    story = _decided_by_koban(words)
    story.then(cmd.Reconsider(by=SATO), 5)
    return story


def _judged_again(words: Words) -> StoryCase:
    return _taken_back(words).news(ActionStatus.UNDONE, 6)


def _trusted(words: Words) -> StoryCase:
    """A decision that was left to people, because nothing automatic happens to the subject."""
    story = StoryCase(words, policy=_auto(words))
    policy = story.case.policy.model_copy(update={"trusted": frozenset({story.case.subject.id})})
    story.case = story.case.model_copy(update={"policy": policy})
    story.then(_AUTOMATICALLY)
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


def _ring_notified(
    words: Words, status: NoticeStatus | None, problem: Problem | None = None, **counts: int
) -> StoryCase:
    """A bulk decision in effect, with counts of its notices."""
    story = StoryCase(words, policy={"bulk": True}, telling=True).ringed()
    story.then(cmd.Approve(by=TANAKA), 5)
    end = None if status is None else ActionStatus.VERIFIED
    tally = Tally(total=1000, step=6, done=1000, **counts)
    notice = None if status is None else NoticeState(status=status, problem=problem)
    report = bulk_news(story.case, tally, end).report.model_copy(update={"notice": notice})
    story.then(cmd.Report(report=report), 6)
    return story


def _ring_sent_again(words: Words) -> StoryCase:
    counts = {"notices_sent": 998, "notices_failed": 2}
    story = _ring_notified(words, NoticeStatus.FAILED, REFUSED, **counts)
    story.then(cmd.RetryNotice(by=SATO), 60)
    return story


def _ring_unaddressed(words: Words) -> StoryCase:
    story = StoryCase(words, policy={"bulk": True}, telling=True)
    notice_text = story.case.policy.notice_text
    assert notice_text is not None
    call = notice_text.call.model_copy(update={"subject": "seller"})
    text = notice_text.model_copy(update={"call": call})
    policy = story.case.policy.model_copy(update={"notice_text": text})
    story.case = story.case.model_copy(update={"policy": policy})
    return story.ringed()


OTHER_STORIES: dict[str, Callable[[Words], StoryCase]] = {
    "open, stopped from acting": _withheld,
    "open, stopped for a time": lambda w: _withheld(w, AT + timedelta(hours=2)),
    "open, a detector above its limit": lambda w: _above_the_limit(w, Power.DETECTOR, "live-chat"),
    "open, a playbook above its limit": lambda w: _above_the_limit(
        w, Power.PLAYBOOK, "off_platform"
    ),
    "open, a breaker tripped": _tripped,
    "open, an action of its detector paused": _paused_for_a_detector,
    "open, a protection stopped in the queue": _stopped_in_the_queue,
    "enforcing, pauses not to be read": _waiting_for_the_ledger,
    "awaiting approval, paused": _review_first,
    "open, about an exempt subject": _exempt,
    "awaiting approval, about an exempt subject": lambda w: _exempt(w).decided("mute_user"),
    "open, about a trusted subject": _trusted,
    "closed, decided by Koban": _decided_by_koban,
    "closed, being taken back": _taken_back,
    "claimed, taken back": _judged_again,
    "open, made by a colleague": lambda w: _by_hand(w, PEOPLE),
    "open, reported by somebody": lambda w: _by_hand(w, REPORTS),
    "awaiting approval, a notice to come": lambda w: _with_notice(w, "permanent_ban"),
    "enforcing, a notice to come": _with_notice,
    "closed, the person was told": lambda w: _notice(w, NoticeStatus.SENT),
    "closed, the notice is late": lambda w: _notice(w, NoticeStatus.RETRYING, AWAY),
    "closed, the notice failed": lambda w: _notice(w, NoticeStatus.FAILED, REFUSED),
    "closed, the notice is sent again": _sent_again,
    "ring, notices to come": lambda w: StoryCase(w, policy={"bulk": True}, telling=True).ringed(),
    "ring, notices on their way": lambda w: _ring_notified(w, None, notices_sent=312),
    "ring, everybody was told": lambda w: _ring_notified(w, NoticeStatus.SENT, notices_sent=1000),
    "ring, notices are late": lambda w: _ring_notified(
        w, NoticeStatus.RETRYING, AWAY, notices_sent=990, notices_retrying=10
    ),
    "ring, notices failed": lambda w: _ring_notified(
        w, NoticeStatus.FAILED, REFUSED, notices_sent=989, notices_retrying=9, notices_failed=2
    ),
    "ring, notices are sent again": _ring_sent_again,
    "ring, nobody to tell": _ring_unaddressed,
}
