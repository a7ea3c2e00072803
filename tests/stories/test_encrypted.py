"""Payload encryption: the raw payloads that Temporal stores."""

import base64
from functools import partial
from pathlib import Path

from bot.settings import Temporal
from bot.temporal import encryption_problem, open_client
from deploy.sandbox.slack.screen import controls
from tests.environment import Environment, koban
from tests.stories.test_a_shift import LURE, case_of, lure
from tests.timeouts import answered
from workflows.client import Cases

K1, K2, K3 = (
    f"{name}:{base64.b64encode(name.encode() * 16).decode()}" for name in ["k1", "k2", "k3"]
)
"""Three keys, each of 32 bytes."""


async def stored(env: Environment) -> bytes:
    """Raw bytes of every history in the environment's namespace."""
    raw = b""
    async for found in env.client.list_workflows():
        handle = env.client.get_workflow_handle(found.id, run_id=found.run_id)
        raw += b"".join([e.SerializeToString() async for e in handle.fetch_history_events()])
    return raw


def reading(env: Environment, keys: str | None) -> Temporal:
    """The Temporal client with other keys."""
    return Temporal(
        address=env.settings.temporal.address,
        namespace=env.settings.temporal.namespace,
        encryption_keys=keys,
    )


async def test_temporal_stores_no_plain_text(temporal: str, tmp_path: Path) -> None:
    """Neither payloads nor failures have evidence, subjects, people or reasons."""
    async with koban(temporal, tmp_path, of_temporal={"encryption_keys": K1}) as env:
        sato = await env.person("U0SATO")
        env.sandbox.faults.set("platform_500", True)
        await env.happens(lure())
        card, case = await case_of(sato)
        await sato.press(card, "24時間コメント制限")
        await sato.wait_text(card, "再試行")
        env.sandbox.faults.set("platform_500", False)
        await sato.wait_text(card, "完了")
        await env.wait_kind(case, "case_closed")
        raw = await stored(env)
        assert len(raw) > 10_000
        for clear in (LURE, "LINE", "u_123", "U0SATO", "mute_user", "off_platform"):
            assert clear.encode() not in raw.replace(b"case/off_platform/", b""), clear
        assert b"Encoded failure" in raw
        assert b"Traceback" not in raw
        assert await env.changes() == [
            ("POST", "users/u_123/mutes"),
        ]


async def test_without_keys_plain_text_is_found(env: Environment) -> None:
    """This proves that the search finds unencrypted texts."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    await case_of(sato)
    assert LURE.encode() in await stored(env)


async def test_keys_are_rotated_under_an_open_case(temporal: str, tmp_path: Path) -> None:
    """The old key still decrypts; without it the error names the missing key."""
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    async with koban(temporal, tmp_path / "before", of_temporal={"encryption_keys": K1}) as env:
        sato = await env.person("U0SATO")
        await env.happens(lure())
        card, _ = await case_of(sato)
        workflow_id = controls(card)[0].block_id
        both = await open_client(reading(env, f"{K2},{K1}"))
        memory = await answered(partial(Cases(both, "koban").memory, workflow_id))
        assert memory is not None
        assert memory.case is not None
        assert memory.case.subject.key == "user:u_123"
        assert await encryption_problem(both) is None
        for keys, sentence in (
            (
                K3,
                "Temporal holds data that was encrypted with the key 'k1': "
                "add it to KOBAN_TEMPORAL__ENCRYPTION_KEYS.",
            ),
            (
                None,
                "Temporal holds encrypted data: set KOBAN_TEMPORAL__ENCRYPTION_KEYS to its keys.",
            ),
        ):
            assert await encryption_problem(await open_client(reading(env, keys))) == sentence
