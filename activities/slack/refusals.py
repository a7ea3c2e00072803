"""Refusals of commands as text, with the people to ask and the typed input to copy."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain

from activities.slack.blocks import MOST_SECTION, Block, context, section
from activities.slack.directory import Directory, RolesUnknown
from activities.slack.escape import mrkdwn, one_line, shorten
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader, limit_values
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.people import Role
from workflows.domain.policy.limits import Full, Power
from workflows.domain.values import Value, visible
from workflows.ports.cases import Answer

# Names without mentions: the reader of a refusal decides who to ask.

MOST_NAMES = 3
SECONDS = 1.5
"""Timeout of the look-ups; after it the refusal has no names."""

CoverPair = tuple[str, str]
"""Cover and covered person."""
CoversOf = Callable[[Role], Awaitable[Iterable[CoverPair]]]
"""The current covers of a role; empty where the ledger is unreachable."""


class Holders(Value):
    """Ids of a role's members and of their covers."""

    people: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()


NOBODY = Holders()


async def _holders_of(
    refusal: Refusal, asker: str, people: Directory, covers_of: CoversOf | None
) -> Holders:
    """The people who may do what `asker` may not; with `covers_of` also covers."""
    excluded = {asker, *refusal.barred}
    try:
        async with asyncio.timeout(SECONDS):
            lists = await asyncio.gather(*(_members(role, people) for role in refusal.roles))
            covers = [await covers_of(role) for role in refusal.roles] if covers_of else []
    except TimeoutError:
        return NOBODY
    held = tuple(dict.fromkeys(each for each in chain.from_iterable(lists) if each not in excluded))
    pairs = chain.from_iterable(covers)
    covering = (who for who, of in pairs if not {who, of} & excluded and who not in held)
    return Holders(people=held, covers=tuple(dict.fromkeys(covering)))


async def _members(role: Role, people: Directory) -> tuple[str, ...]:
    try:
        return await people.members(role)
    except RolesUnknown:
        return ()


def _holder_words(holders: Holders, reader: Reader) -> str:
    """`(田中さん、鈴木さん ほか2人、代理の佐藤さん)`; empty without people."""
    words = [reader.person(person) for person in holders.people[:MOST_NAMES]]
    more = len(holders.people) - len(words)
    if more > 0:
        words[-1] = reader.say("rights.more", person=words[-1], count=more)
    words += [reader.say("rights.cover", person=reader.person(who)) for who in holders.covers[:1]]
    return reader.say("rights.holders", names=reader.listed(words)) if words else ""


_NAME = 60

APPROVING = frozenset({"approve", "reject", "ask_requester"})
"""Kinds of commands that a cover may execute."""


async def refusal_of(
    refusal: Refusal,
    asker: str,
    people: Directory,
    reader: Reader,
    covers_of: CoversOf | None = None,
    case: str = "",
    command: str = "",
) -> str:
    """The refusal for `asker`, with names and role holders; see `refusal_text`."""
    holders = await _holders_of(refusal, asker, people, covers_of)
    colleague = refusal.name if refusal.reason is Reason.NOT_A_COLLEAGUE else None
    shown = (*holders.people[:MOST_NAMES], *holders.covers[:1])
    names = await people.names([refusal.by, colleague, *shown])
    reader = replace(reader, names=names)
    return refusal_text(refusal, reader, datetime.now(UTC), case, holders, command)


def refusal_text(
    refusal: Refusal,
    reader: Reader,
    now: datetime,
    case: str = "",
    holders: Holders = NOBODY,
    command: str = "",
) -> str:
    """The refusal as mrkdwn for the person who pressed: `佐藤さんが12秒前に完了しました。…`.

    `case` is the requested id, `holders` may execute the command, `command` is its kind.
    """
    key = f"refusal.{refusal.reason}"
    limit = refusal.limit
    if refusal.reason is Reason.LIMIT_REACHED and limit is not None:
        return refused_by_limit(limit, reader, now)
    if refusal.reason is Reason.ROLE_NEEDED and command in APPROVING:
        key = "refusal.role_needed.approval"
    values = {
        "did": _did(refusal, reader, now),
        "person": reader.person(refusal.by, _longer),
        "ago": _ago(refusal.at, reader, now),
        "roles": reader.say("words.or").join(reader.say(f"role.{role}") for role in refusal.roles),
        "name": mrkdwn(one_line(refusal.name or ""), _NAME),
        "colleague": reader.person(refusal.name, _longer),
        "holders": _holder_words(holders, reader),
        "case": mrkdwn(one_line(refusal.name or case), _NAME),
        "seen": _seen(refusal, reader.texts, now),
    }
    return reader.say(key, **values).strip()


# Nobody can choose a part of what an approval, an undo or a lift is about.
_TOO_LARGE = {
    Power.APPROVALS: "refusal.limit_reached.large_approval",
    Power.UNDOS: "refusal.limit_reached.large_undo",
    Power.LIFTS: "refusal.limit_reached.large_undo",
    Power.OVERTURNS: "refusal.limit_reached.large_undo",
}


def refused_by_limit(limit: Full, reader: Reader, now: datetime) -> str:
    """One sentence: the limit, when it resets, and who can go on."""
    values = limit_values(limit, reader)
    if limit.resets_at is None:
        key = _TOO_LARGE.get(limit.power, "refusal.limit_reached.large")
        return reader.say(key, **values)
    return reader.say(
        "refusal.limit_reached.until", wait=wait_words(limit.resets_at, now, reader.texts), **values
    )


def limit_alert(limit: Full, reader: Reader, case: str | None = None) -> str:
    """The alert of the leads about a reached limit of a person or of automation."""
    automatic = limit.power in (Power.DETECTOR, Power.PLAYBOOK)
    kind = limit.power.value if automatic else "person"
    values = {**limit_values(limit, reader), "person": reader.person(limit.holder)}
    line = reader.say(f"limit.alert.{kind}", **values)
    return line if case is None else reader.noted(line, mrkdwn(case, _NAME))


def wait_words(until: datetime, now: datetime, catalog: Catalog) -> str:
    """The time until then, in whole minutes."""
    left = max(until - now, timedelta())
    return catalog.duration(timedelta(minutes=int(left.total_seconds()) // 60 + 1))


def _longer(name: str, limit: int) -> str:
    """A `Safe` for names, of which a refusal shows more than other messages."""
    return mrkdwn(name, _NAME)


def _seen(refusal: Refusal, catalog: Catalog, now: datetime) -> str:
    """The used quota, and the wait in whole minutes."""
    cap = refusal.cap
    if cap is None:
        return ""
    return catalog.say(
        "evidence.seen",
        count=cap.reveals,
        lasts=catalog.duration(cap.within),
        since=catalog.ago(now - cap.since),
        wait=wait_words(cap.over_at, now, catalog),
    )


def _did(refusal: Refusal, reader: Reader, now: datetime) -> str:
    """The earlier event that caused the refusal; empty without one."""
    if refusal.what is None or refusal.at is None:
        return ""
    own, koban = f"did.{refusal.what}", f"did.{refusal.what}.koban"
    keys = (own,) if refusal.by is not None else (koban, own)
    key = next((key for key in keys if key in reader.texts.keys), "did.other")
    person = reader.person(refusal.by, _longer)
    return reader.say(key, person=person, ago=_ago(refusal.at, reader, now))


def _ago(at: datetime | None, reader: Reader, now: datetime) -> str:
    return "" if at is None else reader.texts.ago(now - at)


_TITLE = 60
_MOST_TYPED = 3_000
"""The limit of texts in a case."""


def of_case(text: str, wanted: Answer, link: str | None, catalog: Catalog) -> str:
    """`ケース K7Q2F9XM0(外部誘導): 佐藤さんが12秒前に完了しました。`, the id a link to its card."""
    if wanted.refusal.reason in (Reason.UNKNOWN_CASE, Reason.CASE_LOST):
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
