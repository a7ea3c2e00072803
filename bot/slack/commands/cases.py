"""Commands `case` and `queue`."""

import difflib

from bot.services.cases import Which, chosen
from bot.slack.commands import pages
from bot.slack.commands.automation import pause_blocks
from bot.slack.commands.base import Answer, Request
from bot.slack.commands.parser import (
    Incomplete,
    Lookups,
    Unknown,
    Verb,
    case_named,
    case_without_letter,
    plainly,
)
from bot.slack.replies import Said
from workflows.domain.values import Value

CASE_FORM = "case K7Q2F9XM0"


class ShowCase(Value):
    """`case ID`."""

    case: str


class ShowQueue(Value):
    """`queue [mine|overdue|approvals]`."""

    which: Which


def _case(rest: str, lookups: Lookups) -> Value:
    case = case_named(rest)
    if case is not None:
        return ShowCase(case=case)
    whole = case_without_letter(rest)
    if whole is not None:
        return Unknown(typed=f"case {rest}", nearest=f"case {whole}")
    return Incomplete(form=CASE_FORM)


def _queue(rest: str, lookups: Lookups) -> Value:
    word = plainly(rest)
    if not word:
        return ShowQueue(which=Which.ALL)
    if word in set(Which):
        return ShowQueue(which=Which(word))
    near = difflib.get_close_matches(word, [each for each in Which if each != Which.ALL], n=1)
    return Unknown(typed=f"queue {rest}", nearest=f"queue {near[0]}" if near else None)


class CasesAnswer(Answer):
    """The answers to `case` and `queue`."""

    verbs = (
        Verb("case", _case, ((CASE_FORM, "case"),)),
        Verb(
            "queue",
            _queue,
            (
                ("queue", "queue"),
                ("queue mine", "mine"),
                ("queue overdue", "overdue"),
                ("queue approvals", "approvals"),
            ),
        ),
    )
    lines = (ShowCase, ShowQueue)

    async def answer(self, line: ShowCase | ShowQueue, request: Request) -> Said:
        """A case or a list of cases. Raises `Unavailable`."""
        if isinstance(line, ShowCase):
            return await self._case(line.case, request)
        found = await self._services.ledger.queue()
        lines = chosen(found, line.which, request.source.person, request.now)
        base = await self._links.base()
        above = await pause_blocks(self._services, request.now, request.texts)
        return pages.queue_page(lines, line.which, request.texts, base, request.now, above)

    async def _case(self, case: str, request: Request) -> Said:
        await self._looked_up(request, "case", case)
        story, texts = await self._services.ledger.story(case), request.texts
        if story is None:
            near = await self._services.finding.near(case)
            return pages.no_case_page(case, near, texts)
        tally = await self._services.bulk_decisions.progress(case)
        name = story.line.workflow_id.partition("/")[2].partition("/")[0]
        playbook = self._services.policies.playbook(name)
        allowed, decided = playbook is not None and playbook.bulk, tally is not None
        person = request.source.person
        buttons = pages.case_buttons(story, person, request.roles, texts, allowed, decided)
        base = await self._links.base()
        return pages.case_page(story, texts, base, request.now, buttons, tally)
