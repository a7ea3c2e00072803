"""Backtest against reality: the same alerts through a running Koban and through a backtest."""

import json
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from activities.backtest.assessment import Assessor, Handling, read, whole
from activities.backtest.player import OpenCase, Player, moment
from activities.ledger.database import Database
from activities.ledger.rows import recorded_of
from activities.ledger.schema import alert_records, automatic_actions, cases, events
from activities.policy.loader import load_policy
from deploy.sandbox.app import POLICY
from deploy.sandbox.slack.person import wait_until
from deploy.sandbox.traffic.alerts import Json, alert, message, stream, user
from tests.environment import Environment, koban, scene
from tests.stories.test_bands import TRIAL
from workflows.domain.case import events as ev
from workflows.domain.case.automation import Booked, Booking
from workflows.domain.case.commands import ChoosePreset
from workflows.domain.case.decide import decide
from workflows.domain.case.events import Recorded
from workflows.domain.case.refusals import Refusal
from workflows.domain.people import Actor, Role

BANDS = (
    "sample: {auto: 10%, log: 20%}\n"
    "breaker: {window: 1h, floor: 5000, subjects: 24}\n"
    "silence: {after: no_violation, until: changed, at_most: 7d}\n"
)
Told = tuple[Any, ...]
Lost = dict[str, dict[int, bool]]
"""Bookings without an answer by the case's first alert; True if the ledger counted them."""
FEW = 5
"""Cases that may differ because of a lost answer."""


# Two minutes with nothing beside it; thousands of workflows share a busy machine.
@pytest.mark.timeout(2_400)
@pytest.mark.parametrize("count", [200, pytest.param(2_000, marks=pytest.mark.long)])
async def test_a_backtest_equals_reality(temporal: str, tmp_path: Path, count: int) -> None:
    """Cases, severities, automatic actions, approvals and records are the same, event by event."""
    policy = a_policy(tmp_path / "policy")
    played = Played(policy)
    async with koban(temporal, tmp_path, policy=policy) as env:
        for alerts in rounds(count):
            await happen(env, alerts)
            played.play(alerts)
            await wait_until(lambda: become_same(env, played), what="the same events")
        await decide_by_people(env, played)
        assert await told_of(env) == played.told
        assert await records_of(env) == played.records
        assert await env.findings() == ()
    assert [each.cause for each in played.counts.trips] == ["subjects"]
    kinds = {told[0] for case in played.told.values() for told in case}
    assert kinds == {
        "case_opened",
        "alert_joined",
        "sampled",
        "auto_decided",
        "decided",
        "approval_requested",
        "case_closed",
        "protection_started",
        "protection_withheld",
    }


def a_policy(folder: Path) -> Path:
    """The example policy with a playbook in shadow mode; none of its times end during the test."""
    policy = Path(shutil.copytree(POLICY, folder))
    (policy / "playbooks" / "trial.yaml").write_text(TRIAL, "utf-8")
    own = policy / "playbooks" / "off_platform.yaml"
    later = own.read_text("utf-8").replace("message, for: 15m", "message, for: 24h")
    own.write_text(later.replace("after: 10m", "after: 23h"), "utf-8")
    banded = policy / "playbooks" / "spam.yaml"
    written = banded.read_text("utf-8")
    banded.write_text(written[: written.index("sample:")] + BANDS, "utf-8")
    phishing = policy / "playbooks" / "phishing.yaml"
    harsher = phishing.read_text("utf-8").replace("actions: [warn]", "actions: [permanent_ban]")
    phishing.write_text(harsher, "utf-8")
    return policy


def rounds(count: int) -> Iterator[list[Json]]:
    """Alerts in rounds in which each case has one at most: their order does not matter.

    Automatic decisions follow one by one in the end, where their order decides which one trips the
    breaker.
    """
    chance = random.Random(7)
    times = (datetime.now(UTC) + timedelta(milliseconds=10 * each) for each in range(count * 2))
    number = 0
    while number < count:
        subjects = chance.sample(range(80), k=80)[: min(80, count - number)]
        yield [an_alert(number + i, each, chance, next(times)) for i, each in enumerate(subjects)]
        number += len(subjects)
    for number in range(26):
        yield [spam(f"last-{number}", f"u_last{number}", 0.99, next(times))]


KINDS = ("off_platform", "spam", "phishing", "harassment", "off_platform", "spam")


def an_alert(number: int, subject: int, chance: random.Random, at: datetime) -> Json:
    """An alert about the subject, whose kind is always the same."""
    kind = KINDS[subject % len(KINDS)]
    person = f"u_{kind}{subject}"
    if kind == "spam":
        # Few are certain: the breaker must not trip before the end.
        score = 0.99 if number % 240 == 1 else round(chance.uniform(0.3, 0.97), 3)
        return spam(f"spam-{number}", person, score, at)
    return alert(
        f"{kind}-{number}",
        kind,
        ("user", person),
        ("検知", "Alert"),
        score=round(chance.uniform(0.4, 1.0), 3),
        text="LINEで直接お取引しましょう",
        related=(("stream", f"s_{subject}"), ("message", f"m_{subject}")),
        at=at,
        viewers=chance.choice((40, 2400)),
    )


def spam(id_: str, person: str, score: float, at: datetime) -> Json:
    """An alert of chat spam."""
    message_id = f"m_{person}"
    made = alert(
        id_,
        "spam",
        ("user", person),
        ("検知", "Alert"),
        score=score,
        related=(("message", message_id),),
        at=at,
    )
    return {**made, "detector": "spam"}


async def happen(env: Environment, alerts: Sequence[Json]) -> None:
    """Sends alerts about things that the marketplace has."""
    things = []
    for each in alerts:
        things.append(user(each["subject"]["id"]))
        for other in each["related"]:
            made = (
                message(other["id"], "text", each["subject"]["id"])
                if other["type"] == "message"
                else stream(other["id"], "ライブ配信", "u_host", 100)
            )
            things.append(made)
    # A request is of one detector.
    for detector in ("spam", None):
        own = [each for each in alerts if each.get("detector") == detector]
        results = await env.happens(scene(own, things))
        assert [each for each in results if each["result"] != "accepted"] == []


# -- the backtest ---------------------------------------------------------------------------


class Played(Player):
    """A backtest that keeps the events of each case by the key of its first alert."""

    def __init__(self, policy: Path) -> None:
        folder = load_policy(policy)
        super().__init__({name: folder.policy_for(name) for name in folder.playbooks}, self._keep)
        self._assessor = Assessor(folder)
        self._folder = folder
        self._sent: list[Json] = []
        self._bookings: Counter[str] = Counter()
        self.lost: Lost = {}
        self.told: defaultdict[str, list[Told]] = defaultdict(list)
        self.records: set[Told] = set()

    def play_again(self, lost: Lost) -> None:
        """Plays everything again, with the bookings that the ledger answered too late."""
        policies = {name: self._folder.policy_for(name) for name in self._folder.playbooks}
        super().__init__(policies, self._keep)
        sent, self._sent = self._sent, []
        self.told, self.records = defaultdict(list), set()
        self._bookings, self.lost = Counter(), lost
        self.play(sent)

    def play(self, alerts: Iterable[Json]) -> None:
        """Plays alerts as they are sent."""
        self._sent += alerts
        for each in alerts:
            body = json.dumps(each, ensure_ascii=False)
            found = read(body)
            assert found is not None
            placed = self._assessor.place(found)
            assert placed is not None
            assessed = placed.assessed
            own = () if assessed.handling is not Handling.LOGGED else (assessed.playbook,)
            self.records |= {("alert_logged", found.key, name) for name in own}
            self.records |= {("shadow_decided", found.key, name) for name in assessed.shadows}
            at = datetime.fromisoformat(each["occurred_at"]).timestamp()
            self.take(at, assessed, placed.group, body)

    def person_decides(self, group: str, person: str, preset: str) -> None:
        """A press on the button of a preset."""
        case = self.open[group]
        now = moment(case.opened_at + 1)
        known = self.domain_case(case, now)
        by = Actor(id=person, roles=frozenset({Role.SPECIALIST}))
        outcome = decide(known, ChoosePreset(by=by, preset=preset, version=known.version), now)
        assert not isinstance(outcome, Refusal)
        self._keep(case, outcome)

    def _book(self, case: OpenCase, booking: Booking) -> Booked | None:
        number = self._bookings[_first(case)]
        self._bookings[_first(case)] += 1
        lost = self.lost.get(_first(case), {})
        if number not in lost:
            return super()._book(case, booking)
        if lost[number]:
            super()._book(case, booking)  # in time for the breaker, and too late for the case
        return None

    def _open(self, *given: Any) -> OpenCase:
        case = super()._open(*given)
        opened = whole(case.first)
        assert opened is not None
        self.told[opened.key].append(
            ("case_opened", case.severity.value, opened.subject.key, opened.key)
        )
        return case

    def _join(self, case: OpenCase, at: float, assessed: Any, group: str, body: str) -> None:
        super()._join(case, at, assessed, group, body)
        joined = read(body)
        assert joined is not None
        self.told[_first(case)].append(("alert_joined", case.severity.value, joined.key))

    def _keep(self, case: OpenCase, happened: Iterable[ev.Event]) -> None:
        told = self.told[_first(case)]
        told += filter(None, map(said, happened))
        if any(each[0] == "auto_decided" for each in told):
            told.append(("case_closed", "violation"))


def _first(case: OpenCase) -> str:
    alert = whole(case.first)
    assert alert is not None
    return alert.key


# -- reality --------------------------------------------------------------------------------


def said(event: ev.Event) -> Told | None:
    """What a backtest says of an event too: without times and ids; None for others."""
    match event:
        case ev.CaseOpened():
            told: Told = (event.severity.value, event.subject.key, event.alert.key)
        case ev.AlertJoined():
            told = (event.severity.value, event.alert.key)
        case ev.Sampled():
            told = (event.of.value, event.preset, event.alert_key)
        case ev.AutoDecided():
            told = (event.preset, event.alert_key)
        case ev.Decided():
            actions = [each.planned for each in event.actions]
            planned = tuple((each.action, each.subject.key, each.lasts) for each in actions)
            told = (event.decision.verdict.value, event.decision.detectors, planned)
        case ev.ProtectionStarted():
            action = event.action.planned
            told = (event.rule, event.detectors, action.action, action.subject.key, action.lasts)
        case ev.ProtectionWithheld():
            told = (event.rules, event.auto, event.pause is not None, event.limit is not None)
        case ev.ApprovalRequested():
            told = (event.approval.purpose.value, tuple(n.role for n in event.approval.needs))
        case ev.CaseClosed():
            told = (event.verdict.value,)
        case _:
            return None
    return (event.kind, *told)


async def told_of(env: Environment) -> dict[str, list[Told]]:
    """The events of all cases in the ledger, by the key of the first alert."""
    database = Database(env.settings.ledger.url.get_secret_value())
    rows = await database.rows(sa.select(events).order_by(events.c.case_id, events.c.seq))
    await database.aclose()
    by_case: defaultdict[str, list[Told]] = defaultdict(list)
    for row in rows:
        told = said(recorded_of(row, Recorded).event)
        if told is not None:
            by_case[row["case_id"]].append(told)
    return {each[0][3]: each for each in by_case.values()}


async def records_of(env: Environment) -> set[Told]:
    """The records of alerts without a case."""
    database = Database(env.settings.ledger.url.get_secret_value())
    rows = await database.rows(sa.select(alert_records))
    await database.aclose()
    return {(r["kind"], f"{r['detector']}/{r['alert_id']}", r["playbook"]) for r in rows}


async def is_same(env: Environment, played: Played) -> bool:
    """Whether the ledger has what the backtest has."""
    return await told_of(env) == played.told and await records_of(env) == played.records


async def become_same(env: Environment, played: Played) -> bool:
    """Whether the ledger has what the backtest has.

    On a starved machine the ledger may answer a booking too late: the case leaves the decision to
    people then. The backtest gets the same lost answers.
    """
    if await is_same(env, played):
        return True
    told = await told_of(env)
    differ = [key for key, own in played.told.items() if told.get(key) != own]
    if len(differ) <= FEW:
        lost = {**played.lost, **await lost_of(env, differ)}
        if lost != played.lost:
            played.play_again(lost)
    return False


async def lost_of(env: Environment, firsts: Iterable[str]) -> Lost:
    """The lost answers of cases, from their histories at Temporal."""
    database = Database(env.settings.ledger.url.get_secret_value())
    opened = sa.select(events.c.case_id, events.c.data).where(events.c.seq == 1)
    ids = {r["data"]["alert"]["key"]: r["case_id"] for r in await database.rows(opened)}
    lost: Lost = {}
    for first in set(firsts) & ids.keys():
        own = cases.c.id == ids[first]
        workflow_id = await database.scalar(sa.select(cases.c.workflow_id).where(own))
        counted = automatic_actions.c.case_id == ids[first]
        is_counted = await database.scalar(sa.select(sa.func.count()).where(counted))
        history = await env.client.get_workflow_handle(workflow_id).fetch_history()
        late = late_bookings(history.events)
        if late:
            lost[first] = dict.fromkeys(late, bool(is_counted))
    await database.aclose()
    return lost


def late_bookings(history: Sequence[Any]) -> list[int]:
    """The numbers of the bookings, from 0, that timed out."""
    asked = [
        each.event_id
        for each in history
        if each.activity_task_scheduled_event_attributes.activity_type.name == "book"
    ]
    late = {each.activity_task_timed_out_event_attributes.scheduled_event_id for each in history}
    return [number for number, each in enumerate(asked) if each in late]


async def decide_by_people(env: Environment, played: Played) -> None:
    """Sato bans the subjects of the newest cases of phishing, which needs a lead."""
    sato = await env.person("U0SATO")
    groups = [group for group, case in played.open.items() if case.playbook == "phishing"][-3:]
    for group in groups:
        subject = group.rpartition(":")[2]
        card = await sato.wait_card("ts-market", subject)
        await sato.press(card, "case.preset.warn")
        played.person_decides(group, "U0SATO", "warn")
    await wait_until(lambda: is_same(env, played), what="the requests for approval")
