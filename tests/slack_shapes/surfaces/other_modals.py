"""Further modals: a card's actions, reasons of the policy, personal data."""

from collections.abc import Iterator
from typing import Any

from bot.services.lookups import Fact
from bot.slack.commands import reveal
from bot.slack.modals.choices import Choices, choices_at, choices_of
from bot.slack.modals.decide import KEEPS, NONE, TEMPLATE, with_template
from bot.slack.modals.form import sentence_view
from bot.slack.modals.forms import FORMS, view_of
from bot.slack.modals.metadata import Metadata
from bot.slack.rendering import sections
from tests.activities.slack.cases import CASE
from tests.bot.slack.fakes import FakePolicies
from tests.slack_shapes.cases import StoryCase, reasoned
from tests.slack_shapes.other_stories import PROTECT
from tests.slack_shapes.scene import Scene, Surface
from tests.slack_shapes.sent import Sent, view
from tests.slack_shapes.stories import STORIES
from tests.slack_shapes.surfaces.modals import metadata_of
from tests.slack_shapes.words import Words
from workflows.domain.alerts import Subject
from workflows.domain.case.commands import ProtectNow


def _reasoned(words: Words) -> Choices:
    """With policy rules, and reasons that fill in texts."""
    return choices_of(StoryCase(words, policy=reasoned(words), telling=True).case)


def _with_presets(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Modals behind a card's menu, and the confirmation of a preset."""
    metadata = Metadata.model_validate(metadata_of(scene, {}))
    stories = {
        "open": StoryCase(scene.words),
        "ten presets": STORIES["open, ten presets"](scene.words),
        "claimed, watched": STORIES["claimed, watched"](scene.words),
        "put off": STORIES["on hold, snoozed"](scene.words),
        "protecting": STORIES["open, protecting"](scene.words),
        "closed": STORIES["closed"](scene.words),
    }
    for state, story in stories.items():
        offer = choices_of(story.case)
        yield f"all, {state}", view(view_of("all", offer, metadata, scene.catalog))
    asleep = choices_at("case/gone/0123456789ABCDEF", FakePolicies())
    yield "all, the case asleep", view(view_of("all", asleep, metadata, scene.catalog))
    presets = [each.id for each in StoryCase(scene.words).case.policy.playbook.presets]
    for preset in (*presets, "gone"):
        with_preset = metadata.model_copy(update={"preset": preset})
        drawn = view_of(
            "confirm_preset", choices_of(StoryCase(scene.words).case), with_preset, scene.catalog
        )
        yield f"confirmation of {preset}", view(drawn)


def _with_reasons(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Decisions with a reason of the policy."""
    offer = _reasoned(scene.words)
    metadata = Metadata.model_validate(metadata_of(scene, offer.limits))
    drawn = view(view_of("decide", offer, metadata, scene.catalog))
    yield "to choose from", drawn
    hides = {"P1": scene.words.titled("非表示", "Hide")}
    keeping = offer.model_copy(update={"keepable": hides})
    kept = view(view_of("decide", keeping, metadata, scene.catalog))
    yield "a protection to keep", kept
    ticked = _values("line", ("mute_user",)) | {KEEPS: {KEEPS: {"selected_options": [_P1]}}}
    again = {**kept.whole, "state": {"values": ticked}}
    yield "with a kept protection", view(with_template(again, keeping, scene.catalog))
    asleep = offer.model_copy(update={"case": None})
    nobody = choices_of(StoryCase(scene.words, policy=reasoned(scene.words)).case)
    acted = StoryCase(scene.words, policy={**reasoned(scene.words), **PROTECT}, telling=True)
    acted.then(ProtectNow(rules=(0,)))
    unscored = StoryCase(
        scene.words, policy=reasoned(scene.words), telling=True, alert={"score": None}
    )
    for state, chosen, known, template in (
        ("after a protection", (), choices_of(acted.case), "line"),
        ("without a score", (), choices_of(unscored.case), "line"),
        ("with a notice", (), offer, "line"),
        ("with a notice and actions", ("mute_user", "permanent_ban"), offer, "line"),
        ("without a notice", (), offer, "quiet"),
        ("nobody to tell", (), nobody, "line"),
        ("the case asleep", (), asleep, "line"),
        ("none after all", (), offer, NONE),
    ):
        again = {**drawn.whole, "state": {"values": _values(template, chosen)}}
        yield state, view(with_template(again, known, scene.catalog))


_P1 = {"value": "P1"}


def _values(template: str, actions: tuple[str, ...]) -> dict[str, Any]:
    chosen = [{"value": action} for action in actions]
    return {
        TEMPLATE: {TEMPLATE: {"selected_option": {"value": template}}},
        "actions": {"actions": {"selected_options": chosen}},
        "policy": {"policy": {"selected_option": {"value": "MKT-4.2"}}},
    }


def _reveals(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Personal data: the reason, and the data."""
    catalog, subject = scene.catalog, Subject(type="user", id=scene.words.id)
    carried = reveal.RevealMetadata(subject=subject, language=scene.language)
    title = scene.words.titled("メール", "E-mail")
    mail = Fact(title=title, value=scene.words.evidence, personal=True)
    yield "why", view(reveal.reason_view(carried, catalog))
    for state, facts in (("shown", (mail,)), ("as much as there is", (mail,) * 30), ("gone", None)):
        blocks = sections(reveal._lines(subject, facts, catalog))
        yield state, view(reveal.data_view(blocks, catalog))
    for key in ("bot.modal.loading", "bot.reveal.no_role", "bot.slash.unavailable"):
        yield key, view(reveal.data_view(sections([catalog.say(key)]), catalog))
    unknown = catalog.say("refusal.unknown_case", case=CASE)
    yield (
        "no such case",
        view(reveal.data_view(sections([unknown]), catalog)),
    )


def _waiting(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Placeholders, and modals without permission."""
    leads = scene.catalog.say("rights.holders", names="<@U0TANAKA>")
    role = scene.catalog.say("role.lead")
    refused = scene.catalog.say("refusal.role_needed", roles=role, holders=leads)
    for name in (*FORMS, "all", "timeline"):
        yield name, view(sentence_view(name, scene.catalog.say("bot.modal.loading"), scene.catalog))
    yield "refused", view(sentence_view("decide", refused, scene.catalog))
    for key in (
        "bot.all.taken",
        "bot.all.not_taken",
        "bot.modal.case_over",
        "bot.press.unreadable",
    ):
        yield key, view(sentence_view("all", scene.catalog.say(key, case=CASE), scene.catalog))


SURFACES = (
    Surface("preset modal", _with_presets),
    Surface("reason modal", _with_reasons),
    Surface("personal data modal", _reveals),
    Surface("message modal", _waiting),
)
