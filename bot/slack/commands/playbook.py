"""Command `playbook`: a playbook of the policy folder in words, and the history of its changes."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

import structlog

from activities.slack.escape import code
from activities.slack.i18n.catalog import Catalog
from activities.slack.policy_message import change_line, record_facts
from activities.slack.report_message import trial_counts
from bot.slack.commands import pages
from bot.slack.commands.base import Answer, Request
from bot.slack.commands.parser import Lookups, Verb, plainly
from bot.slack.interactions import Press
from bot.slack.rendering import moment, page_buttons, person, safe, sections
from bot.slack.replies import Said
from workflows.domain.brakes import Breaker
from workflows.domain.policy.actions import ActionCatalog, ApprovalRule
from workflows.domain.policy.bands import Mode, Trial
from workflows.domain.policy.changes import (
    NotConfirmed,
    PolicyRecord,
    RecordKind,
    loosening_first,
)
from workflows.domain.policy.matching import kinds_of
from workflows.domain.policy.playbook import Playbook, Preset, PresetAction, Protect, Step
from workflows.domain.values import Value

_log = structlog.get_logger(__name__)

_EXPRESSION = 160
"""Characters of a condition."""


HISTORY_FORM = "playbook off_platform history"
_HISTORY = ("history", "履歴")
PAGER, PAGE = "history", 5
"""Records on a page of the history."""
MOST_LINES = 12
"""Changes of one record on a page, of which those that loosen automation are first."""


class ShowPlaybook(Value):
    """`playbook [NAME]`: one as typed, or all of them."""

    name: str | None = None


class ShowHistory(Value):
    """`playbook NAME history`, from the `first` record on; `name` is as typed."""

    name: str
    first: int = 0


def _read(rest: str, lookups: Lookups) -> Value:
    name = plainly(rest)
    before, _, last = name.rpartition(" ")
    if before and last in _HISTORY:
        return ShowHistory(name=before.strip())
    return ShowPlaybook(name=name or None)


def playbooks_page(
    title: str,
    verb: str,
    playbooks: Sequence[Playbook],
    texts: Catalog,
    tail: str = "",
    more: Iterable[str] = (),
) -> Said:
    """Every playbook with its line to type: `verb`, its name and `tail`; `more` rows below."""
    rows = (
        pages.form_row(f"{verb} {each.playbook} {tail}".strip(), _title(each, texts))
        for each in sorted(playbooks, key=lambda each: (each.catch_all, each.order, each.playbook))
    )
    return Said(text=title, blocks=tuple(sections([f"*{title}*", *rows, *more])))


def playbook_page(
    playbook: Playbook, catalog: ActionCatalog, texts: Catalog, trial: Trial | None = None
) -> Said:
    """One playbook, whole; one on trial with its comparison."""
    title = texts.say("words.with_note", what=_title(playbook, texts), note=playbook.playbook)
    lines = [
        f"*{title}*",
        *_what(playbook, texts),
        *([texts.say("bot.playbook.trial", counts=trial_counts(trial, texts))] if trial else []),
        *_part("severities", _severities(playbook, texts), texts),
        *_part("bands", _bands(playbook, texts), texts),
        *_part("protect", _protections(playbook, catalog, texts), texts),
        *_part("auto", _automatic(playbook, texts), texts),
        *_part("presets", (_preset(e, catalog, texts) for e in playbook.presets), texts),
        *_part("ladder", _ladder(playbook, catalog, texts), texts),
        *_part("settings", _settings(playbook, texts), texts),
    ]
    return Said(text=title, blocks=tuple(sections(lines)))


def _title(playbook: Playbook, texts: Catalog) -> str:
    return safe(playbook.title.in_(texts.language), 100)


def _what(playbook: Playbook, texts: Catalog) -> Iterator[str]:
    kinds = kinds_of(playbook)
    named = texts.say("words.comma").join(f"`{safe(each, 64)}`" for each in kinds)
    if playbook.catch_all:
        yield texts.say("bot.playbook.catch_all")
    elif kinds:
        yield texts.say("bot.playbook.kinds", kinds=named)
    else:
        yield texts.say("bot.playbook.match", match=_code(playbook.match))
    if playbook.mode is not Mode.LIVE:
        yield texts.say(f"bot.playbook.mode.{playbook.mode}")
    yield texts.say("bot.playbook.channel", channel=safe(playbook.channel, 80))
    rule = playbook.policy
    if rule is not None:
        shown = safe(rule.id, 80)
        linked = rule.url is not None and not set(rule.url) & set("<>| ")
        yield texts.say("bot.playbook.rule", rule=f"<{rule.url}|{shown}>" if linked else shown)


def _part(name: str, lines: Iterable[str], texts: Catalog) -> list[str]:
    rows = [f"• {line}" for line in lines]
    return [f"*{texts.say(f'bot.playbook.{name}')}*", *rows] if rows else []


def _severities(playbook: Playbook, texts: Catalog) -> Iterator[str]:
    for severity in sorted(playbook.severity, key=lambda each: each.rank):
        clocks, condition = playbook.clocks_of(severity), playbook.severity[severity]
        when = (
            texts.say("bot.playbook.else")
            if condition.strip() == "true"
            else texts.say("bot.playbook.when", when=_code(condition))
        )
        yield texts.say(
            "bot.playbook.severity",
            severity=texts.say(f"severity.{severity}"),
            claim=texts.duration(clocks.claim),
            decide=texts.duration(clocks.decide),
            when=when,
        )


def _bands(playbook: Playbook, texts: Catalog) -> Iterator[str]:
    for rule in playbook.bands:
        named = (("act", rule.act), ("review", rule.review))
        parts = [
            texts.say(f"bot.playbook.band.{name}", when=_code(written))
            for name, written in named
            if written is not None
        ]
        yield " · ".join(
            (f"`{safe(rule.detector, 64)}`", *parts, texts.say("bot.playbook.band.log"))
        )


def _automatic(playbook: Playbook, texts: Catalog) -> Iterator[str]:
    for rule in playbook.auto:
        preset = playbook.preset(rule.preset)
        title = safe(preset.title.in_(texts.language) if preset else rule.preset, 75)
        yield f"{title} · {texts.say('bot.playbook.when', when=_code(rule.when))}"
    sample = playbook.sample
    if sample.auto or sample.log:
        auto, log = (f"{share * 100:.3g}%" for share in (sample.auto, sample.log))
        yield texts.say("bot.playbook.sample", auto=auto, log=log)
    if playbook.breaker is not None:
        yield _breaker(playbook.breaker, texts)
    if playbook.silence is not None:
        lasts = texts.duration(playbook.silence.at_most)
        yield texts.say("bot.playbook.silence", lasts=lasts)


def _breaker(breaker: Breaker, texts: Catalog) -> str:
    """The limits of a breaker; shares are optional."""
    lasts, usual = texts.duration(breaker.window), texts.number(breaker.usual, "#,##0.#")
    counts = {"floor": texts.number(breaker.floor), "subjects": texts.number(breaker.subjects)}
    parts = [texts.say("bot.playbook.breaker", lasts=lasts, usual=usual, **counts)]
    for name, share in (("precision", breaker.precision), ("undone", breaker.undone)):
        if share is not None:
            shown = texts.number(share, "#,##0.#%")
            parts.append(texts.say(f"bot.playbook.breaker.{name}", share=shown))
    return " · ".join(parts)


def _protections(playbook: Playbook, catalog: ActionCatalog, texts: Catalog) -> Iterator[str]:
    for rule in playbook.protect:
        what = _protection(rule, catalog, texts)
        if rule.when.strip() == "true":
            yield what
        else:
            yield f"{what} · {texts.say('bot.playbook.when', when=_code(rule.when))}"


def _protection(rule: Protect, catalog: ActionCatalog, texts: Catalog) -> str:
    return _lasting(_action(rule.action, catalog, texts), rule.for_, texts)


def _preset(preset: Preset, catalog: ActionCatalog, texts: Catalog) -> str:
    done = texts.say("words.comma").join(_chosen(e, catalog, texts) for e in preset.actions)
    return f"{safe(preset.title.in_(texts.language), 75)}: {done}"


def _chosen(chosen: PresetAction, catalog: ActionCatalog, texts: Catalog) -> str:
    spec = catalog.find(chosen.action)
    timed = spec.timed if spec is not None else None
    name = _action(chosen.action, catalog, texts)
    lasts = chosen.for_ or (timed.default if timed is not None else None)
    shown = _lasting(name, lasts, texts)
    if spec is None or spec.approval is None:
        return shown
    approval = texts.say("bot.playbook.approved", approval=_approval(spec.approval, texts))
    return texts.say("words.with_note", what=shown, note=approval)


def _approval(rule: ApprovalRule, texts: Catalog) -> str:
    return texts.say(
        "bot.playbook.approval",
        role=texts.say(f"role.{rule.by}"),
        quorum=rule.quorum,
        within=texts.duration(rule.within),
    )


def _ladder(playbook: Playbook, catalog: ActionCatalog, texts: Catalog) -> list[str]:
    steps = [_step(step, catalog, texts) for step in playbook.escalation]
    return steps or [texts.say("bot.playbook.ladder.usual")]


def _step(step: Step, catalog: ActionCatalog, texts: Catalog) -> str:
    parts = [
        texts.say(
            "bot.playbook.step",
            after=texts.duration(step.after),
            unless=texts.say(f"bot.playbook.unless.{step.unless}"),
            whom=_whom(step, texts),
        )
    ]
    if step.severity:
        named = (texts.say(f"severity.{each}") for each in step.severity)
        parts.append(texts.say("words.comma").join(named))
    if step.repeat is not None:
        every = texts.duration(step.repeat.every)
        parts.append(texts.say("bot.playbook.repeat", every=every, times=step.repeat.times))
    if step.protect is not None:
        parts.append(_protection(step.protect, catalog, texts))
    return " · ".join(parts)


def _whom(step: Step, texts: Catalog) -> str:
    if step.person is not None:
        return f"<@{step.person}>"
    if step.role is not None:
        return texts.say(f"role.{step.role}")
    return texts.say(f"notify.{step.notify}")


def _settings(playbook: Playbook, texts: Catalog) -> Iterator[str]:
    if playbook.act_first is not None:
        yield texts.say("bot.playbook.act_first", approval=_approval(playbook.act_first, texts))
    if playbook.claims is not None:
        idle = texts.duration(playbook.claims.idle)
        yield texts.say("bot.playbook.claims", idle=idle)
    if playbook.bulk:
        yield texts.say("bot.playbook.bulk")
    if playbook.dry_run:
        yield texts.say("bot.playbook.dry_run")


def _action(name: str, catalog: ActionCatalog, texts: Catalog) -> str:
    spec = catalog.find(name)
    return safe(spec.title.in_(texts.language) if spec is not None else name, 60)


def _lasting(name: str, lasts: timedelta | None, texts: Catalog) -> str:
    if lasts is None:
        return name
    return texts.say("action.lasting", action=name, duration=texts.duration(lasts))


def _code(expression: str) -> str:
    """A condition of the policy, escaped."""
    return code(expression, _EXPRESSION)


def history_page(
    title: str, name: str, records: Sequence[PolicyRecord], first: int, texts: Catalog
) -> Said:
    """One page of the changes of a playbook; one more record means that there is another page."""
    if not records:
        none = texts.say("bot.history.none", title=title)
        return pages.sentence(none)
    heading = texts.say("bot.history.title", title=title)
    rows = [line for each in records[:PAGE] for line in _record(each, name, texts)]
    before = max(first - PAGE, 0) if first > 0 else None
    after = first + PAGE if len(records) > PAGE else None
    turns = page_buttons(PAGER, name, before, after, texts)
    return Said(text=heading, blocks=(*sections([f"*{heading}*", *rows]), *turns))


def _record(record: PolicyRecord, name: str, texts: Catalog) -> Iterator[str]:
    state = record.kind.value.removeprefix("policy_")
    if record.restored and record.kind is RecordKind.CHANGED:
        state = "restored"
    what = texts.say(f"bot.history.{state}", person=person(record.actor, texts))
    yield f"{moment(record.at)} *{what}* · {record_facts(record, texts)}"
    own = loosening_first(each for each in record.changes if each.concerns(name))
    yield from (f"　• {change_line(each, texts)}" for each in own[:MOST_LINES])
    if len(own) > MOST_LINES:
        yield f"　{texts.say('words.more', count=len(own) - MOST_LINES)}"
    if not record.changes and record.kind in (RecordKind.CHANGED, RecordKind.HELD):
        yield f"　{texts.say('bot.history.no_meaning')}"


class PlaybookAnswer(Answer):
    """The answer to `playbook`, and the confirmation of a change that waits."""

    verbs = (
        Verb(
            "playbook",
            _read,
            (
                ("playbook", "playbooks"),
                ("playbook off_platform", "playbook"),
                (HISTORY_FORM, "playbook.history"),
            ),
            "手順書",
        ),
    )
    lines = (ShowPlaybook, ShowHistory)

    async def answer(self, line: ShowPlaybook | ShowHistory, request: Request) -> Said:
        """The playbook, its history, the nearest name, or the list. Raises `Unavailable`."""
        if isinstance(line, ShowHistory):
            return await self.history(line, request)
        playbooks = self._services.policies.playbooks()
        if line.name is None:
            title = request.texts.say("bot.playbook.list", count=len(playbooks))
            return playbooks_page(title, "playbook", playbooks, request.texts)
        found = playbook_named(line.name, playbooks)
        if found is not None:
            return await self._page(found, request)
        return no_playbook_page("playbook", line.name, playbooks, request.texts)

    async def _page(self, playbook: Playbook, request: Request) -> Said:
        trial = None
        if playbook.mode is Mode.SHADOW:
            trial = await self._services.team.trial(playbook.playbook, request.now)
        return playbook_page(playbook, self._services.policies.catalog(), request.texts, trial)

    async def history(self, line: ShowHistory, request: Request) -> Said:
        """A page of the changes, also of a playbook that was removed. Raises `Unavailable`."""
        texts, playbooks = request.texts, self._services.policies.playbooks()
        titled = (playbook_named(f"{line.name} {word}", playbooks) for word in _HISTORY)
        whole = next((each for each in titled if each is not None), None)
        if whole is not None:  # its title ends with that word
            return await self._page(whole, request)
        found = playbook_named(line.name, playbooks)
        name = found.playbook if found is not None else line.name
        records = await self._services.policy_history.page(name, line.first, PAGE + 1)
        named = any(name in (each.playbooks or ()) for each in records)
        if found is None and not named:
            return no_playbook_page("playbook", line.name, playbooks, texts, "history")
        title = _title(found, texts) if found is not None else safe(name, 60)
        return history_page(title, name, records, line.first, texts)

    async def confirm(self, press: Press, request: Request) -> Said:
        """Confirms a change that waits; the rule is checked with the record. Raises `Unavailable`.

        Its message is updated by the announcement of what became of it.
        """
        record = int(press.value) if press.value.isascii() and press.value.isdecimal() else 0
        outcome = await self._services.policy_history.confirm(request.actor, record)
        if not isinstance(outcome, NotConfirmed):
            _log.info("policy_confirmed", version=outcome.version, record=record)
            return pages.sentence(request.texts.say("bot.policy.confirmed"))
        if outcome is NotConfirmed.ROLE_NEEDED:
            role = await self._services.policy_history.confirming_role()
            named = request.texts.say(f"role.{role}")
            return pages.sentence(request.texts.say(f"bot.policy.no.{outcome}", role=named))
        return pages.sentence(request.texts.say(f"bot.policy.no.{outcome}"))


def playbook_named(name: str, playbooks: Sequence[Playbook]) -> Playbook | None:
    """By its name or its title in either language; `name` is plain already."""
    return next((each for each in playbooks if name in _names(each)), None)


def no_playbook_page(
    verb: str, name: str, playbooks: Sequence[Playbook], texts: Catalog, tail: str = ""
) -> Said:
    """The error for an unknown playbook, with the most similar name or title, else with all.

    Never `verb` alone: that may be about every playbook. `tail` is the rest of the line.
    """
    names = {word: each.playbook for each in playbooks for word in _names(each)}
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        typed, nearest = f"{verb} {name} {tail}", f"{verb} {names[near[0]]} {tail}"
        return pages.unknown_page(texts, typed.strip(), nearest.strip())
    title = texts.say("bot.playbook.none", name=safe(name, 60))
    return playbooks_page(title, verb, playbooks, texts, tail)


def _names(playbook: Playbook) -> tuple[str, ...]:
    titles = (playbook.title.ja, playbook.title.en)
    return (playbook.playbook, *(title.casefold() for title in titles))
