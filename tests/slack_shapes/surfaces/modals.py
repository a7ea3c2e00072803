"""Case and bulk decision modals, with their errors."""

from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

from activities.slack.handles import Handle
from activities.slack.reader import Reader
from bot.services.bulk import BulkPage, DoneLine, SubjectLine
from bot.services.cases import CaseLine
from bot.slack.bulk.form import (
    PAGE,
    BulkForm,
    BulkMetadata,
    Counted,
    bulk_view,
    confirmation,
    list_view,
    notices,
    over_limit,
    redrawn,
)
from bot.slack.modals.choices import Choices, choices_at, choices_of
from bot.slack.modals.form import sentence_view
from bot.slack.modals.forms import FORMS, view_of
from bot.slack.modals.metadata import Metadata
from tests.activities.slack.cases import CASE, ROUTE
from tests.bot.slack.fakes import NOW, FakePolicies, line
from tests.slack_shapes.cases import REFUSED, StoryCase
from tests.slack_shapes.scene import Scene, Surface
from tests.slack_shapes.sent import Sent, view
from tests.slack_shapes.words import Words
from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import Impact, Sum
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Case
from workflows.domain.policy.actions import ActionSpec
from workflows.domain.policy.limits import Full, Power
from workflows.domain.policy.platform import RelatedSpec
from workflows.domain.values import Text

AIM = Handle(case=CASE, version=999_999_999, workflow_id=ROUTE)


def metadata_of(scene: Scene, limits: dict[str, int]) -> dict[str, Any]:
    return {
        "workflow_id": ROUTE,
        "case": CASE,
        "version": AIM.version,
        "channel": "C0123456789",
        "thread": "1763900000.000100",
        "language": scene.language,
        "limits": limits,
    }


def _usual(words: Words) -> Choices:
    titles = {
        "chat": None,
        "shill": Text(ja=words.policy or "吊り上げ", en=words.policy or "Shill"),
    }
    known = {"detectors": titles, "lead": True}
    return choices_of(StoryCase(words).case).model_copy(update=known)


def _others(words: Words) -> tuple[CaseLine, ...]:
    title = words.policy or "外部誘導"
    return tuple(
        line(f"K0000000{n}", title=Text(ja=title, en=title)) for n in "ABCDEFGHJKMNPQRSTVWX"
    )


def _everything(words: Words) -> Choices:
    """As many actions as a menu holds, each with every remark."""
    title = words.policy or "とても長い名前の措置" * 12
    spec = ActionSpec.model_validate(
        {
            "title": title,
            "subject": "user",
            "danger": True,
            "timed": {"default": "24h", "max": "30d"},
            "request": {"path": "/x"},
            "approval": {"by": "lead", "quorum": 5, "within": "30m"},
        }
    )
    usual = _usual(words)
    return usual.model_copy(
        update={
            "actions": {f"action_{n:03}_{'x' * 40}": spec for n in range(100)},
            "durations": tuple(timedelta(minutes=n) for n in range(1, 101)),
            "rule": words.policy or "規約" * 200,
            "others": _others(words),
        }
    )


def _modals(scene: Scene) -> Iterator[tuple[str, Sent]]:
    offers = {
        "": _usual(scene.words),
        ", the case not asked": choices_at("case/gone/0123456789ABCDEF", FakePolicies()),
        ", as much as fits": _everything(scene.words),
    }
    for name in FORMS:
        for state, offer in offers.items():
            limits = offer.limits if name == "decide" else {}
            metadata = Metadata.model_validate(metadata_of(scene, limits))
            yield f"{name}{state}", view(view_of(name, offer, metadata, scene.catalog))


def _counted(words: Words, many: int) -> Counted:
    title = words.policy or "同じ端末"
    spec = RelatedSpec.model_validate(
        {"title": title, "type": "user", "path": "/v1/users/{id}/related", "items": "response.x"}
    )
    return [(f"look_up_{n}", spec, None if n == 1 else n * 1_000) for n in range(many)]


def _bulk_ledger(scene: Scene) -> Iterator[tuple[str, Sent]]:
    catalog = scene.catalog
    yield "loading", view(sentence_view("bulk", catalog.say("bot.bulk.loading"), catalog))
    for key in ("bot.modal.case_over", "refusal.bulk_not_allowed", "bot.bulk.no_actions"):
        text = catalog.say(key, case=CASE)
        yield key.rpartition(".")[2], view(sentence_view("bulk", text, catalog))
    for state, offer, many in (
        ("filled in", _usual(scene.words), 2),
        ("without look-ups", _usual(scene.words), 0),
        ("as much as fits", _everything(scene.words), 10),
    ):
        starts = {"user": scene.words.id, "listing": scene.words.id}
        given = {**metadata_of(scene, offer.limits), "starts": starts, "bulk": 20}
        metadata = BulkMetadata.model_validate(given)
        drawn = view(bulk_view(offer, _counted(scene.words, many), metadata, catalog))
        yield state, drawn
        for also, text in _afterwards(scene):
            again = redrawn(drawn.whole, text, catalog.say("bot.bulk.submit"), metadata)
            yield f"{state}, {also}", view(again)
        for also, case in _notifying(scene.words):
            text = confirmation(1, Impact(), False, Reader(texts=catalog, zone=UTC))
            notice = notices(case, FORM, [Subject(type="user", id=scene.words.id)] * 60, catalog)
            again = redrawn(drawn.whole, text, catalog.say("bot.bulk.submit"), metadata, notice)
            yield f"{state}, {also}", view(again)


FORM = BulkForm(
    sources=("device",), ids=(), actions=("mute_user",), duration=timedelta(days=1), reason="x"
)


def _notifying(words: Words) -> Iterator[tuple[str, Case]]:
    case = StoryCase(words, policy={"bulk": True}, telling=True).case
    yield "with notices", case
    because = words.titled("捜査中のため", "It is being investigated")
    playbook = case.policy.playbook.model_copy(update={"no_notice": because})
    silent = case.policy.model_copy(update={"playbook": playbook})
    yield "without notices", case.model_copy(update={"policy": silent})
    assert case.policy.notice_text is not None
    call = case.policy.notice_text.call.model_copy(update={"subject": "seller"})
    text = case.policy.notice_text.model_copy(update={"call": call})
    other = case.policy.model_copy(update={"notice_text": text})
    yield "without addressees", case.model_copy(update={"policy": other})


def _afterwards(scene: Scene) -> Iterator[tuple[str, str]]:
    title = scene.words.policy or "フォロワー"
    touched = Impact(
        sums=tuple(Sum(title=Text(ja=title, en=title), total=1_240) for _ in range(8)),
        sanctioned=4,
        unknown=1,
        dropped=2,
    )
    reader = Reader(texts=scene.catalog, zone=UTC)
    yield "counting", scene.catalog.say("bot.bulk.counting")
    yield "confirmation", confirmation(60, touched, True, reader)
    yield "confirmation alone", confirmation(1, Impact(), False, reader)
    full = Full(
        power=Power.DECISIONS, holder="U0SATO", most=10_000, within=timedelta(days=7), used=9_999
    )
    yield "above the limit for good", over_limit(1_000, touched, full, reader, NOW)
    later = full.model_copy(update={"resets_at": NOW + timedelta(days=6)})
    yield "above the limit", over_limit(1_000, touched, later, reader, NOW)


def _lists(scene: Scene) -> Iterator[tuple[str, Sent]]:
    title = scene.words.policy
    done = DoneLine(
        name="mute_user",
        title=Text(ja=title, en=title) if title else Text(ja="コメント制限", en="Mute"),
        status=ActionStatus.FAILED,
        problem=REFUSED,
    )
    subject = Subject(type="user", id=scene.words.id)
    full = tuple(SubjectLine(subject=subject, done=(done,) * 3) for _ in range(PAGE))
    untouched = (SubjectLine(subject=subject),)
    for state, page in (
        ("one", BulkPage(total=1, first=0, lines=untouched)),
        ("first of many", BulkPage(total=1_000, first=0, lines=full)),
        ("in the middle", BulkPage(total=1_000, first=PAGE, lines=full)),
        ("turned too far", BulkPage(total=10, first=PAGE, lines=())),
    ):
        yield state, view(list_view(page, AIM, scene.catalog))


SURFACES = (
    Surface("modal", _modals),
    Surface("bulk modal", _bulk_ledger),
    Surface("bulk list", _lists),
)
