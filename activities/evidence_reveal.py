"""Reveal activities: hidden evidence is shown, and its pictures are deleted in time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.image_decoder import NotFetched
from activities.images import Images
from activities.ledger.database import LedgerUnavailable
from activities.ledger.evidence import EvidenceRecord
from activities.slack.directory import Directory
from activities.slack.evidence import EvidenceScreen, FileGone, FileRefused, Viewer
from activities.slack.handles import PieceHandle
from activities.slack.i18n.catalog import texts
from activities.slack.post_once import PostOnce
from activities.slack.reader import Reader
from activities.slack.refusals import refusal_of
from workflows.domain.alerts import AlertEvidence, ImageEvidence, TextEvidence
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.policy.reports import Retention
from workflows.ports.cases import ShowEvidence
from workflows.ports.reports import ErasedBatch, RetentionStep

LEFT_OVER = timedelta(hours=1)
"""Time after which an upload that is not shown was left by a crash or a refusal."""

_log = structlog.get_logger(__name__)


class RevealActivities:
    """Activities that show a piece of hidden evidence to one person, and delete its picture."""

    def __init__(
        self,
        record: EvidenceRecord,
        images: Images,
        screen: EvidenceScreen,
        people: Directory,
        zone: tzinfo,
        rules: Callable[[], Retention] = Retention,
    ) -> None:
        """`zone` is the deployment's; Slack shows times in each reader's zone.

        `rules` returns the current times of retention.yaml.
        """
        self._rules = rules
        self._record = record
        self._images = images
        self._screen = screen
        self._people = people
        self._zone = zone

    @activity.defn(name="show_evidence")
    async def show_evidence(self, wanted: ShowEvidence) -> None:
        """Updates the modal, unless it is closed.

        Raises:
            SlackTrouble: retryable.
            ApplicationError: `ledger_unavailable` or `not_recorded`; retryable.
        """
        reader = Reader(texts(await self._people.language(wanted.person)), self._zone)
        viewer = Viewer(reader, wanted.modal)
        async with PostOnce().attempt():
            if wanted.refusal is not None:
                await self._refuse(wanted, wanted.refusal, viewer)
                return
            try:
                await self._show(wanted, viewer)
            except LedgerUnavailable as error:
                raise ApplicationError(str(error), type="ledger_unavailable") from None

    async def _show(self, wanted: ShowEvidence, viewer: Viewer) -> None:
        case, key, item = wanted.case, wanted.alert, wanted.item
        if not await self._record.is_recorded(case, wanted.person, key, item):
            # Nothing is shown before the ledger has recorded the reveal.
            raise ApplicationError("the reveal is not recorded yet", type="not_recorded")
        alert = await self._record.alert(case, key)
        piece = alert.item(item) if alert is not None else None
        if alert is None or piece is None:
            await self._refuse(wanted, Refusal(reason=Reason.NO_SUCH_EVIDENCE), viewer)
        elif isinstance(piece, TextEvidence):
            await self._screen.draw(viewer.words(alert, piece.text))
        else:
            await self._show_image(wanted, viewer, alert, piece)

    async def _show_image(
        self, wanted: ShowEvidence, viewer: Viewer, alert: AlertEvidence, piece: ImageEvidence
    ) -> None:
        known = await self._record.file(wanted.alert, wanted.item)
        if known is not None:
            try:
                await self._screen.draw(viewer.image(alert, known))
                return
            except FileGone:
                await self._forget(wanted, known)
        if not await self._screen.draw(viewer.loading()):
            return
        try:
            file = await self._uploaded(wanted, piece)
            await self._draw_new(wanted, viewer, alert, file)
        except FileRefused as error:
            _log.warning("image_not_shown", case=wanted.case, code=error.code)
            await self._screen.draw(viewer.failed("slack", _handle(wanted)))
        except NotFetched as error:
            _log.warning("image_not_fetched", case=wanted.case, why=error.why.value)
            again = _handle(wanted) if error.why.retryable else None
            await self._screen.draw(viewer.failed(error.why.value, again))

    async def _draw_new(
        self, wanted: ShowEvidence, viewer: Viewer, alert: AlertEvidence, file: str
    ) -> None:
        """Shows a new upload. Raises `FileRefused`: another one would fare no better."""
        try:
            await self._screen.draw(viewer.image(alert, file))
        except FileGone as error:
            await self._forget(wanted, file)
            raise FileRefused(str(error)) from None

    async def _forget(self, wanted: ShowEvidence, file: str) -> None:
        await self._record.forget_file(file)
        await self._screen.delete(file)

    async def _uploaded(self, wanted: ShowEvidence, piece: ImageEvidence) -> str:
        """Slack's id of the image. Raises `NotFetched` or `FileRefused`."""
        picture = await self._images.get(piece.url)
        attempt = activity.info().attempt

        async def begun(file: str) -> None:
            await self._record.begin_file(wanted.alert, wanted.item, file, datetime.now(UTC))

        file = await self._screen.upload(picture.name, picture.content, attempt, begun)
        await self._record.show_file(file)
        return file

    @activity.defn(name="delete_pictures")
    async def delete_pictures(self, step: RetentionStep) -> ErasedBatch:
        """Deletes a batch of pictures whose time is over, or that nobody is shown.

        Raises:
            SlackTrouble: retryable. What was deleted before is recorded.
        """
        before, left_over = step.at - self._rules().images, step.at - LEFT_OVER
        batch = await self._record.expired_files(before, left_over, step.after)
        erased = 0
        for file in batch:
            activity.heartbeat()
            code = await self._screen.remove(file, activity.info().attempt)
            if code is None:
                await self._record.file_deleted(file, step)
                erased += 1
            else:
                _log.error("picture_not_deleted", file=file, code=code)
                await self._record.file_refused(file, code, step)
        return ErasedBatch(erased=erased, after=batch[-1] if batch else None)

    async def _refuse(self, wanted: ShowEvidence, refusal: Refusal, viewer: Viewer) -> None:
        sentence = await refusal_of(
            refusal, wanted.person, self._people, viewer.reader, case=wanted.case
        )
        await self._screen.draw(viewer.refused(sentence))


def _handle(wanted: ShowEvidence) -> PieceHandle:
    return PieceHandle(wanted.case, wanted.version, wanted.item, wanted.alert)
