"""Role holders for refusals, and the people named by cards and thread lines."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from itertools import chain

from activities.slack.directory import Directory, RolesUnknown
from activities.slack.escape import Safe, one_line
from activities.slack.i18n.catalog import Catalog
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.view import CardView
from workflows.domain.people import Role
from workflows.domain.values import Value

# Names without mentions: the reader of a refusal decides who to ask.

MOST_NAMES = 3
SECONDS = 1.5
"""Timeout of the look-ups; after it the refusal has no names."""
_NAME = 40

StandIn = tuple[str, str]
"""Cover and covered person."""
StandIns = Callable[[Role], Awaitable[Iterable[StandIn]]]
"""The current covers of a role; empty where the ledger is unreachable."""


async def nobody_stands_in(role: Role) -> Iterable[StandIn]:
    """No covers."""
    return ()


class Holders(Value):
    """Ids of a role's members and of their covers."""

    people: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()


NOBODY = Holders()


async def holders_of(
    refusal: Refusal, asker: str, people: Directory, stand_ins: StandIns | None
) -> Holders:
    """The people who may do what `asker` may not; with `stand_ins` also covers."""
    excluded = {asker, *refusal.barred}
    try:
        async with asyncio.timeout(SECONDS):
            lists = await asyncio.gather(*(_members(role, people) for role in refusal.roles))
            covers = await _covers(refusal, stand_ins) if stand_ins is not None else ()
    except TimeoutError:
        return NOBODY
    held = tuple(dict.fromkeys(each for each in chain.from_iterable(lists) if each not in excluded))
    covering = (who for who, of in covers if not {who, of} & excluded and who not in held)
    return Holders(people=held, covers=tuple(dict.fromkeys(covering)))


async def _members(role: Role, people: Directory) -> tuple[str, ...]:
    try:
        return await people.members(role)
    except RolesUnknown:
        return ()


async def _covers(refusal: Refusal, stand_ins: StandIns) -> tuple[StandIn, ...]:
    return tuple(chain.from_iterable([await stand_ins(role) for role in refusal.roles]))


def shown(holders: Holders) -> tuple[str, ...]:
    """The people whose names are shown."""
    return holders.people[:MOST_NAMES] + holders.covers[:1]


def holder_words(holders: Holders, catalog: Catalog, names: Mapping[str, str], safe: Safe) -> str:
    """`(田中さん、鈴木さん ほか2人、代理の佐藤さん)`; empty without people."""

    def named(person: str) -> str:
        return catalog.say("person.named", name=safe(one_line(names.get(person, person)), _NAME))

    words = [named(person) for person in holders.people[:MOST_NAMES]]
    more = len(holders.people) - len(words)
    if more > 0:
        words[-1] = catalog.say("rights.more", person=words[-1], count=more)
    words += [catalog.say("rights.cover", person=named(who)) for who in holders.covers[:1]]
    if not words:
        return ""
    return catalog.say("rights.holders", names=catalog.say("words.comma").join(words))


def people_of(view: CardView, lines: Iterable[ev.Recorded]) -> Iterator[str | None]:
    """The ids of everybody named by the view and these lines."""
    yield from (view.owner, view.acknowledged_by)
    yield view.turn.by if view.turn is not None else None
    yield view.decision.by if view.decision is not None else None
    yield view.hold.by if view.hold is not None else None
    yield view.next_step.person if view.next_step is not None else None
    yield view.appeal.by if view.appeal is not None else None
    yield view.latest.manual.by if view.latest.manual is not None else None
    yield view.automation_pause.by if view.automation_pause is not None else None
    if view.approval is not None:
        yield from _people_in_approval(view.approval)
    for line in lines:
        yield from line.event.people_named()


def people_in(refusal: Refusal) -> Iterator[str | None]:
    """The ids of everybody named by a refusal."""
    yield refusal.by
    if refusal.reason is Reason.NOT_A_COLLEAGUE:
        yield refusal.name


def _people_in_approval(approval: Approval) -> Iterator[str | None]:
    yield approval.by or None
    yield approval.question.by if approval.question is not None else None
    for exchange in approval.exchanges:
        yield from (exchange.asked_by, exchange.by)
    for consent in approval.consents:
        yield from (consent.by, consent.covers)
