"""Refusals of commands as text, with the typed input to copy."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from activities.slack.blocks import MOST_SECTION, Block, context, section
from activities.slack.escape import Safe, mrkdwn, one_line, shorten
from activities.slack.i18n.catalog import Catalog, texts
from activities.slack.role_holders import NOBODY, Holders, holder_words
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.values import Language, visible
from workflows.ports.cases import Answer

_NAME = 60

APPROVING = frozenset({"approve", "reject", "ask_requester"})
"""Kinds of commands that a cover may execute."""


def refusal_text(
    refusal: Refusal,
    language: Language,
    names: Mapping[str, str],
    now: datetime,
    case: str = "",
    safe: Safe = mrkdwn,
    holders: Holders = NOBODY,
    command: str = "",
) -> str:
    """The refusal for the person who pressed: `佐藤さんが12秒前に完了しました。…`.

    `names` by user id, `case` the requested id, `holders` may execute the command, `command` its
    kind. The result is mrkdwn, or plain text with `safe=escape.plain`.
    """
    catalog = texts(language)
    roles = (catalog.say(f"role.{role.value}") for role in refusal.roles)
    values = {
        "did": _did(refusal, catalog, names, now, safe),
        "person": _person(refusal.by, catalog, names, safe),
        "ago": _ago(refusal.at, catalog, now),
        "roles": catalog.say("words.or").join(roles),
        "name": safe(one_line(refusal.name or ""), _NAME),
        "colleague": _person(refusal.name, catalog, names, safe),
        "holders": holder_words(holders, catalog, names, safe),
        "case": safe(one_line(refusal.name or case), _NAME),
        "seen": _seen(refusal, catalog, now),
    }
    return catalog.say(_key(refusal, command), **values).strip()


def _key(refusal: Refusal, command: str) -> str:
    if refusal.reason is Reason.ROLE_NEEDED and command in APPROVING:
        return "refusal.role_needed.approval"
    return f"refusal.{refusal.reason.value}"


def _seen(refusal: Refusal, catalog: Catalog, now: datetime) -> str:
    """The used quota, and the wait in whole minutes."""
    cap = refusal.cap
    if cap is None:
        return ""
    left = max(cap.over_at - now, timedelta())
    return catalog.say(
        "evidence.seen",
        count=cap.reveals,
        lasts=catalog.duration(cap.within),
        since=catalog.ago(now - cap.since),
        wait=catalog.duration(timedelta(minutes=int(left.total_seconds()) // 60 + 1)),
    )


def _did(
    refusal: Refusal, catalog: Catalog, names: Mapping[str, str], now: datetime, safe: Safe
) -> str:
    """The earlier event that caused the refusal; empty without one."""
    if refusal.what is None or refusal.at is None:
        return ""
    key = f"did.{refusal.what}"
    if refusal.by is None and f"{key}.koban" in catalog.keys:
        key = f"{key}.koban"
    if key not in catalog.keys:
        key = "did.something"
    person = _person(refusal.by, catalog, names, safe)
    return catalog.say(key, person=person, ago=_ago(refusal.at, catalog, now))


def _person(person: str | None, catalog: Catalog, names: Mapping[str, str], safe: Safe) -> str:
    if person is None:
        return catalog.say("person.koban")
    return catalog.say("person.named", name=safe(one_line(names.get(person, person)), _NAME))


def _ago(at: datetime | None, catalog: Catalog, now: datetime) -> str:
    return "" if at is None else catalog.ago(now - at)


_TITLE = 60
_MOST_TYPED = 3_000
"""The limit of texts in a case."""


def of_case(text: str, wanted: Answer, link: str | None, catalog: Catalog) -> str:
    """`ケース K7Q2F9XM0(外部誘導): 佐藤さんが12秒前に完了しました。`, the id a link to its card."""
    if wanted.refusal.reason is Reason.UNKNOWN_CASE:
        return text  # its text has the id
    case = f"<{link}|{wanted.case}>" if link else mrkdwn(wanted.case, _TITLE)
    if wanted.title is None:
        return catalog.say("refusal.of_case", case=case, refusal=text)
    title = mrkdwn(one_line(wanted.title.in_(catalog.language)), _TITLE)
    return catalog.say("refusal.of_titled_case", case=case, title=title, refusal=text)


def with_typed(text: str, typed: str, catalog: Catalog) -> list[Block]:
    """The refusal with the typed text below, to copy; empty without such text.

    Slack parses nothing in preformatted text.
    """
    kept = shorten(visible(typed).strip(), _MOST_TYPED)
    if not kept:
        return []
    words = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": kept}]}
    return [
        section([shorten(text, MOST_SECTION)]),
        context([catalog.say("refusal.typed")]),
        {"type": "rich_text", "elements": [words]},
    ]
