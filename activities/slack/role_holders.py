"""Role holders: people who could do what somebody may not, and all whose names are asked for."""

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

# Names and no mentions: whoever reads the refusal decides whom to ask, and nobody is called for it.

MOST_NAMES = 3
SECONDS = 1.5
"""That Slack and the ledger are given: a refusal without names is better than none."""
_NAME = 40

StandIn = tuple[str, str]
"""Who covers, and for whom."""
StandIns = Callable[[Role], Awaitable[Iterable[StandIn]]]
"""Who holds a role in somebody's stead now; nobody where that can't be told."""


async def nobody_stands_in(role: Role) -> Iterable[StandIn]:
    """Where covers are not known."""
    return ()


class Holders(Value):
    """People by id: those who hold the role, and those who stand in for one of them."""

    people: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()


NOBODY = Holders()


async def holders_of(
    refusal: Refusal, asker: str, people: Directory, stand_ins: StandIns | None
) -> Holders:
    """Who could do it instead of `asker`; `stand_ins` where a cover counts as well."""
    but = {asker, *refusal.barred}
    try:
        async with asyncio.timeout(SECONDS):
            lists = await asyncio.gather(*(_members(role, people) for role in refusal.roles))
            covers = await _covers(refusal, stand_ins) if stand_ins is not None else ()
    except TimeoutError:
        return NOBODY
    held = tuple(dict.fromkeys(each for each in chain.from_iterable(lists) if each not in but))
    standing = (who for who, of in covers if not {who, of} & but and who not in held)
    return Holders(people=held, covers=tuple(dict.fromkeys(standing)))


async def _members(role: Role, people: Directory) -> tuple[str, ...]:
    try:
        return await people.members(role)
    except RolesUnknown:
        return ()


async def _covers(refusal: Refusal, stand_ins: StandIns) -> tuple[StandIn, ...]:
    return tuple(chain.from_iterable([await stand_ins(role) for role in refusal.roles]))


def shown(holders: Holders) -> tuple[str, ...]:
    """Whose names are put into words."""
    return holders.people[:MOST_NAMES] + holders.covers[:1]


def holder_words(holders: Holders, catalog: Catalog, names: Mapping[str, str], safe: Safe) -> str:
    """`(田中さん、鈴木さん ほか2人、代理の佐藤さん)`; nothing where nobody is known."""

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
    """Whom the view and these lines name."""
    yield from (view.owner, view.acknowledged_by)
    yield view.turn.by if view.turn is not None else None
    yield view.decision.by if view.decision is not None else None
    yield view.hold.by if view.hold is not None else None
    yield view.next_step.person if view.next_step is not None else None
    yield view.appeal.by if view.appeal is not None else None
    yield view.latest.hand.by if view.latest.hand is not None else None
    yield view.halt.by if view.halt is not None else None
    if view.approval is not None:
        yield from _agreeing(view.approval)
    for line in lines:
        yield from line.event.people_named()


def people_in(refusal: Refusal) -> Iterator[str | None]:
    """Whom a refusal names."""
    yield refusal.by
    if refusal.reason is Reason.NOT_A_COLLEAGUE:
        yield refusal.name


def _agreeing(approval: Approval) -> Iterator[str | None]:
    yield approval.by or None
    yield approval.question.by if approval.question is not None else None
    for exchange in approval.exchanges:
        yield from (exchange.asked_by, exchange.by)
    for consent in approval.consents:
        yield from (consent.by, consent.covers)
