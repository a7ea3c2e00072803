"""Why a command was not carried out, in one or two sentences: what happened, and what to do."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from activities.slack.escape import Safe, mrkdwn, one_line
from activities.slack.holders import NOBODY, Holders, holder_words
from activities.slack.text.texts import Catalog, texts
from workflows.domain.refusal import Reason, Refusal
from workflows.domain.text import Language

_NAME = 60

APPROVING = frozenset({"approve", "reject", "ask_back"})
"""Kinds of commands for which a cover counts like the role itself."""


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

    `names` by user id, `case` the id that was asked for, `holders` who could do it, `command` the
    kind of what was refused. With `safe` the result is mrkdwn, or plain text with `escape.plain`.
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
        "case": safe(one_line(_case(refusal, case)), _NAME),
        "seen": _seen(refusal, catalog, now),
    }
    return catalog.say(_key(refusal, command), **values).strip()


def _key(refusal: Refusal, command: str) -> str:
    if refusal.reason is Reason.ROLE_NEEDED and command in APPROVING:
        return "refusal.role_needed.approval"
    return f"refusal.{refusal.reason.value}"


def _seen(refusal: Refusal, catalog: Catalog, now: datetime) -> str:
    """How much of what, since when, and how long until there is room again, in whole minutes."""
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


def _case(refusal: Refusal, asked: str) -> str:
    """The case that is not there: the one that was named, else the one that was asked for."""
    return refusal.name or asked


def _did(
    refusal: Refusal, catalog: Catalog, names: Mapping[str, str], now: datetime, safe: Safe
) -> str:
    """What happened before: nothing where the refusal does not say."""
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
        return "Koban"
    return catalog.say("person.named", name=safe(one_line(names.get(person, person)), _NAME))


def _ago(at: datetime | None, catalog: Catalog, now: datetime) -> str:
    return "" if at is None else catalog.ago(now - at)
