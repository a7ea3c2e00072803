"""What the workflows ask of Slack."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

from slack_sdk.web.async_client import AsyncWebClient
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.slack.people import People, RolesUnknown
from activities.slack.reader import Reader
from activities.slack.refusals import refusal_text
from activities.slack.sender import Sender
from activities.slack.showing import Showing
from activities.slack.text.texts import texts
from workflows.domain import events as ev
from workflows.domain.people import Role
from workflows.domain.refusal import Reason, Refusal
from workflows.domain.text import Language
from workflows.ports import Answer, Show, Shown


class SlackActivities:
    """The activities of the Slack queue, and `roles_of`, which is local to a case's worker."""

    def __init__(
        self, client: AsyncWebClient, people: People, language: Language, zone: tzinfo
    ) -> None:
        """`language` is that of the channels; `zone` where Slack can't show a reader's own."""
        self._sender = Sender(client)
        self._people = people
        self._language = language
        self._zone = zone

    @activity.defn(name="show")
    async def show(self, wanted: Show) -> Shown:
        """Brings card, approval card and thread up to date; nothing is posted twice.

        Raises:
            SlackTrouble: retryable, whatever Slack says.
        """
        reader = Reader(
            texts(self._language),
            self._zone,
            await self._people.names(_people_of(wanted)),
            self._people.mentions(),
        )
        return await Showing(wanted, self._sender, reader, self._people.channel).run()

    @activity.defn(name="answer")
    async def answer(self, wanted: Answer) -> None:
        """Posts a refusal that only its person sees, in the person's language.

        Raises:
            SlackTrouble: retryable, whatever Slack says.
        """
        text = refusal_text(
            wanted.refusal,
            await self._people.language(wanted.person),
            await self._people.names(_people_in(wanted.refusal)),
            datetime.now(UTC),
            case=wanted.case,
        )
        await self._sender.whisper(wanted.person, wanted.place, text)

    @activity.defn(name="roles_of")
    async def roles_of(self, person: str) -> tuple[Role, ...]:
        """The roles that a person holds now.

        Raises:
            ApplicationError: retryable, where neither Slack nor the configuration can tell.
        """
        try:
            return tuple(sorted(await self._people.roles(person)))
        except RolesUnknown:
            raise ApplicationError(
                "nobody can tell which roles this person holds", type="roles_unknown"
            ) from None


def _people_in(refusal: Refusal) -> Iterator[str | None]:
    """Whom a refusal may name."""
    yield refusal.by
    if refusal.reason is Reason.NOT_A_COLLEAGUE:
        yield refusal.name


def _people_of(wanted: Show) -> Iterator[str | None]:
    """Everybody whom card, approval card or thread may name."""
    view = wanted.view
    yield view.owner
    yield view.turn.by if view.turn else None
    yield view.decision.by if view.decision else None
    yield from (consent.by for consent in (view.approval.consents if view.approval else ()))
    for line in wanted.lines:
        yield line.event.by
        yield line.event.owner if isinstance(line.event, ev.CaseReleased) else None
