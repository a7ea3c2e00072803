"""Command `subject`: a subject as ledger and platform know it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from activities.errors import Unavailable
from activities.slack.blocks import actions, button
from activities.slack.i18n.catalog import Catalog
from bot.services.bulk import Wanted
from bot.services.cases import Record
from bot.services.lookups import Fact
from bot.slack.commands import pages
from bot.slack.commands.parser import ShowRelated
from bot.slack.commands.request import PAGE, Asked, turning, write_down
from bot.slack.context import Listener
from bot.slack.rendering import Block, safe, section, sections, subject_name
from bot.slack.replies import Said
from workflows.domain.alerts import Subject, may_open
from workflows.domain.policy.platform import RelatedSpec
from workflows.domain.values import Text, Value

REVEAL, RELATED, OPEN = "lookup.reveal", "lookup.related", "lookup.open"
TURNS = "related.page"
ROW = "lookup"
SECONDS = 12.0
"""How long each source of related subjects may take."""

_log = structlog.get_logger(__name__)


class Tie(Value):
    """A related subject: by which sources, and what the team has on it."""

    subject: Subject
    by: tuple[Text, ...]
    record: Record = Record()


class SubjectAnswer(Listener):
    """Answers `user ID` and its like, and `related`."""

    async def show(self, subject: Subject, asked: Asked) -> Said:
        """One subject, with personal data masked. Raises `Unavailable`."""
        await write_down(self._services, asked, subject.type, subject.id)
        past = await self._services.ledger.past(subject)
        facts: tuple[Fact, ...] | None = None
        away = False
        try:
            facts = await self._services.platform.look_up(subject.type, subject.id)
        except Unavailable as error:
            # The team's own history is worth showing without the platform's fields.
            _log.warning("platform_unavailable", error=str(error))
            away = True
        base = await self._links.base()
        hands = self._hands(subject, facts or (), asked)
        return pages.subject_page(subject, facts, past, asked.texts, base, away, hands)

    def _hands(self, subject: Subject, facts: Sequence[Fact], asked: Asked) -> list[Block]:
        """What else can be done from here, by this person."""
        names = []
        catalog = self._services.policies.look_ups()
        if any(fact.personal for fact in facts) and catalog.may_reveal(asked.roles):
            names.append(REVEAL)
        if self._sources(subject):
            names.append(RELATED)
        if may_open(asked.roles):
            names.append(OPEN)
        return actions(ROW, [_button(name, subject, asked.texts) for name in names])

    # -- related --------------------------------------------------------------------------

    async def related(self, line: ShowRelated, asked: Asked) -> Said:
        """Who belongs with a subject as the platform reports it. Raises `Unavailable`."""
        sources = self._sources(line.subject)
        name = subject_name(line.subject, asked.texts)
        if not sources:
            return pages.sentence(asked.texts.say("bot.related.unknown_type", subject=name))
        await write_down(
            self._services,
            asked,
            line.subject.type,
            line.subject.id,
            f"related {line.subject.type}",
        )
        told = await asyncio.gather(
            *(self._from(each, spec, line.subject) for each, spec in sources.items())
        )
        if all(found is None for found in told):
            raise Unavailable("No look-up of related subjects answers.")
        ties = await self._ties(line.subject, list(sources.values()), told)
        away = [s for s, found in zip(sources.values(), told, strict=True) if found is None]
        return related_page(line, ties, away, asked.texts)

    def _sources(self, subject: Subject) -> Mapping[str, RelatedSpec]:
        known = self._services.bulk_decisions.sources()
        return {name: spec for name, spec in known.items() if spec.of == subject.type}

    async def _from(
        self, name: str, spec: RelatedSpec, start: Subject
    ) -> tuple[Subject, ...] | None:
        """Whom one source names; None where it does not answer."""
        wanted = Wanted(type=spec.type, starts={start.type: start}, sources=(name,))
        try:
            async with asyncio.timeout(SECONDS):
                found = await self._services.bulk_decisions.gather(wanted)
        except (Unavailable, TimeoutError) as error:
            _log.warning("related_not_read", look_up=name, error=str(error))
            return None
        return tuple(each for each in found.subjects if each != start)

    async def _ties(
        self,
        start: Subject,
        specs: Sequence[RelatedSpec],
        told: Sequence[tuple[Subject, ...] | None],
    ) -> list[Tie]:
        """Everybody once, those first whom the team has something on."""
        by: dict[str, list[Text]] = {}
        subjects: dict[str, Subject] = {}
        for spec, found in zip(specs, told, strict=True):
            for each in found or ():
                subjects[each.key] = each
                by.setdefault(each.key, []).append(spec.title)
        records = await self._services.finding.records(tuple(subjects.values()))
        ties = [
            Tie(subject=each, by=tuple(by[key]), record=records.get(key, Record()))
            for key, each in subjects.items()
        ]
        return sorted(ties, key=_weight)


def _weight(tie: Tie) -> tuple[int, int, int]:
    return (-len(tie.record.open_cases), -tie.record.standing, -len(tie.by))


def related_page(
    line: ShowRelated, ties: Sequence[Tie], away: Sequence[RelatedSpec], texts: Catalog
) -> Said:
    """One page of related subjects, and which sources did not answer."""
    name = subject_name(line.subject, texts)
    missing = [
        texts.say("bot.related.away", title=safe(spec.title.in_(texts.language), 60))
        for spec in away
    ]
    shown = ties[line.first : line.first + PAGE]
    if not shown:
        title = texts.say("bot.related.none", subject=name)
        return Said(text=title, blocks=tuple(sections([title, *missing])))
    title = texts.say("bot.related.title", subject=name, count=len(ties))
    rows = [section(_tie(each, texts)) for each in shown]
    more = line.first + PAGE < len(ties)
    turns = turning(TURNS, line.subject.key, line.first, more, texts)
    return Said(text=title, blocks=(*sections([f"*{title}*", *missing]), *rows, *turns))


def _tie(tie: Tie, texts: Catalog) -> str:
    shared = texts.say("words.comma").join(safe(each.in_(texts.language), 60) for each in tie.by)
    told = [f"*{subject_name(tie.subject, texts)}*", shared]
    if tie.record.open_cases:
        ids = texts.say("words.comma").join(tie.record.open_cases[:5])
        count = len(tie.record.open_cases)
        told.append(texts.say("bot.related.cases", count=count, ids=ids))
    if tie.record.standing:
        told.append(texts.say("bot.related.standing", count=tie.record.standing))
    return " · ".join(told)


def _button(name: str, subject: Subject, texts: Catalog) -> dict[str, Any]:
    return button(name, texts.say(f"button.{name}"), subject.key)
