"""Timeline of a case: a modal with the lines of its thread, page by page."""

from dataclasses import dataclass
from datetime import UTC

from slack_sdk.models.views import View

from activities.slack import handles
from activities.slack.escape import Safe, mrkdwn
from activities.slack.handles import Handle
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from activities.slack.thread import words_of
from bot.policies import Policies
from bot.services.cases import Timeline, TimelineLine
from bot.services.slack import Services
from bot.slack.commands.pages import event_line
from bot.slack.interactions import Press
from bot.slack.modals.base import PagedModal
from bot.slack.modals.form import modal
from bot.slack.rendering import moment, neighbours, page_buttons, section, sections
from bot.slack.rendering import person as person_words
from workflows.domain.case.decision import KOBAN
from workflows.domain.case.events import CaseOpened
from workflows.domain.case.evolve import opened
from workflows.domain.case.view import CardView, view_of
from workflows.domain.policy.playbook import Policy

PAGE = 20


@dataclass(frozen=True)
class PageReader(Reader):
    """A reader in a modal, where Slack shows names and a mention notifies nobody."""

    direct: bool = True

    def person(self, person: str | None, safe: Safe = mrkdwn) -> str:
        """`@佐藤さん`."""
        if person is None or person == KOBAN:
            return self.say("person.koban")
        return self.say("person.named", name=person_words(person, self.texts))


def timeline_view(
    page: Timeline, aim: Handle, size: int, services: Services, texts: Catalog
) -> View:
    """One page, with buttons to its neighbours."""
    drawn = _card(page.opened, services.policies)
    reader = PageReader(texts=texts, zone=UTC)
    last = page.first + len(page.lines)
    head = texts.say("bot.timeline.range", first=page.first + 1, last=last, total=page.total)
    lines = [_line(each, drawn, reader) for each in page.lines]
    value = handles.encode(aim.case, aim.version)
    before, after = neighbours(page.first, size, page.total)
    blocks = [
        section(f"*{aim.case}* · {head}"),
        *sections(lines),
        *page_buttons("timeline", value, before, after, texts, aim.workflow_id),
    ]
    return modal("timeline", blocks, texts, submit=None)


def _card(event: CaseOpened | None, policies: Policies) -> CardView | None:
    """The card of the new case under the current policy, which the lines take their words from."""
    playbook = policies.playbook(event.playbook) if event is not None else None
    if event is None or playbook is None:
        return None
    catalog = policies.catalog()
    policy = Policy(version="", playbook=playbook, catalog=catalog)
    titles = {name: spec.title for name, spec in catalog.actions.items()}
    return view_of(opened("", policy, event)).model_copy(update={"action_titles": titles})


def _line(entry: TimelineLine, view: CardView | None, reader: PageReader) -> str:
    event = entry.whole.event if entry.whole is not None else None
    if isinstance(event, CaseOpened):
        return reader.say("bot.timeline.opened", time=moment(event.at))
    if event is None or view is None or not event.in_thread:
        return event_line(entry.line, reader.texts)  # of a newer version, or without playbook
    text = words_of(event)(event, view, reader).strip()
    return reader.say("line.at_time", time=moment(entry.line.at), text=text)


class TimelineModal(PagedModal):
    """The modal of a timeline; it opens on the last page."""

    modal = "timeline"
    pager = "timeline"
    seconds = 10.0
    unavailable = "bot.timeline.unavailable"

    async def _page(self, press: Press, aim: Handle, texts: Catalog) -> View | str:
        number = self._number(press)
        why = "timeline" if number is None else f"timeline, page {number + 1}"
        await self._record(press.source.person, "case", aim.case, why)
        page = await self._services.ledger.timeline(aim.case, number, PAGE)
        if page is None:
            return texts.say("bot.timeline.unknown", case=aim.case)
        return timeline_view(page, aim, PAGE, self._services, texts)
