"""Samples of everything that Koban sends, for validation by Slack; none is posted."""

import asyncio
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from activities.errors import retry_after
from activities.slack.blocks import Message
from activities.slack.cards.approval import approval_card
from activities.slack.cards.case import case_card
from activities.slack.client import FAILURES, LIMITED_PAUSE
from activities.slack.evidence import Viewer
from activities.slack.handles import Handle
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from activities.slack.storm_digest import calls, digest
from activities.slack.thread import lines_message
from bot.services.cases import CaseLine, Which
from bot.slack.commands.dispatch import help_page
from bot.slack.commands.pages import queue_page
from bot.slack.evidence.pages import ListState, list_view, page_at
from bot.slack.home.view import cases as case_list
from bot.slack.modals.choices import choices_of
from bot.slack.modals.forms import FORMS
from bot.slack.modals.forms import view_of as modal_view
from bot.slack.modals.metadata import metadata_for
from workflows.domain.alerts import (
    Alert,
    AlertEvidence,
    ImageEvidence,
    Subject,
    TextEvidence,
    brief,
)
from workflows.domain.case.commands import ChoosePreset, Modal, Place
from workflows.domain.case.decide import decide
from workflows.domain.case.events import CaseOpened, Recorded
from workflows.domain.case.evolve import apply_all, opened
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.view import view_of
from workflows.domain.people import Actor, Role
from workflows.domain.policy.playbook import Policy, Severity
from workflows.domain.storm import MOST_TOP, Group, Mention, Picture, Top
from workflows.domain.values import Text
from workflows.ports.storms import ShowStorm


def storms(case: Case, reader: Reader, now: datetime) -> Iterator[tuple[str, Message]]:
    """The digest of a storm of cases like this one, and the mention in its thread."""
    title, counts = case.policy.playbook.title, dict.fromkeys(Severity, 99_999)
    top = tuple(
        Top(
            case=f"K0SAMP1E{number}",
            title=title,
            subject=Subject(type="user", id="<u_1>"),
            severity=Severity.CRITICAL,
            alerts=99_999,
        )
        for number in range(MOST_TOP)
    )
    group = Group(playbook=case.policy.playbook.playbook, title=title, counts=counts)
    picture = Picture(
        channel="C0SAMPLE",
        since=now,
        cases=99_999,
        open=99_999,
        waiting=1,
        groups=(group,),
        top=top,
    )
    mentions = (Mention(role=Role.LEAD, counts=counts),)
    shown = ShowStorm(key="sample", picture=picture, digest=None, mentions=mentions, number=1)
    yield "storm", digest(shown, reader)
    yield "storm: calls", calls(shown, reader)


def evidence(
    case: Case, words: str, reader: Reader, now: datetime
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A page of evidence, and a hidden text as whoever asked for it sees it."""
    alert = AlertEvidence(
        key="sample/1",
        kind=case.policy.playbook.playbook,
        detector="sample",
        occurred_at=now,
        score=1.0,
        evidence=(
            TextEvidence(text=words),
            TextEvidence(text=words, sensitive=True),
            ImageEvidence(url="https://images.example/1.png"),
        ),
    )
    state = ListState(
        workflow_id=case.workflow_id,
        case=case.id,
        version=case.version,
        channel="C0SAMPLE",
        language=reader.texts.language,
        until=now,
    )
    many = [alert] * 100
    shown = list_view(page_at(state.at, many, len(many)), len(many), state, reader)
    yield "evidence", shown.to_dict()
    viewer = Viewer(reader, Modal(id="evidence/sample", carries="{}"))
    yield "evidence: hidden words", viewer.words(alert, words)


# For Slack to look at (`koban doctor --slack`): nothing of it is posted, and nobody real is in
# it.

CASE = "K0SAMP1E0"
PERSON = "U0SAMPLE"
_WORST = "<!channel> *x* https://example.com/a " + "𠮷&" * 1_000


@dataclass(frozen=True)
class Sample:
    """`payload` is what blocks.validate takes: `kind` is `message` (blocks alone) or `view`."""

    name: str
    kind: str
    payload: dict[str, Any]


def samples(
    policies: Sequence[Policy],
    lookups: Collection[str],
    texts: Catalog,
    zone: tzinfo,
    now: datetime,
) -> Iterator[Sample]:
    """The cards and the decision's modal of every playbook, and one of each other surface."""
    reader = Reader(texts, zone, {PERSON: "Sample"})
    for policy in policies:
        yield from _of_playbook(policy, reader, now)
    for case in [_case(policy, now) for policy in policies[:1]]:
        yield from (_modal(name, case, texts) for name in FORMS if name != "decide")
        for name, drawn in storms(case, reader, now):
            yield _message(name, drawn)
        for name, shown in evidence(case, _WORST, reader, now):
            yield Sample(name, "view", shown)
    yield from _lists(lookups, texts, now)


def _of_playbook(policy: Policy, reader: Reader, now: datetime) -> Iterator[Sample]:
    name, case = policy.playbook.playbook, _case(policy, now)
    person = Actor(id=PERSON, roles=frozenset({Role.SPECIALIST}))
    yield _message(f"{name}: card", case_card(view_of(case), reader))
    for preset in policy.playbook.presets:
        chosen = ChoosePreset(by=person, preset=preset.id)
        outcome = decide(case, chosen, now)
        if isinstance(outcome, Refusal):
            continue  # it acts on a subject that the made-up case does not have
        decided = apply_all(case, outcome)
        view = view_of(decided)
        yield _message(f"{name}: card, {preset.id}", case_card(view, reader))
        recorded = tuple(Recorded(seq=n, event=event) for n, event in enumerate(outcome, 2))
        lines = tuple(each for each in recorded if each.event.in_thread)
        yield _message(f"{name}: thread, {preset.id}", lines_message(lines, view, reader))
        if view.approval is not None and view.decision is not None:
            drawn = approval_card(view, view.approval, view.decision, reader, None)
            yield _message(f"{name}: approval, {preset.id}", drawn)
    yield _modal("decide", case, reader.texts, f"{name}: ")


def _case(policy: Policy, now: datetime) -> Case:
    """An open case about a made-up user, whose alert says the worst that a stranger could."""
    playbook = policy.playbook
    alert = Alert(
        id="sample",
        kind=playbook.playbook,
        subject=Subject(type="user", id="<u_1>"),
        related=(Subject(type="stream", id="s_1"), Subject(type="listing", id="m_1")),
        score=1.0,
        occurred_at=now,
        title=Text(ja=_WORST, en=_WORST),
        evidence=(TextEvidence(text=_WORST),),
        attributes={"viewers": 1},
    )
    event = CaseOpened(
        at=now,
        case=CASE,
        playbook=playbook.playbook,
        subject=alert.subject,
        severity=next(iter(playbook.severity)),
        alert=brief(alert),
    )
    return opened(f"case/{playbook.playbook}/{'0' * 16}", policy, event)


def _modal(name: str, case: Case, texts: Catalog, of: str = "") -> Sample:
    choices = choices_of(case)
    aim = Handle(case=case.id, version=1, workflow_id=case.workflow_id)
    limits = choices.limits if name == "decide" else None
    metadata = metadata_for(aim, Place(channel="C0SAMPLE"), texts.language, limits)
    drawn = modal_view(name, choices, metadata, texts)
    return Sample(f"{of}modal {name}", "view", drawn.to_dict())


def _lists(lookups: Collection[str], texts: Catalog, now: datetime) -> Iterator[Sample]:
    line = CaseLine.model_validate(
        {
            "id": CASE,
            "title": _WORST,
            "subject": {"type": "user", "id": "<u_1>"},
            "severity": "critical",
            "phase": "claimed",
            "owner": PERSON,
            "opened_at": now,
            "due": now,
        }
    )
    listed = queue_page([line] * 30, Which.ALL, texts, None, now)
    yield Sample("answer queue", "message", {"blocks": list(listed.blocks)})
    usage = help_page(texts, lookups)
    yield Sample("answer help", "message", {"blocks": list(usage.blocks)})
    shown = case_list("bot.home.mine", [line] * 30, texts, None, now)
    yield Sample("home", "view", {"type": "home", "blocks": [*shown, *usage.blocks]})


def _message(name: str, drawn: Message) -> Sample:
    return Sample(name, "message", {"blocks": drawn.blocks})


# https://docs.slack.dev/reference/methods/blocks.validate: no scope is needed; "special rate
# limits apply", which have no figure: one call at a time, and Slack says how long to wait.

METHOD = "blocks.validate"
_LIMITED = "ratelimited"
_TRIES = 5
_MOST_FAULTS = 3


class NotAsked(Exception):
    """Slack did not look at it; the message is a sentence that says why, and what to do."""


async def fault_of(web: AsyncWebClient, sample: Sample) -> str | None:
    """The first faults that Slack finds; None for a valid sample. Raises `NotAsked`."""
    for _ in range(_TRIES):
        try:
            # In the body: the client's own blocks_validate puts whole modals into the address.
            await web.api_call(METHOD, data={sample.kind: json.dumps(sample.payload)})
        except SlackApiError as refused:
            code = str(refused.response.get("error"))
            if code != _LIMITED:
                return _worded(code, refused.response.get("errors"), web)
            await asyncio.sleep(_pause(refused))
        except FAILURES as failed:
            raise NotAsked(f"Slack at {web.base_url} does not answer: look at the network.") from (
                failed
            )
        else:
            return None
    raise NotAsked("Slack takes no more questions for now: try again in some minutes.")


def _pause(refused: SlackApiError) -> float:
    wait = retry_after((refused.response.headers or {}).get("Retry-After")) or LIMITED_PAUSE
    return wait.total_seconds()


def _worded(code: str, faults: Any, web: AsyncWebClient) -> str:
    if code == "unknown_method":
        raise NotAsked(f"Slack at {web.base_url} does not know {METHOD}: nothing was looked at.")
    if not code.startswith("invalid_") or not isinstance(faults, list) or not faults:
        raise NotAsked(f"Slack does not look at it ({code}).")
    shown = [_fault(each) for each in faults[:_MOST_FAULTS]]
    more = len(faults) - len(shown)
    return "; ".join([*shown, *([f"{more} more"] if more else [])])


def _fault(fault: Any) -> str:
    if not isinstance(fault, dict):
        return str(fault)
    return f"{fault.get('pointer') or '/'}: {fault.get('message') or fault.get('code')}"
