"""What was decided, who agrees, what became of it at the platform, and how it ended."""

from activities.slack.approval_words import consents, question, waiting
from activities.slack.card_known import case_id
from activities.slack.card_notice import notice_line
from activities.slack.card_state import pending
from activities.slack.decision_words import action_words, decision_line, reason_words
from activities.slack.drawing import Block, quote, section
from activities.slack.escape import mrkdwn, one_line
from activities.slack.problems import problem_words
from activities.slack.reader import Reader
from activities.slack.ring_words import blast, progress, target
from activities.slack.sent_back import sent_back, undo_refused
from workflows.domain.approval import ApprovalState
from workflows.domain.case_state import Phase
from workflows.domain.enforcement import ActionState, ActionStatus
from workflows.domain.view import CardView

_WOULD = 200
_MARKS = {
    ActionStatus.PENDING: "⏳",
    ActionStatus.RETRYING: "🔁",
    ActionStatus.DONE: "☑️",
    ActionStatus.VERIFIED: "✅",
    ActionStatus.DRIFTED: "⚠️",
    ActionStatus.FAILED: "⚠️",
    ActionStatus.GIVEN_UP: "⏹️",
    ActionStatus.SKIPPED: "⏭️",
    ActionStatus.ROLLED_BACK: "↩️",
    ActionStatus.REHEARSED: "🧪",
    ActionStatus.UNDOING: "⏳",
    ActionStatus.UNDONE: "↩️",
    ActionStatus.LIFTED: "⏹️",
    ActionStatus.KEPT: "☑️",
}


def decision(view: CardView, reader: Reader) -> list[Block]:
    """Decision, approval, actions and end: whatever of it there is."""
    if view.decision is None:
        return _paragraph(_end(view, reader))
    above = [decision_line(view, view.decision, reader), *blast(view.decision, reader)]
    back = sent_back(view, reader)
    if back is not None:
        actions = _paragraph(action_lines(view, reader))
        return [section([*above, f"*{back}*"]), *quote(view.rejection or ""), *actions]
    below = [
        *waiting(view, reader),
        *action_lines(view, reader),
        *notice_line(view, reader),
        *_end(view, reader),
    ]
    blocks = [section(above), *quote(reason_words(view.decision, reader)), *_paragraph(below)]
    return [*blocks, *_asked(view, reader), *_still(view, reader)]


def _paragraph(lines: list[str]) -> list[Block]:
    return [section(lines)] if lines else []


def _asked(view: CardView, reader: Reader) -> list[Block]:
    """The question that an approver waits for an answer to."""
    approval = pending(view)
    return [] if approval is None else question(approval, view.opened_at, reader)


def _still(view: CardView, reader: Reader) -> list[Block]:
    """Why an undo that was asked for was not made."""
    refused = undo_refused(view, reader)
    return [] if refused is None else [section([f"*{refused}*"]), *quote(view.rejection or "")]


def action_lines(view: CardView, reader: Reader) -> list[str]:
    """One line an action with its status; none before the platform is asked."""
    if view.phase is Phase.AWAITING_APPROVAL:
        return []
    lines = [_action_line(view, action, reader) for action in view.actions]
    return [*lines, *progress(view, reader)] if lines else []


def _action_line(view: CardView, action: ActionState, reader: Reader) -> str:
    words = reader.say(
        "action.line",
        action=action_words(view, action.planned, reader, mrkdwn),
        subject=target(view, action.planned, reader),
        status=_status(view, action, reader),
    )
    return f"{_MARKS[action.status]} {words}"


def _status(view: CardView, action: ActionState, reader: Reader) -> str:
    status = reader.say(f"action.status.{action.status.value}")
    if action.standing and action.until is not None:
        until = reader.time(action.until, view.opened_at)
        status = reader.say("action.until", status=status, time=until)
    if action.status is ActionStatus.REHEARSED:
        return would_words(status, action.would, reader)
    if action.problem is None:
        return status
    # An undo that failed leaves the action standing, with the reason beside it.
    key = "action.undo_failed" if action.standing else "action.problem"
    return reader.say(key, status=status, problem=problem_words(action.problem, reader))


def would_words(status: str, would: str, reader: Reader) -> str:
    """What a rehearsal would have asked the platform for."""
    asked = mrkdwn(one_line(would), _WOULD)
    return reader.say("action.would", status=status, would=asked) if asked else status


def _end(view: CardView, reader: Reader) -> list[str]:
    """Who agreed, and how the case ended."""
    lines = []
    approval = view.approval
    if approval is not None and approval.state is ApprovalState.GRANTED:
        lines += consents(approval, reader)
    if view.merged_into is not None:
        return [*lines, _merged(view, view.merged_into, reader)]
    if view.phase is Phase.CLOSED and view.closed_at is not None and view.verdict is not None:
        verdict = reader.say(f"verdict.{view.verdict.value}")
        time = reader.time(view.closed_at, view.opened_at)
        lines.append(reader.say("card.closed", time=time, verdict=verdict))
    return lines


def _merged(view: CardView, into: str, reader: Reader) -> str:
    by = view.turn.by if view.turn is not None else None
    return reader.say("card.merged", person=reader.person(by), into=case_id(into))
