"""Commands `detector` and `snoozes`: detectors with state, runs and feedback; snoozed ones."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from activities.ledger.detectors import DetectorRun
from activities.slack import handles
from activities.slack.actions import label
from activities.slack.blocks import beside, button
from activities.slack.direct_messages import MOST_DETAIL
from activities.slack.escape import mrkdwn, one_line
from activities.slack.i18n.catalog import Catalog
from bot.services.cases import SnoozeLine
from bot.services.detectors import DetectorLine
from bot.services.slack import Services
from bot.slack.commands import pages
from bot.slack.commands.automation import no_name_page
from bot.slack.commands.base import Answer, Request, leads_said
from bot.slack.commands.parser import Incomplete, Lookups, Verb, plainly
from bot.slack.rendering import Block, moment, person, safe, section, sections, subject_name
from bot.slack.replies import Said, link
from workflows.domain.detection import RunProblem, RunResult
from workflows.domain.feedback import FeedbackCount, FeedbackMessage, FeedbackProblem
from workflows.domain.people import WORKING_ROLES
from workflows.domain.values import Value

END = "case.end_snooze"
FORM = "detector shill"
RUN_FORM, RESEND_FORM = f"{FORM} run", f"{FORM} resend"
_RUN, _RESEND = ("run", "実行"), ("resend", "再送")
_NO_NAME = re.compile(r"[^A-Za-z0-9_./]")


class ShowDetectors(Value):
    """`detector [NAME]`: one as typed, or all of them."""

    name: str | None = None


class RunDetector(Value):
    """`detector NAME run`."""

    name: str


class ResendFeedback(Value):
    """`detector NAME resend`."""

    name: str


class ShowSnoozes(Value):
    """`snoozes`."""


def _read(rest: str, lookups: Lookups) -> Value:
    match plainly(rest).split():
        case []:
            return ShowDetectors()
        case [name]:
            return ShowDetectors(name=name)
        case [name, word] if word in _RUN:
            return RunDetector(name=name)
        case [name, word] if word in _RESEND:
            return ResendFeedback(name=name)
    return Incomplete(form=RUN_FORM, wants_words=True)


_FORMS = (
    (FORM, "detector"),
    (RUN_FORM, "detector.run"),
    (RESEND_FORM, "detector.resend"),
)


class DetectorAnswer(Answer):
    """The answers to `detector` and `snoozes`."""

    verbs = (
        Verb("detector", _read, _FORMS, "検知器"),
        Verb("snoozes", lambda rest, _: ShowSnoozes(), (("snoozes", "snoozes"),), "抑止"),
    )
    lines = (ShowDetectors, RunDetector, ResendFeedback, ShowSnoozes)

    async def answer(
        self, line: ShowDetectors | RunDetector | ResendFeedback | ShowSnoozes, request: Request
    ) -> Said:
        """The detectors, one of them, the snoozed ones, or the result of a run or repetition.

        Raises `Unavailable`.
        """
        texts, reader = request.texts, self._services.detectors
        if isinstance(line, ShowSnoozes):
            snoozed = await self._services.ledger.snoozes(request.now)
            may_end = request.actor.may(WORKING_ROLES)
            return snoozes_page(snoozed, await self._links.base(), texts, may_end)
        known = await reader.lines(request.now)
        if isinstance(line, ShowDetectors) and line.name is None:
            return detectors_page(known, texts)
        meant = str(line.name)
        found = next((each for each in known if meant in _names(each)), None)
        if found is None:
            titles = {each.detector.detector: _title(each, texts) for each in known}
            title = texts.say("bot.detector.title")
            return no_name_page("detector", meant, titles, texts, title)
        if isinstance(line, RunDetector):
            return await self._run(found, request)
        if isinstance(line, ResendFeedback):
            return await self._resend(found, request)
        return await self._page(found, texts)

    async def _page(self, line: DetectorLine, texts: Catalog) -> Said:
        reader, name = self._services.detectors, line.detector.detector
        has_dead = line.feedback is not None and line.feedback.dead > 0
        dead = await reader.dead_feedback(name) if has_dead else ()
        if line.detector.sql is None:
            return detector_page(line, (), None, texts, dead)
        runs, next_run = await reader.runs(name), await reader.next_run(name)
        return detector_page(line, runs, next_run, texts, dead)

    async def _resend(self, line: DetectorLine, request: Request) -> Said:
        texts = request.texts
        if not request.actor.may(WORKING_ROLES):
            key = "bot.detector.resend.role_needed"
            return await leads_said(self._services.people, key, texts)
        name = line.detector.detector
        number = await self._services.detectors.resend_feedback(name, request.now)
        key = "bot.detector.resend.done" if number else "bot.detector.resend.none"
        return pages.sentence(texts.say(key, name=_name(line, texts), count=number))

    async def _run(self, line: DetectorLine, request: Request) -> Said:
        texts = request.texts
        if not request.actor.may(WORKING_ROLES):
            key = "bot.detector.run.role_needed"
            return await leads_said(self._services.people, key, texts)
        if line.detector.sql is None:
            return pages.sentence(texts.say("bot.detector.run.no_query", name=_name(line, texts)))
        if line.paused:
            return pages.sentence(texts.say("bot.detector.run.paused", name=_name(line, texts)))
        result = await self._services.detectors.run(line.detector.detector)
        if result is None:
            return pages.sentence(texts.say("bot.detector.run.goes_on", name=_name(line, texts)))
        if result.problem is not None:
            problem = problem_words(result.problem, texts)
            failed = texts.say("bot.detector.run.failed", name=_name(line, texts), problem=problem)
            return pages.sentence(failed)
        said = texts.say(
            "bot.detector.run.done", name=_name(line, texts), counts=_counts(result, texts)
        )
        return pages.sentence("\n".join([said, *_faults(result, texts)]))


MOST_SNOOZES = 20


def snoozes_page(
    lines: Sequence[SnoozeLine], base: str | None, texts: Catalog, may_end: bool
) -> Said:
    """The snoozed detectors, each with a button that ends it for people who `may_end` it."""
    if not lines:
        return pages.sentence(texts.say("bot.snoozes.none"))
    title = texts.say("bot.snoozes.title", count=len(lines))
    rows, more = Counter[str](), len(lines) - MOST_SNOOZES
    blocks = [section(f"*{title}*")]
    for each in lines[:MOST_SNOOZES]:
        rows[each.workflow_id] += 1
        row = handles.row(each.workflow_id, rows[each.workflow_id])
        blocks.append(_snooze_row(each, row, base, texts, may_end))
    rest = [section(texts.say("words.more", count=more))] if more > 0 else []
    return Said(text=title, blocks=(*blocks, *rest))


def _snooze_row(
    line: SnoozeLine, row: str, base: str | None, texts: Catalog, may_end: bool
) -> Block:
    """One snooze. A handle that its case could not read gets no button."""
    address, case = link(base, line.card), safe(line.case, 20)
    said = texts.say(
        "bot.snoozes.line",
        detector=safe(line.detector, 100),
        subject=subject_name(line.subject, texts),
        at=moment(line.until),
        person=person(line.by, texts),
        case=f"<{address}|{case}>" if address else case,
    )
    reason = safe(line.reason, 300)
    words = texts.say("line.with_reason", line=said, reason=reason) if reason else said
    value = handles.encode(line.case, line.version)
    if not may_end or handles.decode(value, row) is None:
        return section(words)
    ends = button(f"{END}.{line.number}", label(END, texts), value)
    return {**beside(words, ends), "block_id": row}


def detectors_page(lines: Sequence[DetectorLine], texts: Catalog) -> Said:
    """Every detector with its state; those that may miss violations first."""
    title = texts.say("bot.detector.title")
    if not lines:
        return pages.sentence(texts.say("bot.detector.none"))
    ordered = sorted(lines, key=lambda each: (not each.is_gap, each.detector.detector))
    rows = [f"• {_name(each, texts)} · {_whole_state(each, texts)}" for each in ordered]
    return Said(text=title, blocks=tuple(sections([f"*{title}*", *rows])))


def detector_page(
    line: DetectorLine,
    runs: Sequence[DetectorRun],
    next_run: datetime | None,
    texts: Catalog,
    dead: Sequence[FeedbackMessage] = (),
) -> Said:
    """One detector with its latest runs, and the feedback that waits or is `dead`."""
    detector, title = line.detector, _name(line, texts)
    rows = [
        f"*{title}*",
        _state(line, texts),
        texts.say("bot.detector.owner", role=texts.say(f"role.{detector.owner}")),
    ]
    if detector.expect is not None:
        lasts = texts.duration(detector.expect.every)
        rows.append(texts.say("bot.detector.expect", lasts=lasts))
    if next_run is not None and not line.paused:
        rows.append(texts.say("bot.detector.next", at=moment(next_run)))
    if detector.feedback is not None or line.feedback is not None:
        rows += _feedback(line, dead, texts)
    if runs:
        rows += [f"*{texts.say('bot.detector.runs')}*", *_runs(runs, texts)]
    return Said(text=title, blocks=tuple(sections(rows)))


def _feedback(line: DetectorLine, dead: Sequence[FeedbackMessage], texts: Catalog) -> Iterator[str]:
    """What waits and what is dead, with the last problem and how to repeat it."""
    count = line.feedback
    if count is None:
        yield texts.say("bot.detector.feedback.delivered")
        return
    yield _undelivered(count, texts)
    if count.problem is not None:
        yield texts.say("bot.detector.feedback.problem", problem=_why(count.problem, texts))
    if count.waiting and count.next_at is not None:
        yield texts.say("bot.detector.feedback.next", at=moment(count.next_at))
    for each in dead:
        alert, case = f"`{safe(each.alert_id, 100)}`", f"`{safe(each.case_id, 16)}`"
        why = "" if each.problem is None else _why(each.problem, texts)
        yield "　" + texts.say("bot.detector.feedback.dead", alert=alert, case=case, problem=why)
    if more := count.dead - len(dead):
        yield "　" + texts.say("words.more", count=more)
    form = f"`/koban detector {safe(line.detector.detector, 64)} resend`"
    yield texts.say("bot.detector.feedback.again", form=form)


def _undelivered(count: FeedbackCount, texts: Catalog) -> str:
    told = texts.say("bot.detector.feedback.counts", waiting=count.waiting, dead=count.dead)
    return f"⚠️ {told}" if count.dead else told


def _why(problem: FeedbackProblem, texts: Catalog) -> str:
    """Why a message was not delivered."""
    return texts.say(f"feedback.problem.{problem.kind}", status=problem.status or "")


def _whole_state(line: DetectorLine, texts: Catalog) -> str:
    """The state, with feedback that is not delivered."""
    state = _state(line, texts)
    if line.feedback is None:
        return state
    return f"{state} · {_undelivered(line.feedback, texts)}"


def _runs(runs: Iterable[DetectorRun], texts: Catalog) -> Iterator[str]:
    for each in runs:
        yield f"• {moment(each.at)} {_outcome(each.result, texts)}"
        yield from _faults(each.result, texts)


def _outcome(result: RunResult, texts: Catalog) -> str:
    if result.problem is not None:
        return f"⚠️ {problem_words(result.problem, texts)}"
    return _counts(result, texts)


def _counts(result: RunResult, texts: Catalog) -> str:
    return texts.say(
        "bot.detector.counts",
        rows=result.rows,
        alerts=result.alerts,
        known=result.duplicates,
        junk=result.junk,
    )


def _faults(result: RunResult, texts: Catalog) -> Iterator[str]:
    for each in result.examples:
        reason = mrkdwn(one_line(each.reason), MOST_DETAIL)
        if each.row:
            yield "　" + texts.say(
                "bot.detector.junk",
                row=each.row,
                field=f"`{_NO_NAME.sub('', each.field)}`",
                reason=reason,
            )
        else:
            yield "　" + reason


def _state(line: DetectorLine, texts: Catalog) -> str:
    state = line.state
    if line.paused:
        return f"⏸️ {texts.say('bot.detector.state.paused')}"
    if state.problem is not None and state.retry_at is not None:
        problem = problem_words(state.problem, texts)
        at = moment(state.retry_at)
        return f"⚠️ {texts.say('bot.detector.state.failing', problem=problem, at=at)}"
    if state.silent_since is not None:
        at = moment(state.silent_since)
        return f"⚠️ {texts.say('bot.detector.state.silent', at=at)}"
    if state.seen_at is None:
        return texts.say("bot.detector.state.unheard")
    return texts.say("bot.detector.state.heard", at=moment(state.seen_at))


def problem_words(problem: RunProblem, texts: Catalog) -> str:
    """Why a query failed, with the database's own words."""
    detail = mrkdwn(one_line(problem.detail), MOST_DETAIL)
    return texts.say(f"detector.problem.{problem.kind}", detail=detail)


def _names(line: DetectorLine) -> tuple[str, ...]:
    title = line.detector.title
    titles = () if title is None else (title.ja.casefold(), title.en.casefold())
    return (line.detector.detector.casefold(), *titles)


def _title(line: DetectorLine, texts: Catalog) -> str:
    title = line.detector.title
    return safe(title.in_(texts.language) if title is not None else line.detector.detector, 100)


def _name(line: DetectorLine, texts: Catalog) -> str:
    shown = f"`{safe(line.detector.detector, 64)}`"
    if line.detector.title is None:
        return shown
    return texts.say("words.with_note", what=_title(line, texts), note=shown)


async def gap_blocks(services: Services, now: datetime, texts: Catalog) -> list[Block]:
    """The detectors that may miss violations, as blocks. Raises `Unavailable`."""
    return gaps_page(await services.detectors.gaps(now), texts)


def gaps_page(gaps: Sequence[DetectorLine], texts: Catalog) -> list[Block]:
    """One line a gap; empty without gaps."""
    if not gaps:
        return []
    rows = [f"• {_name(each, texts)} · {_state(each, texts)}" for each in gaps[:_MOST_GAPS]]
    if more := len(gaps) - len(rows):
        rows.append(texts.say("words.more", count=more))
    return sections([f"⚠️ *{texts.say('bot.detector.gaps')}*", *rows])


_MOST_GAPS = 10
