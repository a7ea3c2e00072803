"""Commands `pause` and `resume` of automation, and the messages about a change."""

import asyncio
import difflib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from activities.errors import Unavailable
from activities.slack.actions import element
from activities.slack.blocks import actions
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader, trip_words
from bot.services.slack import Services
from bot.slack.commands import pages
from bot.slack.commands.base import Answer, Request, leads_said
from bot.slack.commands.parser import Incomplete, Lookups, Verb, plainly
from bot.slack.commands.playbook import no_playbook_page, playbook_named, playbooks_page
from bot.slack.interactions import Press
from bot.slack.listener import Listener, SlackContext
from bot.slack.rendering import Block, moment, person, safe, section, sections
from bot.slack.replies import Said
from workflows.domain.automation import (
    ASK_LASTS,
    EVERYTHING,
    LONGEST,
    AutomationChange,
    PauseChange,
    PauseState,
    Scope,
    Unchanged,
    is_concerned,
    scope_of,
)
from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Playbook
from workflows.domain.values import Value

RESUME = "automation.resume"

PAUSE_FORM = "pause off_platform for 2h"
DETECTOR_FORM = " ".join(("pause", "detector", "shill"))
RESUME_FORM = "resume off_platform"
_LASTS = re.compile(
    r"(?:(?:^|\s)for\s+|(?:^|\s))(?P<many>[1-9]\d{0,3})\s*"
    r"(?P<unit>m|min|minutes?|h|hours?|d|days?|分間?|時間|日間?)$"
)
_UNITS = {"m": "minutes", "分": "minutes", "h": "hours", "時": "hours", "d": "days", "日": "days"}
_ALL = ("all", "すべて", "全部")
_KINDS = {"detector": "detector", "検知器": "detector", "action": "action", "措置": "action"}


class ChoosePause(Value):
    """`pause [for 2h]` without a playbook, which pauses nothing; `lasts` is as typed."""

    lasts: str = ""


class PauseAutomation(Value):
    """`pause PLAYBOOK|all|[detector NAME] [action NAME] [for 2h]`; `typed` is the time as typed."""

    scope: Scope = EVERYTHING
    lasts: timedelta | None = None
    typed: str = ""


class ResumeAutomation(Value):
    """`resume [PLAYBOOK|[detector NAME] [action NAME]]`."""

    scope: Scope = EVERYTHING
    typed: str = ""


AutomationLine = ChoosePause | PauseAutomation | ResumeAutomation


def _pause(rest: str, lookups: Lookups) -> Value:
    said = plainly(rest)
    found = _LASTS.search(said)
    named = said[: found.start()].strip() if found else said
    lasts = timedelta(**{_UNITS[found["unit"][0]]: int(found["many"])}) if found else None
    typed = found[0].strip() if found else ""
    if not named:
        return ChoosePause(lasts=typed)
    scope = _scope_named(named)
    if scope is None:
        return Incomplete(form=PAUSE_FORM, wants_words=True)
    return PauseAutomation(scope=scope, lasts=lasts, typed=typed)


def _resume(rest: str, lookups: Lookups) -> Value:
    scope = _scope_named(plainly(rest))
    if scope is None:
        return Incomplete(form=RESUME_FORM, wants_words=True)
    return ResumeAutomation(scope=scope)


def _scope_named(named: str) -> Scope | None:
    """The scope as typed, with names that nothing may have; None for too many words.

    `detector` or `action` alone has an empty name.
    """
    if named in ("", *_ALL):
        return EVERYTHING
    words = named.split()
    if words[0] not in _KINDS:
        return None if words[1:] else Scope(playbook=words[0])
    pairs = [words[at : at + 2] for at in range(0, len(words), 2)]
    kinds = [_KINDS.get(kind, "") for kind, *_ in pairs]
    if "" in kinds or len(set(kinds)) < len(kinds):
        return None
    return Scope(**{kind: "".join(name) for kind, (_, *name) in zip(kinds, pairs, strict=True)})


_log = structlog.get_logger(__name__)


class Missed(Value):
    """Readers that the messages about a change did not reach.

    `leads` are ids of people, None where Slack does not say who they are; `channels` are names.
    """

    leads: tuple[str, ...] | None = ()
    channels: tuple[str, ...] = ()


class AutomationMessages(Listener):
    """Messages about a change, to the leads and in the channels concerned."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._asked: dict[str, AutomationChange] = {}

    def start(
        self, change: AutomationChange, pressed: CardRef | None = None
    ) -> asyncio.Task[Missed]:
        """Sends them in the background; `pressed` is the message whose button made the change."""
        request = _request_of(change)
        before, self._asked[request] = self._asked.get(request), change
        if pressed is not None:
            self._replies.keep(request, change.by, pressed)
        return self._after.start(self._send(change, before))

    async def to_person(self, change: AutomationChange) -> bool:
        """Answers the person of a change that was not made in Slack, by a direct message."""
        texts = await self._texts(change.by)
        return await self._replies.directly(change.by, pages.sentence(self.answer(change, texts)))

    def answer(self, change: AutomationChange, texts: Catalog) -> str:
        """The sentences for the person who made a change."""
        scope = scope_name(change, self._services, texts)
        if change.kind is PauseChange.PAUSED and change.until is not None:
            said = texts.say("bot.pause.paused.until", scope=scope, at=moment(change.until))
            return self._with_query(said, change, texts)
        if change.kind is PauseChange.RESUME_ASKED:
            lasts = texts.duration(ASK_LASTS)
            return texts.say("bot.pause.resume_asked", scope=scope, lasts=lasts)
        return self._with_query(texts.say(f"bot.pause.{change.kind}", scope=scope), change, texts)

    def _with_query(self, said: str, change: AutomationChange, texts: Catalog) -> str:
        """Adds that the query of a paused detector does not run either."""
        named = change.detector if change.action is None else None
        detector = self._services.policies.detectors().get(named or "")
        if change.kind is not PauseChange.PAUSED or detector is None or detector.sql is None:
            return said
        return f"{said}\n{texts.say('bot.pause.query')}"

    async def _send(self, change: AutomationChange, before: AutomationChange | None) -> Missed:
        leads, channels = await asyncio.gather(
            self._notify_leads(change, before), self._announce(change)
        )
        return Missed(leads=leads, channels=channels)

    async def _announce(self, change: AutomationChange) -> tuple[str, ...]:
        """Posts once in each channel of the playbooks concerned, in the deployment's language.

        Returns the channels that Slack refused. A request to resume is for the leads alone.
        """
        if change.kind is PauseChange.RESUME_ASKED:
            return ()
        playbooks = self._services.policies.playbooks()
        concerned = {each.channel for each in playbooks if is_concerned(each, change.scope)}
        notice = self._notice(change, self._services.texts(self._services.language))
        sent = {name: await self._replies.in_channel(name, notice) for name in sorted(concerned)}
        return tuple(name for name in sent if not sent[name])

    async def _notify_leads(
        self, change: AutomationChange, before: AutomationChange | None
    ) -> tuple[str, ...] | None:
        """Returns the leads that Slack did not let Koban reach; None if they are unknown."""
        request, asks = _request_of(change), change.kind is PauseChange.RESUME_ASKED
        # An earlier request has expired where there is a new one.
        ended = partial(self._expired, before or change) if asks else partial(self._settled, change)
        await self._replies.settle(request, ended)
        try:
            leads = await self._services.people.members(Role.LEAD)
        except Unavailable as error:
            _log.warning("leads_not_notified", error=str(error))
            return None
        others = [lead for lead in leads if lead != change.by]
        sent = {lead: await self._notify(lead, change) for lead in others}
        if asks:
            self._after.start_endless(self._expire(change))
        return tuple(lead for lead in others if not sent[lead])

    async def _notify(self, lead: str, change: AutomationChange) -> bool:
        notice = self._notice(change, await self._texts(lead))
        asks = change.kind is PauseChange.RESUME_ASKED
        return await self._replies.directly(lead, notice, _request_of(change) if asks else None)

    async def _expire(self, change: AutomationChange) -> None:
        """Removes the buttons of a request in its time, unless there is a later one."""
        await asyncio.sleep(self._services.timeouts.resume)
        request = _request_of(change)
        if self._asked.get(request) == change:
            await self._replies.settle(request, partial(self._expired, change))

    async def _expired(self, change: AutomationChange, lead: str) -> Said:
        texts = await self._texts(lead)
        said = texts.say(
            "bot.pause.settled.expired",
            person=person(change.by, texts),
            scope=scope_name(change, self._services, texts),
            lasts=texts.duration(ASK_LASTS),
        )
        return _without_button(said)

    async def _settled(self, change: AutomationChange, lead: str) -> Said:
        """The end of a request to resume, in the place of its button."""
        texts = await self._texts(lead)
        said = texts.say(
            f"bot.pause.settled.{change.kind}",
            person=person(change.by, texts),
            scope=scope_name(change, self._services, texts),
            at=moment(change.at),
        )
        return _without_button(said)

    def _notice(self, change: AutomationChange, texts: Catalog) -> Said:
        ends = change.until is not None
        text = texts.say(
            f"bot.pause.announced.{change.kind}" + (".until" if ends else ""),
            person=person(change.by, texts),
            scope=scope_name(change, self._services, texts),
            at=moment(change.until) if change.until is not None else "",
        )
        text = self._with_query(text, change, texts)
        if change.kind is not PauseChange.RESUME_ASKED:
            return pages.sentence(text)
        agree = element(RESUME, texts, change.key)
        return Said(text=text, blocks=(section(text), *actions("automation", [agree])))


class AutomationAnswer(Answer):
    """Pauses and resumes automation, and says so to the leads and in the channels."""

    verbs = (
        Verb("pause", _pause, ((PAUSE_FORM, "pause"), (DETECTOR_FORM, "pause.scope")), "停止"),
        Verb("resume", _resume, ((RESUME_FORM, "resume"),), "再開"),
    )
    lines = (ChoosePause, PauseAutomation, ResumeAutomation)

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._messages = AutomationMessages(context)

    async def answer(self, line: AutomationLine, request: Request) -> Said:
        """Carries out the change, which is durable on return. Raises `Unavailable`."""
        if isinstance(line, ChoosePause):
            return _choice_page(line, self._services.policies.playbooks(), request.texts)
        verb = "pause" if isinstance(line, PauseAutomation) else "resume"
        found = await find_scope(verb, line.scope, line.typed, self._services, request.texts)
        if isinstance(found, Said):
            return found
        outcome = await self._change(line, found, request)
        if isinstance(outcome, Unchanged):
            return await self._unchanged(outcome, request.texts)
        return self._applied(outcome, request)

    async def approve(self, press: Press, request: Request) -> Said:
        """Answers the button of a request to resume, which makes no request of its own.

        A button of a request that has ended is removed. Raises `Unavailable`.
        """
        scope = scope_of(press.value)
        outcome: AutomationChange | Unchanged = Unchanged.ASK_OVER
        if scope is not None:
            outcome = await self._services.automation.approve(request.actor, scope, request.now)
        if not isinstance(outcome, Unchanged):
            return self._applied(outcome, request, press.message)
        said = await self._unchanged(outcome, request.texts)
        if outcome is Unchanged.ASK_OVER and press.message is not None:
            self._after.start(self._replies.replace(press.message, _without_button(said.text)))
        return said

    def _applied(
        self, change: AutomationChange, request: Request, pressed: CardRef | None = None
    ) -> Said:
        _log.info("automation_changed", kind=change.kind.value, scope=change.key)
        self._messages.start(change, pressed)
        return pages.sentence(self._messages.answer(change, request.texts))

    async def _unchanged(self, why: Unchanged, texts: Catalog) -> Said:
        key = f"bot.pause.no.{why}"
        if why is Unchanged.ROLE_NEEDED:
            return await leads_said(self._services.people, key, texts)
        return pages.sentence(texts.say(key, limit=texts.duration(LONGEST)))

    async def _change(
        self, line: PauseAutomation | ResumeAutomation, scope: Scope, request: Request
    ) -> AutomationChange | Unchanged:
        automation = self._services.automation
        if isinstance(line, PauseAutomation):
            return await automation.pause(request.actor, scope, line.lasts, request.now)
        return await automation.resume(request.actor, scope, request.now)


def _request_of(change: AutomationChange) -> str:
    return f"{RESUME} {change.key}"


def _without_button(text: str) -> Said:
    return Said(text=text, blocks=(section(text),))


def _choice_page(line: ChoosePause, playbooks: Sequence[Playbook], texts: Catalog) -> Said:
    """The question what to pause, with each answer to type."""
    everything = pages.form_row(f"pause all {line.lasts}".strip(), texts.say("bot.pause.all"))
    title = texts.say("bot.pause.choose")
    return playbooks_page(title, "pause", playbooks, texts, line.lasts, (everything,))


async def find_scope(
    verb: str, typed: Scope, tail: str, services: Services, texts: Catalog
) -> Scope | Said:
    """The scope with the policy's own names, or the answer to names that it does not have.

    Raises `Unavailable`.
    """
    playbooks = services.policies.playbooks()
    if typed.playbook is not None:
        found = playbook_named(typed.playbook, playbooks)
        if found is None:
            return no_playbook_page(verb, typed.playbook, playbooks, texts, tail)
        return Scope(playbook=found.playbook)
    meant: dict[str, str] = {}
    for kind, name in (("detector", typed.detector), ("action", typed.action)):
        if name is not None:
            known = await _name_meant(kind, name, services, texts)
            if known is None:
                titles, title = _titles(kind, services, texts), texts.say("bot.pause.choose")
                return no_name_page(f"{verb} {kind}", name, titles, texts, title, tail)
            meant[kind] = known
    return Scope(**meant)


async def _name_meant(kind: str, name: str, services: Services, texts: Catalog) -> str | None:
    """The detector or action that was typed by its name or title. Raises `Unavailable`."""
    titles = _titles(kind, services, texts)
    words = {word.casefold(): each for each in titles for word in (titles[each], each)}
    known = words.get(name)
    if known is None and kind == "detector":
        known = await services.automation.sender_named(name)
    return known


def _titles(kind: str, services: Services, texts: Catalog) -> dict[str, str]:
    """Titles by name, of every detector or action of the policy."""
    if kind == "detector":
        return {
            name: safe(each.title.in_(texts.language) if each.title else name, 100)
            for name, each in sorted(services.policies.detectors().items())
        }
    names = sorted(services.policies.catalog().actions)
    return {name: _action_title(name, services, texts) for name in names}


def _action_title(name: str, services: Services, texts: Catalog) -> str:
    spec = services.policies.catalog().find(name)
    return safe(spec.title.in_(texts.language) if spec is not None else name, 100)


def no_name_page(
    verb: str, name: str, titles: Mapping[str, str], texts: Catalog, title: str, tail: str = ""
) -> Said:
    """The error for an unknown detector or action, with the most similar name, else with all."""
    near = difflib.get_close_matches(name, list(titles), n=1, cutoff=0.5)
    if near:
        typed, nearest = f"{verb} {name} {tail}", f"{verb} {near[0]} {tail}"
        return pages.unknown_page(texts, typed.strip(), nearest.strip())
    forms = (pages.form_row(f"{verb} {n} {tail}".strip(), t) for n, t in titles.items())
    return Said(text=title, blocks=tuple(sections([f"*{title}*", *forms])))


def scope_name(scope: Scope, services: Services, texts: Catalog) -> str:
    """`すべて`, or the title of a playbook, a detector or an action."""
    if scope.playbook is not None:
        found = services.policies.playbook(scope.playbook)
        return safe(found.title.in_(texts.language) if found is not None else scope.playbook, 100)
    if scope.detector is not None:
        titles = _titles("detector", services, texts)
        title = titles.get(scope.detector, safe(scope.detector, 100))
        if scope.action is not None:
            action = _action_title(scope.action, services, texts)
            return texts.say("bot.pause.detector_action", title=title, action=action)
        return texts.say("bot.pause.detector", title=title)
    if scope.action is not None:
        title = _action_title(scope.action, services, texts)
        return texts.say("bot.pause.action", title=title)
    return texts.say("bot.pause.all")


async def pause_blocks(services: Services, now: datetime, texts: Catalog) -> list[Block]:
    """The current pauses, as blocks. Raises `Unavailable`."""
    return pauses_page(await services.automation.active(now), services, texts)


def pauses_page(found: Sequence[PauseState], services: Services, texts: Catalog) -> list[Block]:
    """One line a pause; empty without pauses."""
    if not found:
        return []
    return [section("\n".join(_pause_line(each, services, texts) for each in found))]


def _pause_line(each: PauseState, services: Services, texts: Catalog) -> str:
    pause, scope = each.pause, scope_name(each.pause, services, texts)
    values = {"scope": scope, "at": moment(pause.at)}
    if pause.trip is None:
        line = texts.say("bot.pause.current", person=person(pause.by, texts), **values)
    else:
        cause = trip_words(pause.trip, Reader(texts, services.zone))
        line = texts.say("bot.pause.current.breaker", cause=cause, **values)
    parts = [line]
    if pause.until is not None:
        parts.append(texts.say("words.until", time=moment(pause.until)))
    if each.asked_by is not None:
        parts.append(texts.say("bot.pause.asked", person=person(each.asked_by, texts)))
    return " · ".join(parts)
