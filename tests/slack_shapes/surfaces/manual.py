"""Manual alerts: modals, errors and answers."""

from collections.abc import Iterator

from activities.slack.escape import plain
from bot.slack.commands import pages
from bot.slack.manual.alert import (
    AlertFault,
    NewAlert,
    Wrong,
    fault_words,
    opened_page,
    reported_page,
)
from bot.slack.manual.open import OPEN_CASE, REPORT, AlertMetadata, alert_view
from tests.bot.slack.fakes import NOW, line
from tests.slack_shapes.cases import an_alert
from tests.slack_shapes.scene import BASE, LINK, Scene, Surface
from tests.slack_shapes.sent import Sent, post_ephemeral, said, view, words
from tests.slack_shapes.surfaces.harness import Policies
from workflows.domain.alerts import Subject
from workflows.domain.case.snapshot import CardRef


def _modals(scene: Scene) -> Iterator[tuple[str, Sent]]:
    playbooks = Policies(scene).playbooks()
    where = CardRef(channel="C0LIVE", ts="1763900000.000100")
    message = scene.words.evidence[:2_000]
    about = AlertMetadata(language=scene.language, where=where, link=LINK, message=message)
    bare = AlertMetadata(language=scene.language)
    for state, name, given, subject in (
        ("report", REPORT, about, f"user:{scene.words.id}"),
        ("report, no words and nobody named", REPORT, bare, ""),
        ("open a case", OPEN_CASE, bare, ""),
        ("open a case on somebody", OPEN_CASE, bare, f"user:{scene.words.id}"),
    ):
        yield state, view(alert_view(name, given, subject, playbooks, scene.catalog))
    many = tuple(
        playbooks[0].model_copy(update={"playbook": f"p{n}", "match": f"alert.kind == 'k{n}'"})
        for n in range(150)
    )
    for state, offered in (("as much as there is", many), ("one kind twice", playbooks[:1] * 2)):
        yield state, view(alert_view(OPEN_CASE, bare, "", offered, scene.catalog))


def _answers(scene: Scene) -> Iterator[tuple[str, Sent]]:
    own = {
        "title": scene.words.titled("外部誘導", "Off-platform inducement"),
        "subject": Subject(type="user", id=scene.words.id),
    }
    for state, found in (
        ("opened", line("K7Q2F9XM0", **own).model_copy(update={"opened_at": NOW})),
        ("joined", line("K7Q2F9XM0", **own)),
        ("its card waits", line("K7Q2F9XM0", card=None, **own)),
        ("nothing known yet", None),
    ):
        for unsure in (False, True):
            new = _made(scene, unsure)
            told = f"{state}{', the platform away' if unsure else ''}"
            yield told, said(opened_page(new, found, scene.catalog, BASE))
        yield f"reported, {state}", said(reported_page(found, scene.catalog))


def _made(scene: Scene, unsure: bool) -> NewAlert:
    alert = an_alert(scene.words, occurred_at=NOW)
    return NewAlert(alert=alert, playbook=Policies(scene).playbooks()[0], unsure=unsure)


def _faults(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """As an answer to a command, and as a field's error."""
    catalog, written = scene.catalog, scene.words.evidence
    for wrong in Wrong:
        for nearest in (None, "off_platform" if wrong is Wrong.KIND else "user:u_123"):
            if nearest is not None and wrong not in (Wrong.KIND, Wrong.SUBJECT):
                continue
            fault = AlertFault(wrong=wrong, nearest=nearest)
            state = wrong.value if nearest is None else f"{wrong.value}, {nearest}"
            yield state, post_ephemeral(pages.sentence(fault_words(fault, written, catalog)).text)
            yield f"{state}, in a modal", words(fault_words(fault, written, catalog, plain))


SURFACES = (
    Surface("manual alert modal", _modals),
    Surface("manual alert answer", _answers),
    Surface("manual alert error", _faults),
)
