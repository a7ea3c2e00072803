"""Commands `user`, `listing` … and `related`: a subject in ledger and platform."""

import asyncio
import difflib
from collections.abc import Mapping, Sequence

import structlog
from pydantic import ValidationError

from activities.errors import Unavailable
from activities.slack.actions import element
from activities.slack.blocks import actions
from activities.slack.i18n.catalog import Catalog
from bot.services.cases import Record
from bot.services.lookups import Fact
from bot.slack.commands import pages
from bot.slack.commands.base import Answer, Request
from bot.slack.commands.parser import Incomplete, Lookups, Unknown, Verb, split
from bot.slack.rendering import Block, page_buttons, safe, section, sections, subject_name
from bot.slack.replies import Said, in_time
from workflows.domain.alerts import Subject, may_open
from workflows.domain.policy.platform import RelatedSpec
from workflows.domain.values import Text, Value

FORM = "related user u_123"
PAGER = "related"
PAGE = 10
SECONDS = 12.0
"""Seconds for each source of related subjects."""

_log = structlog.get_logger(__name__)


class RelatedSubject(Value):
    """A related subject, with the sources that name it and its record in the ledger."""

    subject: Subject
    by: tuple[Text, ...]
    record: Record = Record()


class ShowSubject(Value):
    """`user ID`, `listing ID` …"""

    subject: Subject


class ShowRelated(Value):
    """`related TYPE ID`, from the `first` one on."""

    subject: Subject
    first: int = 0


def read_subject(kind: str, rest: str) -> Value:
    """The line of a look-up: `kind` is the type of a subject."""
    try:
        return ShowSubject(subject=Subject(type=kind, id=rest))
    except ValidationError:
        return Incomplete(form=f"{kind} {'u_123' if kind == 'user' else 'ID'}")


def _related(rest: str, lookups: Lookups) -> Value:
    kind, id_ = split(rest)
    if kind and id_ and kind not in lookups:
        near = difflib.get_close_matches(kind, lookups, n=1)
        nearest = f"related {near[0]} {id_}" if near else None
        return Unknown(typed=f"related {rest}", nearest=nearest)
    try:
        return ShowRelated(subject=Subject(type=kind, id=id_))
    except ValidationError:
        return Incomplete(form=FORM)


class SubjectAnswer(Answer):
    """The answers to `user ID` and its like, and to `related`."""

    verbs = (Verb("related", _related, ((FORM, "related"),), "関連"),)
    lines = (ShowSubject, ShowRelated)

    async def answer(self, line: ShowSubject | ShowRelated, request: Request) -> Said:
        """A subject, or a page of related ones. Raises `Unavailable`."""
        if isinstance(line, ShowRelated):
            return await self.related(line, request)
        return await self.show(line.subject, request)

    async def show(self, subject: Subject, request: Request) -> Said:
        """One subject, with personal data masked. Raises `Unavailable`."""
        await self._looked_up(request, subject.type, subject.id)
        past = await self._services.ledger.past(subject)
        naming = await self._services.ledger.naming(subject)
        facts: tuple[Fact, ...] | None = None
        unreachable = False
        try:
            facts = await self._services.platform.look_up(subject.type, subject.id)
        except Unavailable as error:
            # The ledger's history is useful without the platform's fields.
            _log.warning("platform_unavailable", error=str(error))
            unreachable = True
        base = await self._links.base()
        buttons = self._buttons(subject, facts or (), request)
        return pages.subject_page(
            subject, facts, past, naming, request.texts, base, unreachable, buttons
        )

    def _buttons(self, subject: Subject, facts: Sequence[Fact], request: Request) -> list[Block]:
        catalog = self._services.policies.look_ups()
        personal = any(fact.personal for fact in facts)
        shown = {
            "lookup.reveal": personal and catalog.may_reveal(request.roles),
            "lookup.related": bool(self._sources(subject)),
            "lookup.open": may_open(request.roles),
        }
        names = [name for name, may in shown.items() if may]
        return actions("lookup", [element(name, request.texts, subject.key) for name in names])

    # -- related --------------------------------------------------------------------------

    async def related(self, line: ShowRelated, request: Request) -> Said:
        """The related subjects that the platform reports. Raises `Unavailable`."""
        sources = self._sources(line.subject)
        name = subject_name(line.subject, request.texts)
        if not sources:
            return pages.sentence(request.texts.say("bot.related.unknown_type", subject=name))
        kind = line.subject.type
        await self._looked_up(request, kind, line.subject.id, f"related {kind}")
        answers = await asyncio.gather(
            *(self._from(each, spec, line.subject) for each, spec in sources.items())
        )
        found = list(zip(sources.values(), answers, strict=True))
        silent = [spec for spec, subjects in found if subjects is None]
        if len(silent) == len(found):
            raise Unavailable("No look-up of related subjects answers.")
        related = await self._related_subjects(found)
        return related_page(line, related, silent, request.texts)

    def _sources(self, subject: Subject) -> Mapping[str, RelatedSpec]:
        known = self._services.bulk_decisions.sources()
        return {name: spec for name, spec in known.items() if spec.of == subject.type}

    async def _from(
        self, name: str, spec: RelatedSpec, start: Subject
    ) -> tuple[Subject, ...] | None:
        """The subjects of one source; None without an answer."""
        asking = self._services.bulk_decisions.gather(spec.type, {start.type: start}, (name,), ())
        found = await in_time(asking, SECONDS, "related_not_read", look_up=name)
        return None if found is None else tuple(x for x in found.subjects if x != start)

    async def _related_subjects(
        self, found: Sequence[tuple[RelatedSpec, tuple[Subject, ...] | None]]
    ) -> list[RelatedSubject]:
        """Each subject once, those with a record first."""
        by: dict[str, list[Text]] = {}
        subjects: dict[str, Subject] = {}
        for spec, named in found:
            for each in named or ():
                subjects[each.key] = each
                by.setdefault(each.key, []).append(spec.title)
        records = await self._services.finding.records(tuple(subjects.values()))
        related = [
            RelatedSubject(subject=each, by=tuple(by[key]), record=records.get(key, Record()))
            for key, each in subjects.items()
        ]
        return sorted(related, key=_weight)


def _weight(each: RelatedSubject) -> tuple[int, int, int]:
    return (-len(each.record.open_cases), -each.record.in_force, -len(each.by))


def related_page(
    line: ShowRelated,
    related: Sequence[RelatedSubject],
    silent: Sequence[RelatedSpec],
    texts: Catalog,
) -> Said:
    """One page of related subjects, and the sources that did not answer."""
    name = subject_name(line.subject, texts)
    missing = [
        texts.say("bot.related.unavailable", title=safe(spec.title.in_(texts.language), 60))
        for spec in silent
    ]
    shown = related[line.first : line.first + PAGE]
    if not shown:
        title = texts.say("bot.related.none", subject=name)
        return Said(text=title, blocks=tuple(sections([title, *missing])))
    title = texts.say("bot.related.title", subject=name, count=len(related))
    rows = [section(_related_line(each, texts)) for each in shown]
    before = max(line.first - PAGE, 0) if line.first > 0 else None
    after = line.first + PAGE if line.first + PAGE < len(related) else None
    turns = page_buttons(PAGER, line.subject.key, before, after, texts)
    return Said(text=title, blocks=(*sections([f"*{title}*", *missing]), *rows, *turns))


def _related_line(each: RelatedSubject, texts: Catalog) -> str:
    shared = texts.say("words.comma").join(safe(title.in_(texts.language), 60) for title in each.by)
    parts = [f"*{subject_name(each.subject, texts)}*", shared]
    if each.record.open_cases:
        ids = texts.say("words.comma").join(each.record.open_cases[:5])
        count = len(each.record.open_cases)
        parts.append(texts.say("bot.related.cases", count=count, ids=ids))
    if each.record.in_force:
        parts.append(texts.say("bot.related.in_force", count=each.record.in_force))
    return " · ".join(parts)
