"""What the person acted upon is told: before it is sent, and where it stands."""

from activities.slack.drawing import Block, context
from activities.slack.escape import mrkdwn, one_line
from activities.slack.problems import problem_words
from activities.slack.reader import Reader
from workflows.domain.case_state import Phase
from workflows.domain.decision import Decision
from workflows.domain.enforcement import TOOK_EFFECT, NoticeState
from workflows.domain.notice import NoticeStatus
from workflows.domain.view import CardView

_FACTS = 300
_MARKS = {
    NoticeStatus.PENDING: "⏳",
    NoticeStatus.RETRYING: "🔁",
    NoticeStatus.SENT: "✉️",
    NoticeStatus.FAILED: "⚠️",
}
_BEFORE = (Phase.AWAITING_APPROVAL, Phase.ENFORCING)


def will_tell(decision: Decision, reader: Reader) -> list[Block]:
    """What will be told to whom, for the second person to judge as well."""
    if decision.notice is None:
        return []
    facts = mrkdwn(one_line(decision.notice.facts.in_(reader.texts.language)), _FACTS)
    person = reader.subject(decision.notice.person)
    return [context([reader.say("card.notice.facts", person=person, facts=facts)])]


def notice_line(view: CardView, reader: Reader) -> list[str]:
    """Where the notice of the last decision stands; nothing where there is none any more."""
    decision, state = view.decision, view.notice
    if decision is None or decision.notice is None:
        return []
    person = reader.subject(decision.notice.person)
    if state is None:
        return _planned(view, person, reader)
    if state.status is not NoticeStatus.SENT and not _took_effect(view):
        return []
    said = reader.say(f"card.notice.{state.status.value}", person=person)
    return [f"{_MARKS[state.status]} {_with_problem(said, state, reader)}"]


def _planned(view: CardView, person: str, reader: Reader) -> list[str]:
    if view.phase not in _BEFORE or (view.decision is not None and view.decision.rehearse):
        return []
    return [f"✉️ {reader.say('card.notice.planned', person=person)}"]


def _with_problem(said: str, state: NoticeState, reader: Reader) -> str:
    if state.problem is None or state.status is NoticeStatus.PENDING:
        return said
    problem = problem_words(state.problem, reader)
    return reader.say("action.problem", status=said, problem=problem)


def can_retry(view: CardView) -> bool:
    """Whether a person has to say that it is sent again."""
    failed = view.notice is not None and view.notice.status is NoticeStatus.FAILED
    return failed and _took_effect(view)


def _took_effect(view: CardView) -> bool:
    return any(action.status in TOOK_EFFECT for action in view.actions)
