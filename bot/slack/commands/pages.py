"""Pages of `/koban`: the answers to its commands."""

from collections.abc import Sequence
from datetime import UTC, datetime

from activities.slack import handles
from activities.slack.actions import ACTIONS, PAGE, Page, element
from activities.slack.blocks import actions
from activities.slack.cards.decision import tally_words
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from bot.services.cases import ActionLine, CaseLine, EventLine, Past, Story, Which
from bot.services.lookups import Fact
from bot.slack.commands.parser import Incomplete
from bot.slack.rendering import (
    Block,
    about,
    case_name,
    case_rows,
    masked,
    moment,
    person,
    safe,
    section,
    sections,
    state,
    subject_name,
)
from bot.slack.replies import Said, link
from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import Tally
from workflows.domain.case.events import WATCHING
from workflows.domain.people import Role


def case_buttons(
    story: Story,
    person: str,
    roles: frozenset[Role],
    texts: Catalog,
    bulk_allowed: bool = False,
    bulk_decided: bool = False,
) -> list[Block]:
    """One row with the actions that the roles of `person` and the phase of the case allow.

    `bulk_allowed`: the playbook has bulk decisions; `bulk_decided`: this case has one.
    """
    line, page = story.line, Page(_watches(story, person), bulk_allowed, bulk_decided)
    shown = [ACTIONS[name] for name in PAGE if ACTIONS[name].answered(page)]
    handle = handles.encode(line.id, line.version)
    if handles.decode(handle, line.workflow_id) is None:
        return []  # imported from elsewhere: there is no workflow to signal
    return actions(
        line.workflow_id,
        [
            element(each.id, texts, handle)
            for each in shown
            if each.roles & roles and line.phase in each.phases
        ],
    )


def _watches(story: Story, person: str) -> bool:
    """Whether the person watches the case, by their last event about it."""
    own = (event.kind for event in story.events if event.by == person)
    return [WATCHING[kind] for kind in own if kind in WATCHING][-1:] == [True]


MOST_CASES = 20
MOST_EVENTS = 10


def sentence(text: str) -> Said:
    """An answer of one sentence, already escaped."""
    return Said(text=text, blocks=(section(text),))


def unknown_page(texts: Catalog, typed: str, nearest: str | None) -> Said:
    """The error for an unknown command, with the nearest known one."""
    shown = _code(typed)
    if nearest is None:
        return sentence(texts.say("bot.slash.unknown", typed=shown))
    return sentence(texts.say("bot.slash.nearest", typed=shown, nearest=_code(nearest)))


def incomplete_page(texts: Catalog, line: Incomplete) -> Said:
    """The error for a missing or wrong argument, with an example."""
    key = "bot.cover.incomplete" if line.wants_time else "bot.slash.incomplete"
    key = "bot.slash.needs_words" if line.wants_words else key
    return sentence(texts.say(key, form=_code(line.form)))


def _code(typed: str) -> str:
    return f"`/koban {safe(typed, 120)}`"


def form_row(form: str, what: str) -> str:
    """A form to type in a list, with `what` it is about, already escaped."""
    return f"• {_code(form)} {what}"


def no_case_page(case: str, near: Sequence[str], texts: Catalog) -> Said:
    """The error for an unknown case, with ids that differ in one character."""
    if not near:
        return sentence(texts.say("refusal.unknown_case", case=case))
    forms = texts.say("words.comma").join(_code(f"case {each}") for each in near)
    return sentence(texts.say("bot.case.nearest", case=case, forms=forms))


def queue_page(
    lines: Sequence[CaseLine],
    which: Which,
    texts: Catalog,
    base: str | None,
    now: datetime,
    above: Sequence[Block] = (),
) -> Said:
    """A list of cases, the most severe first; `above` are blocks for everybody."""
    if not lines:
        none = texts.say(f"bot.queue.{which}.none")
        return Said(text=none, blocks=(*above, section(none)))
    title = texts.say(f"bot.queue.{which}", count=len(lines))
    rows = case_rows(lines, MOST_CASES, texts, base, now)
    return Said(text=title, blocks=(*above, section(f"*{title}*"), *rows))


def case_page(
    story: Story,
    texts: Catalog,
    base: str | None,
    now: datetime,
    buttons: Sequence[Block] = (),
    tally: Tally | None = None,
) -> Said:
    """One case: state, decision, actions, its bulk progress (`tally`), latest events, `buttons`."""
    line = story.line
    title = f"{line.id} · {about(line, texts)}"
    facts = [texts.say(f"severity.{line.severity}"), *state(line, texts, now)]
    address = link(base, line.card)
    done = tally_words(tally, Reader(texts=texts, zone=UTC)) if tally is not None else ""
    lines = [
        f"*{title}*",
        " · ".join(facts),
        texts.say("bot.case.opened", at=moment(line.opened_at), count=story.alerts),
        *_decided(story, texts),
        *(_action(each, texts) for each in story.actions),
        *([texts.say("bot.bulk.summary", tally=done)] if done else []),
        *_events(story.events, texts),
        *([f"<{address}|{texts.say('bot.case.card')}>"] if address else []),
    ]
    return Said(text=title, blocks=(*sections(lines), *buttons))


def _decided(story: Story, texts: Catalog) -> list[str]:
    line = story.line
    lines = []
    if story.decision_by is not None:
        title = story.decision_title
        what = safe(title.in_(texts.language)) if title else ""
        if not what and line.verdict is not None:
            what = texts.say(f"verdict.{line.verdict}")
        lines.append(
            texts.say("bot.case.decided", person=person(story.decision_by, texts), what=what)
        )
    if story.decision_reason:
        lines.append(texts.say("bot.case.reason", reason=safe(story.decision_reason, 600)))
    return lines


def _action(action: ActionLine, texts: Catalog) -> str:
    name = action.title.in_(texts.language) if action.title else action.name
    parts = [safe(name), texts.say(f"action.status.{action.status}")]
    if action.until is not None:
        parts.append(texts.say("words.until", time=moment(action.until)))
    return f"• {' · '.join(parts)}"


def _events(events: Sequence[EventLine], texts: Catalog) -> list[str]:
    if not events:
        return []
    rows = (event_line(each, texts) for each in events[-MOST_EVENTS:])
    return [f"*{texts.say('bot.case.events')}*", *rows]


def event_line(event: EventLine, texts: Catalog) -> str:
    """An event without its details."""
    key = f"bot.event.{event.kind}"
    # Events of a newer version have no text.
    what = texts.say(key if key in texts.keys else "bot.event.other")
    who = f" · {person(event.by, texts)}" if event.by else ""
    return f"{moment(event.at)} {what}{who}"


def subject_page(
    subject: Subject,
    facts: Sequence[Fact] | None,
    past: Past,
    naming: Sequence[CaseLine],
    texts: Catalog,
    base: str | None,
    platform_unavailable: bool,
    buttons: Sequence[Block] = (),
) -> Said:
    """A subject: its fields on the platform, its actions and cases, and `buttons` below.

    `naming` are the cases about others that name it as related, after its own.
    """
    title = subject_name(subject, texts)
    lines = [
        f"*{title}*",
        *_facts(facts, texts, platform_unavailable),
        f"*{texts.say('bot.subject.actions', count=len(past.actions))}*",
        *(_sanction(each, texts) for each in past.actions),
        f"*{texts.say('bot.subject.cases', count=len(past.cases) + len(naming))}*",
        *(_past_case(each, texts, base) for each in past.cases),
        *(_naming_case(each, texts, base) for each in naming),
    ]
    return Said(text=title, blocks=(*sections(lines), *buttons))


def _facts(facts: Sequence[Fact] | None, texts: Catalog, away: bool) -> list[str]:
    if away:
        return [texts.say("bot.subject.platform_unavailable")]
    if facts is None:
        return [texts.say("bot.subject.unknown")]
    return [fact_line(fact, texts) for fact in facts]


def fact_line(fact: Fact, texts: Catalog, whole: bool = False) -> str:
    """One field; personal data is masked unless `whole`."""
    value = masked(fact.value) if fact.personal and not whole else fact.value
    return f"{safe(fact.title.in_(texts.language), 60)}: {safe(value, 300) or '—'}"


def _sanction(action: ActionLine, texts: Catalog) -> str:
    when = f" · {moment(action.at)}" if action.at else ""
    return f"{_action(action, texts)} · {safe(action.case, 20)}{when}"


def _past_case(line: CaseLine, texts: Catalog, base: str | None) -> str:
    outcome = f"verdict.{line.verdict}" if line.verdict else f"card.state.{line.phase}"
    title = safe(line.title.in_(texts.language), 100)
    return f"• {case_name(line, base)} · {title} · {texts.say(outcome)} · {moment(line.opened_at)}"


def _naming_case(line: CaseLine, texts: Catalog, base: str | None) -> str:
    about = texts.say("bot.subject.related", subject=subject_name(line.subject, texts))
    return f"{_past_case(line, texts, base)} · {about}"
