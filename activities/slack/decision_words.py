"""What was decided, who agrees, what became of it at the platform, and how it ended."""

from urllib.parse import urlsplit

from activities.slack.card_people import sent_back
from activities.slack.drawing import Block, fit, quote, section
from activities.slack.escape import Safe, mrkdwn, one_line, plain
from activities.slack.reader import Reader
from workflows.domain.approval import Approval
from workflows.domain.case_state import Phase
from workflows.domain.decision import Decision, PlannedAction
from workflows.domain.enforcement import ActionState, ActionStatus, Problem
from workflows.domain.text import Text
from workflows.domain.view import CardView

_TITLES = 200
_RULE = 60
_MARKS = {
    ActionStatus.PENDING: "⏳",
    ActionStatus.RETRYING: "🔁",
    ActionStatus.DONE: "☑️",
    ActionStatus.VERIFIED: "✅",
    ActionStatus.DRIFTED: "⚠️",
    ActionStatus.FAILED: "⚠️",
    ActionStatus.GIVEN_UP: "⏹️",
    ActionStatus.UNDOING: "⏳",
    ActionStatus.UNDONE: "↩️",
    ActionStatus.LIFTED: "⏹️",
}


def decision(view: CardView, reader: Reader) -> list[Block]:
    """Decision, approval, actions and end: whatever of it there is."""
    if view.decision is None:
        return []
    back = sent_back(view, reader)
    above = [decision_line(view, view.decision, reader)]
    if back is not None:
        return [section([*above, f"*{back}*"]), *quote(view.rejection or "")]
    below = [*_approval(view, reader), *action_lines(view, reader), *_end(view, reader)]
    blocks = [section(above), *quote(view.decision.reason)]
    return [*blocks, section(below)] if below else blocks


def decision_line(view: CardView, decision: Decision, reader: Reader) -> str:
    """`佐藤さんの判断: 強制退会(MKT-4.2)`, as mrkdwn."""
    words = decision_words(view, decision, reader, mrkdwn)
    if decision.policy:
        words = reader.say("card.rule", decision=words, rule=_rule(view, decision.policy))
    return reader.say("card.decision", person=reader.person(decision.by), decision=words)


def decision_words(view: CardView, decision: Decision, reader: Reader, safe: Safe) -> str:
    """A decision in a few words: its preset, else its actions, else the verdict."""
    latest = view.decision is not None and view.decision.id == decision.id
    if latest and view.decision_title is not None:
        return reader.title(view.decision_title, safe)
    if not decision.actions:
        return reader.say(f"verdict.{decision.verdict.value}")
    words = (action_words(view, planned, reader, safe) for planned in decision.actions)
    return fit(words, reader.say("words.comma"), _TITLES)


def action_words(view: CardView, planned: PlannedAction, reader: Reader, safe: Safe) -> str:
    """`コメント制限 24時間`."""
    title = action_title(view, planned.action, reader, safe)
    if planned.lasts is None:
        return title
    lasts = reader.texts.duration(planned.lasts)
    return reader.say("action.lasting", action=title, duration=lasts)


def action_title(view: CardView, action: str, reader: Reader, safe: Safe) -> str:
    """The title of an action; its name where the catalog has lost it."""
    return reader.title(view.action_titles.get(action) or Text(ja=action, en=action), safe)


def _rule(view: CardView, rule: str) -> str:
    """The rule, linked to its text where the playbook gives an address that Slack can take."""
    words = mrkdwn(one_line(rule), _RULE)
    url = view.rule_url or ""
    odd = any(character in url for character in "<>| \n") or len(url) > 500
    if odd or urlsplit(url).scheme not in ("http", "https"):
        return words
    return f"<{url.replace('&', '&amp;')}|{words}>"


def _approval(view: CardView, reader: Reader) -> list[str]:
    approval = view.approval
    if approval is None or view.phase is not Phase.AWAITING_APPROVAL:
        return []
    roles = reader.listed(reader.say(f"role.{need.role.value}") for need in approval.needs)
    line = [
        approval_count(approval, reader),
        reader.say("card.asked", roles=roles),
        reader.say("card.due", time=reader.time(approval.expires_at, view.opened_at)),
        reader.say(f"approval.then.{approval.on_expiry.value}"),
    ]
    return [" · ".join(line)]


def approval_count(approval: Approval, reader: Reader) -> str:
    """`承認 0/1`."""
    needed = sum(need.quorum for need in approval.needs)
    return reader.say("card.approval", given=len(approval.consents), needed=needed)


def action_lines(view: CardView, reader: Reader) -> list[str]:
    """One line an action with its status; none before the platform is asked."""
    if view.phase is Phase.AWAITING_APPROVAL:
        return []
    return [_action_line(view, action, reader) for action in view.actions]


def _action_line(view: CardView, action: ActionState, reader: Reader) -> str:
    words = reader.say(
        "action.line",
        action=action_words(view, action.planned, reader, mrkdwn),
        subject=reader.subject(action.planned.subject),
        status=_status(view, action, reader),
    )
    return f"{_MARKS[action.status]} {words}"


def _status(view: CardView, action: ActionState, reader: Reader) -> str:
    status = reader.say(f"action.status.{action.status.value}")
    if action.standing and action.until is not None:
        until = reader.time(action.until, view.opened_at)
        status = reader.say("action.until", status=status, time=until)
    if action.problem is None:
        return status
    # An undo that failed leaves the action standing, with the reason beside it.
    key = "action.undo_failed" if action.standing else "action.problem"
    return reader.say(key, status=status, problem=problem_words(action.problem, reader))


def problem_words(problem: Problem, reader: Reader) -> str:
    """Why the platform did not do it; with its status, where it answered."""
    words = reader.say(f"problem.{problem.kind.value}")
    if problem.status is None:
        return words
    return reader.say("problem.status", problem=words, status=str(problem.status))


def _end(view: CardView, reader: Reader) -> list[str]:
    if view.phase is not Phase.CLOSED or view.closed_at is None or view.verdict is None:
        return []
    verdict = reader.say(f"verdict.{view.verdict.value}")
    time = reader.time(view.closed_at, view.opened_at)
    return [reader.say("card.closed", time=time, verdict=verdict)]


def plain_words(view: CardView, decision: Decision, reader: Reader) -> str:
    """The decision in a few words, for dialogs."""
    return decision_words(view, decision, reader, plain)
