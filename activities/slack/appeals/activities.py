"""What appeals ask of Slack."""

from collections.abc import Iterator
from datetime import tzinfo

from slack_sdk.web.async_client import AsyncWebClient
from temporalio import activity

from activities.slack.appeals.showing import ShowingAppeal
from activities.slack.pacing import Pacer
from activities.slack.people import People
from activities.slack.reader import Reader
from activities.slack.sender import Sender
from activities.slack.text.texts import texts
from workflows.appealing.ports import ShowAppeal
from workflows.domain.appealing.events import AppealReleased
from workflows.domain.memory import CardRef
from workflows.domain.text import Language


class AppealSlackActivities:
    """The appeals' activity of the Slack queue."""

    def __init__(
        self,
        client: AsyncWebClient,
        people: People,
        language: Language,
        zone: tzinfo,
        pacer: Pacer,
    ) -> None:
        """`language` is that of the channels; `zone` where Slack can't show a reader's own."""
        self._sender = Sender(client, pacer)
        self._people = people
        self._language = language
        self._zone = zone

    @activity.defn(name="show_appeal")
    async def show_appeal(self, wanted: ShowAppeal) -> CardRef:
        """Brings an appeal's card and thread up to date; nothing is posted twice.

        Raises:
            SlackTrouble: retryable, whatever Slack says.
        """
        names = await self._people.names(_people_of(wanted))
        reader = Reader(
            texts(self._language),
            self._zone,
            names,
            self._people.mentions(),
            lacks_names=self._people.lacks(names),
        )
        return await ShowingAppeal(wanted, self._sender, reader).run()


def _people_of(wanted: ShowAppeal) -> Iterator[str | None]:
    """Everybody whom card or thread may name."""
    yield wanted.appeal.owner
    yield wanted.appeal.answered_by
    yield from wanted.appeal.deciders
    for line in wanted.lines:
        yield line.event.by
        yield line.event.owner if isinstance(line.event, AppealReleased) else None
