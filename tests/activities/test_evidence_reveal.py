"""Reveal activity with ledger, images and Slack."""

import inspect
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from temporalio.exceptions import ApplicationError

from activities.evidence_reveal import RevealActivities
from activities.image_decoder import FetchFailure, NotFetched, Picture
from activities.ledger.activities import LedgerActivities
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.evidence import EvidenceRecord
from activities.slack.directory import Directory
from activities.slack.evidence import EvidenceScreen, Viewer
from deploy.sandbox.slack.screen import visible_text
from tests.activities.ledger.test_evidence import CASE, entry, revealed
from tests.activities.slack.conftest import Attempts, SlackWorld, slack
from tests.activities.slack.drawn import reader
from tests.workflows.domain.builders import minutes
from workflows.domain.case.commands import Modal, Place
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.policy.limits import Reached
from workflows.domain.policy.reports import Kept
from workflows.ports.cases import CasePort, ShowEvidence
from workflows.ports.reports import ErasedBatch, RetentionStep

__all__ = ["slack"]

MODAL = Modal(id="evidence/1", carries="{}")


@dataclass
class FakeImages:
    """Returns a picture or a failure; records its requests."""

    why: FetchFailure | None = None
    asked: list[str] = field(default_factory=list)

    async def get(self, address: str) -> Picture:
        self.asked.append(address)
        if self.why is not None:
            raise NotFetched(self.why)
        return Picture("evidence.jpg", b"\xff\xd8\xff pixels")


@dataclass
class Reveal:
    """The activity and its dependencies."""

    slack: SlackWorld
    ledger: Ledger
    images: FakeImages
    activities: RevealActivities

    async def shows(self, attempts: Attempts | None = None, **more: Any) -> str:
        """Content of the modal after the activity."""
        wanted = ShowEvidence(
            person="U0SATO",
            place=Place(channel="C0LIVE"),
            case=CASE,
            version=3,
            alert="live-chat/chat-000001",
            item=1,
            modal=MODAL,
        )
        asked = wanted.model_copy(update=more)
        await (attempts or Attempts()).run(self.activities.show_evidence, asked)
        return self.screen()

    def screen(self, person: str = "U0SATO") -> str:
        (view,) = self.slack.workspace.views.stack(person)
        return visible_text(view.content)


@pytest.fixture
async def reveal(slack: SlackWorld, migrated: Path, tmp_path: Path) -> AsyncIterator[Reveal]:
    file = shutil.copy(migrated, tmp_path / "ledger.db")
    database = Database(f"sqlite+aiosqlite:///{file}")
    images = FakeImages()
    people: Directory = slack.people
    activities = RevealActivities(
        EvidenceRecord(database),
        images,  # type: ignore[arg-type]
        EvidenceScreen(slack.client, opening=0.3, ready=2),
        people,
        ZoneInfo("Asia/Tokyo"),
    )
    slack.workspace.views.open("U0SATO", Viewer(reader(), MODAL).loading())
    ledger = Ledger(database)
    await ledger.record(entry(range(1, 2)))
    yield Reveal(slack, ledger, images, activities)
    await database.aclose()


async def test_nothing_is_shown_before_it_is_recorded_who_looks(reveal: Reveal) -> None:
    """An unreachable ledger delays the reveal until the record is written."""
    with pytest.raises(ApplicationError, match="not recorded yet"):
        await reveal.shows()
    assert reveal.screen() == "読み込んでいます…"
    assert reveal.images.asked == []
    await reveal.ledger.record(revealed())
    assert "(検知「LINEへの誘導」の画像)" in await reveal.shows()


async def test_a_look_of_somebody_else_is_none_of_this_person(reveal: Reveal) -> None:
    """Every person has a separate record."""
    await reveal.ledger.record(revealed("U0TANAKA"))
    with pytest.raises(ApplicationError, match="not recorded yet"):
        await reveal.shows()


async def test_an_image_goes_up_once(reveal: Reveal) -> None:
    """The second reveal uses the uploaded file."""
    await reveal.ledger.record(revealed())
    for _ in range(3):
        await reveal.shows()
    assert reveal.images.asked == ["https://images.market.example/1.png"]
    assert reveal.slack.workspace.calls["files.completeUploadExternal"] == 1


async def test_a_picture_is_deleted_when_its_time_is_over(reveal: Reveal) -> None:
    """At Slack and in the ledger; the next reveal uploads it again."""
    await reveal.ledger.record(revealed())
    await reveal.shows()
    (file,) = reveal.slack.workspace.uploads.files
    young = RetentionStep(run="r1", at=datetime.now(UTC) + timedelta(days=29), kind=Kept.IMAGES)
    old = young.model_copy(update={"at": datetime.now(UTC) + timedelta(days=31)})
    delete = reveal.activities.delete_pictures
    assert (await Attempts().run(delete, young)).erased == 0
    assert file in reveal.slack.workspace.uploads.files
    assert await Attempts().run(delete, old) == ErasedBatch(erased=1, after=file)
    assert reveal.slack.workspace.uploads.files == {}
    assert "(検知「LINEへの誘導」の画像)" in await reveal.shows()
    assert reveal.slack.workspace.calls["files.completeUploadExternal"] == 2


async def test_a_picture_that_a_crash_left_is_deleted(reveal: Reveal) -> None:
    """Its id is in the ledger before its content is at Slack."""

    class Killed(BaseException):
        pass

    async def killed(file: str) -> None:
        raise Killed

    await reveal.ledger.record(revealed())
    reveal.activities._record.show_file = killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await reveal.shows()
    assert len(reveal.slack.workspace.uploads.files) == 1
    step = RetentionStep(run="r1", at=datetime.now(UTC) + timedelta(hours=2), kind=Kept.IMAGES)
    assert (await Attempts().run(reveal.activities.delete_pictures, step)).erased == 1
    assert reveal.slack.workspace.uploads.files == {}


async def test_a_picture_that_slack_keeps_is_left_after_three_runs(reveal: Reveal) -> None:
    """Others are deleted meanwhile; it is never asked for again."""
    await reveal.ledger.record(revealed())
    await reveal.shows()
    reveal.slack.workspace.refuses = lambda method, arguments: (
        "cant_delete_file" if method == "files.delete" else None
    )
    for day in range(31, 36):
        at = datetime.now(UTC) + timedelta(days=day)
        step = RetentionStep(run=f"r{day}", at=at, kind=Kept.IMAGES)
        assert (await Attempts().run(reveal.activities.delete_pictures, step)).erased == 0
    assert reveal.slack.workspace.calls["files.delete"] == 3


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        (FetchFailure.FORBIDDEN, "取得元が許可されていない画像のため、表示できません。"),
        (FetchFailure.GONE, "画像が見つかりません。"),
        (FetchFailure.UNAVAILABLE, "画像を取得できませんでした。"),
        (FetchFailure.TOO_LARGE, "画像が大きすぎるため、表示できません"),
        (FetchFailure.NO_IMAGE, "画像として読み込めないため、表示できません。"),
    ],
)
async def test_an_image_that_is_not_fetched_has_its_sentence(
    reveal: Reveal, why: FetchFailure, sentence: str
) -> None:
    """The text has no address; a retry button is offered if it can help."""
    await reveal.ledger.record(revealed())
    reveal.images.why = why
    told = await reveal.shows()
    assert told.startswith(sentence)
    assert told.endswith("[もう一度試す]") == (why is FetchFailure.UNAVAILABLE)
    assert "market.example" not in told
    assert reveal.slack.workspace.uploads.files == {}


async def test_who_reached_the_cap_reads_the_numbers(reveal: Reveal) -> None:
    """Nothing is read or downloaded."""
    cap = Reached(reveals=60, within=minutes(480) - minutes(0), since=minutes(0))
    refusal = Refusal(reason=Reason.REVEAL_LIMIT, cap=cap)
    told = await reveal.shows(refusal=refusal)
    assert told.startswith("いまは表示できません。この8時間に60件を表示しました")
    assert told.endswith("急ぐときは、ほかの担当者に確認を依頼してください。")
    assert reveal.images.asked == []


async def test_a_modal_that_was_closed_costs_no_fetch(reveal: Reveal) -> None:
    """A closed modal needs no image."""
    await reveal.ledger.record(revealed())
    reveal.slack.workspace.views.clear("U0SATO")
    modal = Modal(id="evidence/closed", carries="{}")
    wanted = ShowEvidence(
        person="U0SATO",
        place=Place(channel="C0LIVE"),
        case=CASE,
        version=3,
        alert="live-chat/chat-000001",
        item=1,
        modal=modal,
    )
    await Attempts().run(reveal.activities.show_evidence, wanted)
    assert reveal.images.asked == []


@pytest.mark.parametrize(
    ("name", "owner"), [("expose", LedgerActivities), ("show_evidence", RevealActivities)]
)
def test_the_activities_are_what_the_workflow_asks_for(name: str, owner: type) -> None:
    """Same name, same arguments, same answer as the port."""
    port = inspect.signature(getattr(CasePort, name))
    mine = inspect.signature(getattr(owner, name))
    assert [p.annotation for p in mine.parameters.values()][1:] == [
        p.annotation for p in port.parameters.values()
    ][1:]
    assert mine.return_annotation == port.return_annotation
    assert getattr(owner, name).__temporal_activity_definition.name == name


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("files.getUploadURLExternal", "missing_scope"),
        ("files.getUploadURLExternal", "unknown_method"),
        ("files.completeUploadExternal", "file_uploads_disabled"),
        ("files.info", "missing_scope"),
    ],
)
async def test_an_upload_that_slack_refuses_is_said_after_one(
    reveal: Reveal, method: str, code: str
) -> None:
    """The modal has a sentence and a button; nothing is left at Slack."""
    await reveal.ledger.record(revealed())
    reveal.slack.workspace.refuses = lambda called, arguments: code if called == method else None
    assert "Slack がこの画像を受け付けませんでした" in await reveal.shows()
    assert reveal.slack.workspace.calls["files.getUploadURLExternal"] == 1
    assert reveal.slack.workspace.uploads.files == {}


async def test_an_image_that_a_modal_refuses_is_uploaded_once(reveal: Reveal) -> None:
    """The upload is deleted; a second press tries once more."""
    await reveal.ledger.record(revealed())

    def refuses(method: str, arguments: dict) -> str | None:
        return "invalid_blocks" if "slack_file" in str(arguments.get("view")) else None

    reveal.slack.workspace.refuses = refuses
    assert "Slack がこの画像を受け付けませんでした" in await reveal.shows()
    assert reveal.slack.workspace.calls["files.getUploadURLExternal"] == 1
    assert reveal.slack.workspace.uploads.files == {}
    reveal.slack.workspace.refuses = lambda method, arguments: None
    assert "(検知「LINEへの誘導」の画像)" in await reveal.shows()


async def test_an_upload_that_fails_three_times_is_said(reveal: Reveal) -> None:
    """Slack says that the error should pass; the modal does not stay at "loading"."""
    await reveal.ledger.record(revealed())
    reveal.slack.workspace.refuses = lambda method, arguments: (
        "internal_error" if method == "files.completeUploadExternal" else None
    )
    attempts = Attempts()
    for _ in range(2):
        with pytest.raises(ApplicationError):
            await reveal.shows(attempts)
    assert "Slack がこの画像を受け付けませんでした" in await reveal.shows(attempts)
