"""List of the subjects of a bulk decision, failed ones first."""

from datetime import UTC

from slack_sdk.models.views import View

from activities.slack import handles
from activities.slack.handles import Handle
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader, problem_words
from bot.services.bulk import BulkPage, DoneLine, SubjectLine
from bot.slack.interactions import Press
from bot.slack.modals.base import PagedModal
from bot.slack.modals.form import modal
from bot.slack.pager import neighbours, page_buttons
from bot.slack.rendering import safe, section, sections, subject_name

PAGE = 25


class BulkList(PagedModal):
    """The modal of the list."""

    modal = "bulk_list"
    pager = "bulk"

    async def _page(self, press: Press, aim: Handle, texts: Catalog) -> View | str:
        number = self._number(press) or 0
        await self._log_look_up(press, aim.case, f"bulk, page {number + 1}")
        page = await self._services.bulk_decisions.page(aim.case, number * PAGE, PAGE)
        return texts.say("bot.bulk.list.none") if page is None else list_view(page, aim, texts)


def list_view(page: BulkPage, aim: Handle, texts: Catalog) -> View:
    """One page."""
    last = page.first + len(page.lines)
    first = min(page.first + 1, last)
    head = texts.say("bot.bulk.list.range", first=first, last=last, total=page.total)
    value = handles.encode(aim.case, aim.version)
    before, after = neighbours(page.first, PAGE, page.total)
    blocks = [
        section(f"*{head}*"),
        *sections(_line(line, texts) for line in page.lines),
        *page_buttons("bulk", value, before, after, texts, aim.workflow_id),
    ]
    return modal("bulk_list", blocks, texts, submit=None)


def _line(line: SubjectLine, texts: Catalog) -> str:
    name = subject_name(line.subject, texts)
    done = [_done(each, texts) for each in line.done] or [texts.say("bot.bulk.list.waiting")]
    return f"• {name} · {' · '.join(done)}"


def _done(done: DoneLine, texts: Catalog) -> str:
    title = safe(done.title.in_(texts.language) if done.title else done.name, 60)
    status = texts.say(f"action.status.{done.status}")
    words = f"{title}: {status}"
    if done.problem is None:
        return words
    problem = problem_words(done.problem, Reader(texts=texts, zone=UTC))
    return texts.say("words.noted", what=words, note=problem)
