"""A page of a case's timeline: a line an event, in the words of its thread."""

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from slack_sdk.models.views import View

from activities.slack import handles
from activities.slack.drawing import actions, button
from activities.slack.escape import Safe, mrkdwn
from activities.slack.handles import Handle
from activities.slack.reader import Reader
from activities.slack.text.texts import Catalog
from activities.slack.thread import WORDS
from bot.cli.policies import Policies
from bot.services.cases import Timeline, TimelineLine
from bot.services.slack import Services
from bot.slack.drawing import Block, moment, person, section, sections
from workflows.domain.events import CaseOpened
from workflows.domain.history import opened
from workflows.domain.playbook.model import Policy
from workflows.domain.view import CardView, view_of


@dataclass(frozen=True)
class PageReader(Reader):
    """Somebody who reads alone: people are named by Slack itself, and nobody is called."""

    direct: bool = True

    def person(self, person: str | None, safe: Safe = mrkdwn) -> str:
        """`@佐藤さん`; in a modal Slack notifies nobody of it."""
        if person is None:
            return "Koban"
        return self.say("person.named", name=_person(person, self.texts))


def _person(who: str, texts: Catalog) -> str:
    return person(who, texts)


def timeline_view(
    page: Timeline, aim: Handle, size: int, services: Services, texts: Catalog
) -> View:
    """The page, with buttons for the ones beside it."""
    drawn = _card(page.opened, services.policies)
    reader = PageReader(texts=texts, zone=UTC)
    last = page.first + len(page.lines)
    head = texts.say("bot.timeline.range", first=page.first + 1, last=last, total=page.total)
    lines = [_line(each, drawn, reader) for each in page.lines]
    blocks: list[Block] = [
        section(f"*{aim.case}* · {head}"),
        *sections(lines),
        *_turning(page, aim, size, texts),
    ]
    return View(
        type="modal",
        callback_id="timeline",
        title={"type": "plain_text", "text": texts.say("bot.timeline.title")},
        close={"type": "plain_text", "text": texts.say("bot.modal.close")},
        blocks=blocks,
    )


def _card(event: CaseOpened | None, policies: Policies) -> CardView | None:
    """What the words of the lines are taken from: the case as it began, by the policy of now."""
    playbook = policies.playbook(event.playbook) if event is not None else None
    if event is None or playbook is None:
        return None
    catalog = policies.catalog()
    policy = Policy(version="", playbook=playbook, catalog=catalog)
    titles = {name: spec.title for name, spec in catalog.actions.items()}
    return view_of(opened("", policy, event)).model_copy(update={"action_titles": titles})


def _line(told: TimelineLine, view: CardView | None, reader: PageReader) -> str:
    event = told.whole.event if told.whole is not None else None
    if isinstance(event, CaseOpened):
        return reader.say("bot.timeline.opened", time=moment(event.at))
    words = WORDS.get(type(event))
    if words is None or view is None:
        return _bare(told, reader)
    return reader.say(
        "line.told", time=moment(told.line.at), text=words(event, view, reader).strip()
    )


def _bare(told: TimelineLine, reader: PageReader) -> str:
    """What can be said of an event of a newer version, or without its playbook."""
    key = f"bot.event.{told.line.kind}"
    what = reader.say(key if key in reader.texts.keys else "bot.event.other")
    who = f" · {_person(told.line.by, reader.texts)}" if told.line.by else ""
    return f"{moment(told.line.at)} {what}{who}"


def _turning(page: Timeline, aim: Handle, size: int, texts: Catalog) -> list[Block]:
    number, value = page.first // size, handles.encode(aim.case, aim.version)
    shown: list[dict[str, Any]] = []
    if number > 0:
        before = texts.say("bot.timeline.before")
        shown.append(button(f"timeline.page.{number - 1}", before, value))
    if page.first + len(page.lines) < page.total:
        after = texts.say("bot.timeline.next")
        shown.append(button(f"timeline.page.{number + 1}", after, value))
    return actions(aim.route, shown)
