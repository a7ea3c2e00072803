"""Forged and replayed messages at Temporal and in the ledger: each is refused without an effect."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RawValue
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.ledger.database import Database
from activities.ledger.schema import cases
from activities.signatures import Proofs
from bot.ledger import signer_of
from bot.settings import Settings
from bot.temporal import open_client
from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.screen import controls
from tests.environment import Environment, koban, work
from tests.stories.test_a_shift import case_of, lure
from tests.timeouts import RPC_TIMEOUT
from workflows.client import Cases
from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import Proof, Terms
from workflows.domain.ids import closed_workflow_id, enforcement_workflow_id
from workflows.domain.people import Actor, Role
from workflows.domain.values import Text
from workflows.enforcement_workflow import EnforcementWorkflow
from workflows.inputs import EnforcementStart, Job

SEAL, SIGN, NEXT = (
    f"{name}:{base64.b64encode(name[0].encode() * 32).decode()}" for name in ("e1", "s1", "n2")
)
LEAD = Actor(id="U0TANAKA", roles=frozenset({Role.LEAD}))


@pytest.fixture
async def sealed(temporal: str, tmp_path: Path) -> AsyncIterator[Environment]:
    """A Koban with encryption and signing keys."""
    keys = {"encryption_keys": SEAL, "signing_keys": SIGN}
    async with koban(temporal, tmp_path, of_temporal=keys) as made:
        yield made


@pytest.fixture
async def signed(temporal: str, tmp_path: Path) -> AsyncIterator[Environment]:
    """A Koban with signing keys only."""
    async with koban(temporal, tmp_path, of_temporal={"signing_keys": SIGN}) as made:
        yield made


async def intruder(env: Environment) -> Client:
    """Somebody who reaches Temporal, and has no key."""
    where = env.settings.temporal
    return await Client.connect(
        where.address, namespace=where.namespace, data_converter=pydantic_data_converter
    )


async def opened(env: Environment) -> tuple[Person, object, str, str]:
    """Sato, the card, the case and its workflow id."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    return sato, card, case, str(controls(card)[0].block_id)


def ban(case: str, decision: str = "D1") -> EnforcementStart:
    """A permanent ban that nobody decided."""
    user = Subject(type="user", id="u_123")
    terms = Terms(
        title=Text(ja="停止", en="Ban"),
        deadline=timedelta(hours=1),
        verified=False,
        undoable=True,
    )
    proof = Proof(playbook="off_platform", policy="x", by=LEAD.id, approvers=("U0TANAKA", "U0REED"))
    job = Job(planned=PlannedAction(action="permanent_ban", subject=user), terms=terms, proof=proof)
    return EnforcementStart(
        case=case,
        workflow_id=closed_workflow_id(case),
        decision=decision,
        actor=LEAD.id,
        jobs=(job,),
    )


def press(case: str, press_id: str = "forged") -> cmd.Click:
    """A claim in a lead's name, with a grant of roles."""
    return cmd.Click(
        id=press_id,
        case=case,
        command=cmd.Claim(by=LEAD),
        place=cmd.Place(channel="C0LIVE"),
        grant=cmd.Grant(roles=(Role.LEAD,), as_of=datetime.now(UTC)),
    )


async def claimed_later(env: Environment, sato: Person, card: object, case: str) -> None:
    """Claims the case, which proves that its workflow still works."""
    await sato.press(card, "担当する")  # type: ignore[arg-type]
    await env.wait_kind(case, "case_claimed")


async def test_an_unsealed_press_is_dropped(sealed: Environment) -> None:
    """The case goes on, and has no event of the forged press."""
    sato, card, case, workflow_id = await opened(sealed)
    handle = (await intruder(sealed)).get_workflow_handle(workflow_id)
    await handle.signal("click", press(case))
    await handle.signal("click")
    await claimed_later(sealed, sato, card, case)
    rows = await sealed.queries.events_of(case)
    assert [row["actor"] for row in rows if row["kind"] == "case_claimed"] == ["U0SATO"]


async def test_an_unsealed_case_ends_before_its_first_line(sealed: Environment) -> None:
    """Its start is refused; a real alert of the group then opens the case."""
    client = await intruder(sealed)
    forged = await client.start_workflow(
        "CaseWorkflow", {"workflow_id": "case/x"}, id="case/x", task_queue="koban"
    )
    empty = await client.start_workflow("CaseWorkflow", id="case/y", task_queue="koban")
    for handle in (forged, empty):
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    assert await sealed.changes() == []
    sato, card, case, _ = await opened(sealed)
    await claimed_later(sealed, sato, card, case)


async def test_a_sealed_press_of_one_case_is_nothing_in_another(sealed: Environment) -> None:
    """The seal is bound to the workflow's id: a copy of its bytes is dropped elsewhere."""
    sato, card, case, workflow_id = await opened(sealed)
    await claimed_later(sealed, sato, card, case)
    raw = await _signal_payloads(sealed, workflow_id)
    client = await intruder(sealed)
    other = await client.start_workflow("StormWorkflow", raw, id="storm/x", task_queue="koban")
    with pytest.raises(WorkflowFailureError):
        await other.result()
    again = client.get_workflow_handle(workflow_id)
    await again.signal("click", raw)  # the same case has seen it
    await sato.press(await sato.wait_text(card, "佐藤"), "24時間コメント制限")  # type: ignore[arg-type]
    await sealed.wait_kind(case, "case_closed")
    assert (await sealed.kinds(case)).count("case_claimed") == 1
    assert await sealed.changes() == [("POST", "users/u_123/mutes")]


async def test_a_press_copied_into_a_second_live_case_is_dropped(sealed: Environment) -> None:
    """The seal is that of another case, which goes on."""
    sato, card, case, workflow_id = await opened(sealed)
    await claimed_later(sealed, sato, card, case)
    raw = await _signal_payloads(sealed, workflow_id)
    await sealed.happens(lure(2, person="u_456"))
    second, other = await case_of(sato, "u_456")
    other_id = str(controls(second)[0].block_id)
    assert (other != case, other_id != workflow_id) == (True, True)
    await (await intruder(sealed)).get_workflow_handle(other_id).signal("click", raw)
    await sato.press(second, "24時間コメント制限")
    await sealed.wait_kind(other, "case_closed")
    rows = await sealed.queries.events_of(other)
    assert [row["kind"] for row in rows if row["kind"] == "case_claimed"] == ["case_claimed"]
    assert await sealed.changes() == [("POST", "users/u_456/mutes")]


async def test_a_start_copied_into_another_workflow_id_makes_no_request(
    sealed: Environment,
) -> None:
    """Neither of a case nor of an enforcement: both are sealed for their own ids."""
    sato, card, case, workflow_id = await opened(sealed)
    await sato.press(card, "24時間コメント制限")  # type: ignore[arg-type]
    await sealed.wait_kind(case, "case_closed")
    made = await sealed.changes()
    assert made == [("POST", "users/u_123/mutes")]
    client = await intruder(sealed)
    enforced = next(iter([run.id async for run in client.list_workflows(ENFORCEMENTS)]))
    for source, type_, target in (
        (workflow_id, "CaseWorkflow", "case/copied"),
        (enforced, "EnforcementWorkflow", "enforcement/copied"),
    ):
        raw = await _start_payload(client, source)
        handle = await client.start_workflow(type_, raw, id=target, task_queue="koban")
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    assert await sealed.changes() == made


ENFORCEMENTS = "WorkflowType = 'EnforcementWorkflow'"


async def _start_payload(client: Client, workflow_id: str) -> RawValue:
    """The stored bytes of a start."""
    async for event in client.get_workflow_handle(workflow_id).fetch_history_events():
        started = event.workflow_execution_started_event_attributes
        return RawValue(started.input.payloads[0])
    raise AssertionError("no history")


async def _signal_payloads(env: Environment, workflow_id: str) -> object:
    """The stored bytes of the case's last press."""
    client = await intruder(env)
    found = None
    async for event in client.get_workflow_handle(workflow_id).fetch_history_events():
        signal = event.workflow_execution_signaled_event_attributes
        if signal.signal_name == "click":
            found = signal.input.payloads[0]
    assert found is not None
    return RawValue(found)


async def test_a_forged_enforcement_makes_no_request(signed: Environment) -> None:
    """It is refused for its signature, and the case has an event that says so."""
    _, _, case, _ = await opened(signed)
    client = await intruder(signed)
    start = ban(case).model_copy(update={"workflow_id": await _place(signed, case)})
    handle = await client.start_workflow(
        EnforcementWorkflow.run,
        start,
        id=enforcement_workflow_id(case, "D9"),
        task_queue="koban",
    )
    assert (await handle.result()).unproven is True
    await signed.wait_kind(case, "enforcement_refused")
    assert await signed.changes() == []


@pytest.mark.parametrize(("age", "refused"), [(timedelta(hours=25), True), (timedelta(0), False)])
async def test_an_old_start_of_an_enforcement_is_refused(
    signed: Environment, age: timedelta, refused: bool
) -> None:
    """A copy with a real signature is of use for a day only."""
    _, _, case, _ = await opened(signed)
    proofs = Proofs(signer_of(signed.settings.temporal), now=lambda: datetime.now(UTC) - age)
    user = Subject(type="user", id="u_123")
    planned = PlannedAction(action="mute_user", subject=user, lasts=timedelta(hours=1))
    (job,) = ban(case).jobs
    proof = proofs.signed(case, "D9", planned, job.proof)
    start = ban(case, "D9").model_copy(
        update={
            "jobs": (job.model_copy(update={"planned": planned, "proof": proof}),),
            "workflow_id": await _place(signed, case),
        }
    )
    handle = await (await intruder(signed)).start_workflow(
        EnforcementWorkflow.run, start, id="enforcement/copied", task_queue="koban"
    )
    if refused:
        assert (await handle.result()).unproven is True
        assert await signed.changes() == []
    else:
        await wait_until(signed.changes, what="the change")
        assert await signed.changes() == [("POST", "users/u_123/mutes")]


async def _place(env: Environment, case: str) -> str:
    row = await env.queries.case(case)
    assert row is not None
    return str(row["workflow_id"])


async def test_a_changed_enforcement_makes_no_request(signed: Environment) -> None:
    """A real signature does not fit another action, subject, approver or direction."""
    proofs = Proofs(signer_of(signed.settings.temporal))
    (job,) = ban("K7Q2F9XM0").jobs
    real = proofs.signed("K7Q2F9XM0", "D1", job.planned, job.proof)
    assert proofs.holds("K7Q2F9XM0", "D1", job.planned, real)
    other = PlannedAction(action="permanent_ban", subject=Subject(type="user", id="u_9"))
    for case, decision, planned, proof in (
        ("K0", "D1", job.planned, real),
        ("K7Q2F9XM0", "D2", job.planned, real),
        ("K7Q2F9XM0", "D1", other, real),
        ("K7Q2F9XM0", "D1", job.planned, real.model_copy(update={"approvers": ("U0REED",)})),
        ("K7Q2F9XM0", "D1", job.planned, real.model_copy(update={"policy": "y"})),
        ("K7Q2F9XM0", "D1", job.planned, real.model_copy(update={"dry_run": True})),
        ("K7Q2F9XM0", "D1", job.planned, real.model_copy(update={"signature": ""})),
    ):
        assert not proofs.holds(case, decision, planned, proof)


async def test_a_changed_snapshot_reopens_nothing(signed: Environment) -> None:
    """An undo of a case whose snapshot was changed in the ledger has no effect."""
    sato, card, case, workflow_id = await opened(signed)
    await sato.press(card, "24時間コメント制限")  # type: ignore[arg-type]
    card = await sato.wait_text(card, "完了")  # type: ignore[arg-type]
    await signed.client.get_workflow_handle(workflow_id).result()
    database = Database(signed.settings.ledger.url.get_secret_value())
    where = cases.c.id == case

    snapshot = await database.scalar(sa.select(cases.c.snapshot).where(where))
    changed = {**snapshot, "case": {**snapshot["case"], "watchers": ["U0MALLORY"]}}
    await database.execute(sa.update(cases).where(where).values(snapshot=changed))
    await database.aclose()
    await sato.press(card, "action.undo")
    await sato.until(lambda: sato.ephemerals("ts-live"), what="the refusal")
    assert await signed.changes() == [("POST", "users/u_123/mutes")]
    assert "undo_requested" not in await signed.written_kinds(case)
    assert await signed.findings() == (
        f"{case}: its snapshot is not signed by Koban.",
        f"{case}: its snapshot says otherwise than its events: watchers.",
    )


async def test_keys_are_rotated_under_an_open_case(temporal: str, tmp_path: Path) -> None:
    """The old keys still verify while the new ones write; then the old ones are removed."""
    first = {"encryption_keys": f"{SEAL},{NEXT}", "signing_keys": f"{SIGN},{NEXT}"}
    async with koban(temporal, tmp_path, of_temporal=first, working=False) as env:
        async with work(env.settings):
            sato, card, case, workflow_id = await opened(env)
        async with work(_with(env, f"{NEXT},{SEAL}", f"{NEXT},{SIGN}")):
            await sato.press(card, "非表示と警告")  # type: ignore[arg-type]
            await env.client.get_workflow_handle(workflow_id).result()
        made = await env.changes()
        assert sorted(made) == [("POST", "messages/m_77/hide"), ("POST", "users/u_123/warnings")]
        new = _with(env, NEXT, NEXT)
        client = await open_client(new.temporal)
        cases_now = Cases(client, "koban", rpc_timeout=RPC_TIMEOUT)
        async with work(new):
            await cases_now.click(workflow_id, press(case))
            await client.get_workflow_handle(closed_workflow_id(case)).result()
        assert await env.changes() == made
        assert (await env.written_kinds(case)).count("case_claimed") == 1  # Sato's
        assert await env.findings() == ()


def _with(env: Environment, seal: str, sign: str) -> Settings:
    temporal = env.settings.temporal.model_copy(
        update={"encryption_keys": SecretStr(seal), "signing_keys": SecretStr(sign)}
    )
    return env.settings.model_copy(update={"temporal": temporal})
