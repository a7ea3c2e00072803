"""Loss of a store: it is named, and `koban doctor --fix` restores it from the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from activities.ledger.database import Database, LedgerGone
from activities.ledger.schema import events, installation
from activities.signatures import Signer
from bot.cli.serve import open_app
from bot.cli.setup import repair
from bot.settings import Settings
from bot.stores import Stores
from bot.temporal import open_client
from deploy.sandbox.app import INGEST_SECRET
from deploy.sandbox.serve import serving
from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.screen import visible_text
from deploy.sandbox.traffic.sender import Sender
from tests.environment import Environment, fresh_namespace, koban, policies_of, work
from tests.stories.test_a_shift import case_of, lure
from tests.timeouts import LONG_TIMEOUTS
from workflows.client import Cases
from workflows.domain.ids import enforcement_workflow_id

LOST = "の Temporal 上の記録が失われています"


@pytest.fixture
async def before(temporal: str, tmp_path: Path) -> AsyncIterator[Environment]:
    """A Koban without a worker."""
    async with koban(temporal, tmp_path, working=False) as made:
        yield made


@asynccontextmanager
async def another_temporal(env: Environment, temporal: str) -> AsyncIterator[Settings]:
    """The same Koban with a Temporal that knows nothing: an empty namespace."""
    changed = {"namespace": await fresh_namespace(temporal)}
    of_temporal = env.settings.temporal.model_copy(update=changed)
    settings = env.settings.model_copy(update={"temporal": of_temporal})
    app = await open_app(env.opened, settings, policies_of(settings), LONG_TIMEOUTS)
    async with serving(app) as url:
        env.sandbox.workspace.bot_url = url
        env.sender = Sender(url, INGEST_SECRET, env.http)
        yield settings


async def named(settings: Settings) -> str | None:
    """The sentence of `koban doctor` about both stores."""
    client = await open_client(settings.temporal)
    database = Database(settings.ledger.url.get_secret_value())
    try:
        stores = Stores(client, "koban", database, policies_of(settings), Signer())
        return await stores.problems(writes=False)
    finally:
        await database.aclose()


def files_of(folder: Path) -> list[Path]:
    """The files of the ledger."""
    return list(folder.glob("koban.db*"))


def lines(output: str) -> list[str]:
    """The lines of a repair, without the log."""
    return [each for each in output.splitlines() if each.startswith(("fixed ", "left "))]


async def opened(env: Environment, number: int = 1, viewers: int = 240) -> tuple[Person, dict, str]:
    """An open case with its card, and its events in the ledger."""
    sato = await env.person("U0SATO")
    await env.happens(lure(number, viewers=viewers))
    card, case = await case_of(sato)
    await env.kinds(case)
    return sato, card, case


@pytest.mark.long
async def test_a_press_on_a_lost_case_says_so_and_works_after_the_repair(
    before: Environment, temporal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes on with its clocks, protection and card; a second repair changes nothing."""
    env = before
    async with work(env.settings):
        sato, card, case = await opened(env, viewers=2400)
        await env.wait_kind(case, "action_verified")
        kinds = await env.kinds(case)
        row = await env.queries.case(case)
        assert row is not None
        state = await env.cases.memory(row["workflow_id"])
        assert state is not None
        assert state.case is not None
    assert (await env.thing("messages", "m_77"))["hidden"] is True
    async with another_temporal(env, temporal) as settings, work(settings):
        await sato.press(card, "担当する")
        said = await sato.until(lambda: sato.ephemerals("ts-live"), what="the refusal")
        assert LOST in said[-1]["text"]
        await sato.press(card, "case.decide")
        said = await sato.until(lambda: _two_refusals(sato), what="the refusal of the modal")
        assert LOST in said[-1]["text"]
        assert await env.kinds(case) == kinds
        assert await named(settings) == (
            "Temporal is new, and the ledger has the cases of an earlier one: "
            f"run koban doctor --fix. Temporal lacks {case}: run koban doctor --fix."
        )
        assert await repair(settings) == 0
        said = lines(capsys.readouterr().out)
        assert said == [f"fixed     {case}: started again at Temporal"]
        client = await open_client(settings.temporal)
        again = await Cases(client, "koban").memory(row["workflow_id"])
        assert again is not None
        assert again.case is not None
        assert again.case.deadline == state.case.deadline
        assert again.card == state.card
        lift = client.get_workflow_handle(enforcement_workflow_id(case, "P1"))
        await wait_until(lambda: _runs(lift), what="the enforcement of the protection")
        assert await named(settings) is None
        assert await repair(settings) == 0
        assert lines(capsys.readouterr().out) == []
        await sato.press(card, "担当する")
        card = await sato.wait_text(card, "佐藤")
        await sato.press(card, "case.clear")
        await sato.wait_text(card, "完了")
        await wait_until(lambda: _shown(env), what="the end of the protection")
        assert len(await sato.cards("ts-live")) == 1
        await env.happens(lure(2))
        await wait_until(lambda: _two_cards(sato), what="the card of the next case")


async def _runs(handle: WorkflowHandle[Any, Any]) -> bool:
    try:
        return (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    except RPCError:
        return False


async def _shown(env: Environment) -> bool:
    return (await env.thing("messages", "m_77"))["hidden"] is False


async def _two_refusals(person: Person) -> list[dict[str, Any]] | None:
    found = await person.ephemerals("ts-live")
    return found if len(found) == 2 else None


async def _two_cards(person: Person) -> bool:
    return len(await person.cards("ts-live")) == 2


async def test_a_case_whose_group_has_a_new_one_goes_on_beside_it(
    before: Environment, temporal: str
) -> None:
    """The lost case runs under its own id, and each press finds its case."""
    env = before
    async with work(env.settings):
        sato, card, _ = await opened(env)
    async with another_temporal(env, temporal) as settings, work(settings):
        await env.happens(lure(2))
        await wait_until(lambda: _two_cards(sato), what="the card of the next case")
        assert await repair(settings) == 0
        await sato.press(card, "担当する")
        card = await sato.wait_text(card, "佐藤")
        others = [each for each in await sato.cards("ts-live") if each["ts"] != card["ts"]]
        assert "佐藤" not in visible_text(others[0])
        assert await named(settings) is None


async def facts(env: Environment, case: str) -> list[tuple[object, ...]]:
    """The events of a case without salts and hashes, which are new."""
    names = ("seq", "at", "kind", "actor", "data")
    return [tuple(each[name] for name in names) for each in await env.queries.events_of(case)]


async def test_a_ledger_whose_file_was_removed_is_filled_from_temporal(
    env: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing makes an empty file meanwhile; afterwards every event is there, unchanged."""
    sato, card, case = await opened(env)
    chain = await facts(env, case)
    for file in files_of(tmp_path):
        file.unlink()
    answer = await env.http.get(f"{env.url}/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
    with pytest.raises(LedgerGone):
        await env.queries.case(case)
    assert files_of(tmp_path) == []
    assert await repair(env.settings) == 1
    assert lines(capsys.readouterr().out) == [
        "fixed     the ledger's file was missing, and is made again",
        f"fixed     {case}: written to the ledger",
        "left      not restored: cases that ended before Temporal's retention, look-ups, covers, "
        "pauses, settings of people, appeals and subjects of bulk decisions",
    ]
    assert await facts(env, case) == chain
    assert await env.findings() == ()
    await sato.press(card, "担当する")
    await env.wait_kind(case, "case_claimed")
    assert [each["result"] for each in await env.happens(lure(1))] == ["duplicate"]
    assert await named(env.settings) is None


async def test_stores_of_different_installations_are_left_alone(
    env: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong address must not mix the cases of two teams."""
    _, _, case = await opened(env)
    database = Database(env.settings.ledger.url.get_secret_value())
    await database.execute(sa.update(installation).values(id="another"))
    await database.execute(sa.delete(events))
    await database.aclose()
    sentence = (
        "The ledger and Temporal belong to different installations: set KOBAN_LEDGER__URL or "
        "KOBAN_TEMPORAL__NAMESPACE."
    )
    assert await named(env.settings) == sentence
    assert await repair(env.settings) == 1
    assert lines(capsys.readouterr().out) == [f"left      {sentence}"]
    assert await env.written_kinds(case) == []
    assert await env.queries.identity() == "another"
