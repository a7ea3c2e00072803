"""Payload encryption: decrypted with every configured key and with no other."""

import base64
import dataclasses
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import ActivitySerializationContext, WorkflowSerializationContext
from temporalio.exceptions import ApplicationError
from temporalio.worker import WorkflowInstance

from bot.encryption import (
    UNSEALED,
    EncryptionCodec,
    Key,
    Undecryptable,
    encryption_keys,
    is_refused,
    refused_keys,
    restored,
)
from bot.errors import FORGERIES, Forgery
from bot.seal_guard import SealGuard
from bot.settings import Temporal
from bot.temporal import data_converter
from workflows.activity_options import UNSEALED_RESULT

OLD, NEW = Key("k1", b"o" * 32), Key("k2", b"n" * 32)
CLEAR = Payload(metadata={"encoding": b"json/plain"}, data='"LINE ID ください"'.encode())


async def sealed_with(*keys: Key) -> Payload:
    """`CLEAR` as Temporal stores it."""
    return (await EncryptionCodec(keys).encode([CLEAR]))[0]


async def test_a_payload_comes_back_as_it_was() -> None:
    """With its metadata; only the key's id is stored unencrypted."""
    stored = await sealed_with(NEW)
    assert await EncryptionCodec([NEW]).decode([stored]) == [CLEAR]
    assert stored.metadata == {"encoding": b"binary/encrypted", "encryption-key-id": b"k2"}
    assert "ください".encode() not in stored.SerializeToString()


async def test_the_same_payload_is_sealed_differently_each_time() -> None:
    """A repeated nonce would reveal both."""
    assert (await sealed_with(NEW)).data != (await sealed_with(NEW)).data


async def test_the_old_key_reads_while_the_new_one_encrypts() -> None:
    """During a rotation the new key comes first, then the old one."""
    stored = await sealed_with(OLD)
    both = EncryptionCodec([NEW, OLD])
    assert await both.decode([stored]) == [CLEAR]
    assert (await both.encode([CLEAR]))[0].metadata["encryption-key-id"] == b"k2"


async def test_a_key_that_is_gone_is_named() -> None:
    """The error has the missing key and its setting."""
    stored = await sealed_with(OLD)
    with pytest.raises(Undecryptable) as missing:
        await EncryptionCodec([NEW]).decode([stored])
    assert str(missing.value) == (
        "Temporal holds data that was encrypted with the key 'k1': "
        "add it to KOBAN_TEMPORAL__ENCRYPTION_KEYS."
    )


async def test_another_key_under_the_same_id_is_named() -> None:
    """Nothing is refused because of a wrong setting: the message waits for the right key."""
    with pytest.raises(Undecryptable) as wrong:
        await EncryptionCodec([Key("k1", b"x" * 32)]).decode([await sealed_with(OLD)])
    assert str(wrong.value) == (
        "Temporal holds data that the key 'k1' does not open: "
        "KOBAN_TEMPORAL__ENCRYPTION_KEYS has another key under that id."
    )


@pytest.mark.parametrize("broken", ["changed", "cut"])
async def test_a_changed_payload_is_refused(broken: str) -> None:
    """Manipulated bytes are for nobody."""
    stored = await sealed_with(OLD)
    last = bytes([stored.data[-1] ^ 1])
    stored.data = stored.data[:-1] + last if broken == "changed" else stored.data[:20]
    with pytest.raises(ApplicationError) as refused:
        await EncryptionCodec([OLD]).decode([stored])
    assert refused.value.type == UNSEALED


def test_nothing_is_encrypted_without_a_key() -> None:
    """Payloads are encrypted exactly when a key is set."""
    assert data_converter(Temporal()).payload_codec is None


def test_a_key_and_its_codec_do_not_show_their_bytes() -> None:
    """Logs and tracebacks do not contain them."""
    shown = f"{NEW!r} {EncryptionCodec([NEW])!r} {vars(EncryptionCodec([NEW]))}"
    assert "nnnn" not in shown


HERE, THERE = (WorkflowSerializationContext("default", name) for name in ("case/a", "case/b"))
BEFORE, AFTER = datetime(2026, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


async def test_a_payload_is_bound_to_its_workflow() -> None:
    """A copy of its bytes is refused elsewhere, and its own activities read it."""
    codec = EncryptionCodec([NEW])
    stored = await codec.with_context(HERE).encode([CLEAR])
    activity = ActivitySerializationContext(
        namespace="default",
        activity_id="1",
        activity_type="record",
        activity_task_queue="koban",
        workflow_id="case/a",
        workflow_type="CaseWorkflow",
        is_local=False,
    )
    assert await codec.with_context(activity).decode(stored) == [CLEAR]
    elsewhere = [
        THERE,
        WorkflowSerializationContext("other", "case/a"),
        dataclasses.replace(activity, workflow_id=None, workflow_type=None),
    ]
    for context in elsewhere:
        with pytest.raises(ApplicationError) as refused:
            await codec.with_context(context).decode(stored)
        assert (refused.value.type, refused.value.non_retryable) == (UNSEALED, True)


async def test_a_scheduled_report_is_bound_to_its_schedule() -> None:
    """Temporal appends the time to the id of the workflow that a schedule starts."""
    codec = EncryptionCodec([NEW])
    planned = WorkflowSerializationContext("default", "report/daily")
    started = WorkflowSerializationContext("default", "report/daily-2026-11-29T00:00:00Z")
    stored = await codec.with_context(planned).encode([CLEAR])
    assert await codec.with_context(started).decode(stored) == [CLEAR]


async def test_plain_payloads_are_read_until_a_set_time() -> None:
    """The time is set when keys are introduced under running cases."""
    assert await EncryptionCodec([NEW], unsealed_until=AFTER).decode([CLEAR]) == [CLEAR]
    for codec in (EncryptionCodec([NEW]), EncryptionCodec([NEW], unsealed_until=BEFORE)):
        with pytest.raises(ApplicationError) as refused:
            await codec.decode([CLEAR])
        assert refused.value.type == UNSEALED


async def test_a_workflow_gets_a_mark_instead_of_an_error() -> None:
    """An error would fail its task without end; nothing can convert the mark."""
    codec = EncryptionCodec([NEW]).for_workflows()
    sealed_there = await codec.with_context(THERE).encode([CLEAR])
    marked = await codec.with_context(HERE).decode([CLEAR, *sealed_there])
    assert [is_refused(each) for each in marked] == [True, True]
    assert [restored(each) for each in marked] == [CLEAR, None]


async def test_a_key_that_nobody_has_can_be_named_as_refused() -> None:
    """Otherwise a forged payload with a made-up key would make its case wait for that key."""
    stored = await sealed_with(Key("made-up", b"m" * 32))
    with pytest.raises(Undecryptable):
        await EncryptionCodec([NEW]).decode([stored])
    setting = SecretStr(f"k2:{base64.b64encode(NEW.secret).decode()},made-up:refused")
    assert encryption_keys(setting) == (NEW,)
    with pytest.raises(ApplicationError):
        await EncryptionCodec([NEW], refused_keys(setting)).decode([stored])


GUARDED = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(("at", "replaying"), [(BEFORE, False), (BEFORE, True), (AFTER, False)])
async def test_a_replay_decides_by_the_time_of_its_task(at: datetime, replaying: bool) -> None:
    """A plain signal is accepted before the set time, and dropped after it."""
    inner = Inner()
    act = WorkflowActivation(run_id="r", is_replaying=replaying)
    act.timestamp.FromDatetime(at.replace(tzinfo=None))
    codec = EncryptionCodec([NEW]).for_workflows().with_context(HERE)
    (marked,) = await codec.decode([CLEAR])
    act.jobs.add().signal_workflow.input.append(marked)
    SealGuard(inner, GUARDED).activate(act)
    kept = [list(job.signal_workflow.input) for job in inner.jobs]
    assert kept == ([[CLEAR]] if at is BEFORE else [])


async def test_a_forged_result_becomes_a_failure() -> None:
    """The activity is called again (`workflows.activity_options`)."""
    inner = Inner()
    act = WorkflowActivation(run_id="r")
    codec = EncryptionCodec([NEW]).for_workflows().with_context(HERE)
    (marked,) = await codec.decode([CLEAR])
    act.jobs.add().resolve_activity.result.completed.result.CopyFrom(marked)
    before = FORGERIES[Forgery.UNSEALED]
    SealGuard(inner, None).activate(act)
    assert FORGERIES[Forgery.UNSEALED] == before + 1
    failure = inner.jobs[0].resolve_activity.result.failed.failure
    assert failure.cause.application_failure_info.type == UNSEALED_RESULT


async def test_a_refused_start_fails_its_task_only_in_a_replay() -> None:
    """An earlier setting accepted it: the workflow must not end because of a changed setting."""
    for replaying, ends in ((False, True), (True, False)):
        act = WorkflowActivation(run_id="r", is_replaying=replaying)
        act.jobs.add().initialize_workflow.SetInParent()
        inner = Inner()
        completion = SealGuard(inner, None).activate(act)
        assert inner.jobs == []
        assert completion.HasField("failed") is not ends
        commands = [each.WhichOneof("variant") for each in completion.successful.commands]
        assert commands == (["fail_workflow_execution"] if ends else [])


class Inner(WorkflowInstance):
    """Workflow instance that keeps the jobs it gets."""

    def __init__(self) -> None:
        self.jobs: list[WorkflowActivationJob] = []

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        self.jobs = list(act.jobs)
        return WorkflowActivationCompletion(run_id=act.run_id)

    def get_info(self) -> SimpleNamespace:
        return SimpleNamespace(workflow_id="case/a")

    def get_thread_id(self) -> None:
        return None

    def get_serialization_context(self, command_info: object) -> None:
        return None

    def get_external_store_context(self, command_info: object) -> None:
        return None
