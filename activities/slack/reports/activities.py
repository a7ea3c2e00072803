"""What reports ask of Slack."""

from collections.abc import Iterator
from datetime import tzinfo

from slack_sdk.web.async_client import AsyncWebClient
from temporalio import activity

from activities.slack.pacing import Pacer, Turn
from activities.slack.people import People
from activities.slack.reader import Reader
from activities.slack.reports.files import Files
from activities.slack.reports.posting import NO_PICTURES, Draw, Posting
from activities.slack.sender import Sender
from activities.slack.text.texts import texts
from workflows.domain.memory import CardRef
from workflows.domain.numbers.report import Report
from workflows.domain.text import Language


class ReportSlackActivities:
    """The reports' activity of the Slack queue."""

    def __init__(
        self,
        client: AsyncWebClient,
        people: People,
        language: Language,
        zone: tzinfo,
        pacer: Pacer,
        draw: Draw,
    ) -> None:
        """`language` and `zone` are the deployment's; `draw` makes the pictures."""
        self._sender = Sender(client, pacer)
        self._files = Files(client, NO_PICTURES)
        self._people = people
        self._language = language
        self._zone = zone
        self._draw = draw

    @activity.defn(name="post_report")
    async def post_report(self, report: Report) -> CardRef:
        """Posts a report with its picture; nothing is posted twice.

        Raises:
            SlackTrouble: retryable, whatever Slack says.
        """
        reader = Reader(
            texts(report.language or self._language),
            self._zone,
            await self._people.names(_people_of(report)),
        )
        sender = self._sender.in_turn(Turn())
        return await Posting(report, sender, self._files, reader).run(self._draw)


def _people_of(report: Report) -> Iterator[str | None]:
    """Everybody whom the report may name."""
    for team in (report.team, *report.following):
        if team is not None:
            yield from (*team.people, *team.leads)
    for cases in (report.handing, report.overdue, report.waiting, report.held):
        yield from (note.owner for note in cases.shown)
