"""Decisions and their actions in a few words."""

from urllib.parse import urlsplit

from activities.slack.drawing import fit
from activities.slack.escape import Safe, mrkdwn, one_line
from activities.slack.reader import Reader
from activities.slack.ring_words import target, with_count
from workflows.domain.decision import Decision, PlannedAction
from workflows.domain.text import Text
from workflows.domain.view import CardView

_TITLES = 200
_RULE = 60


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
    return with_count(fit(words, reader.say("words.comma"), _TITLES), decision, reader)


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


def action_on(view: CardView, planned: PlannedAction, reader: Reader) -> str:
    """`コメント制限 24時間(ユーザー u_123)`, as mrkdwn."""
    return reader.say(
        "approval.action",
        action=action_words(view, planned, reader, mrkdwn),
        subject=target(view, planned, reader),
    )


def reason_words(decision: Decision, reader: Reader) -> str:
    """Why it was decided: the person's own words, else what policy says for the preset.

    As it was written: whoever shows it makes it harmless.
    """
    if decision.reason or decision.preset_reason is None:
        return decision.reason
    return decision.preset_reason.in_(reader.texts.language)
