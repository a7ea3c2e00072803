"""Reopened cases: they receive the next alerts of their group."""

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from deploy.sandbox.slack.person import Person, wait_until
from tests.stories.flood import alerts, send_alerts
from tests.stories.test_a_shift import case_of, lure
from tests.world import World
from workflows.domain.alerts import Alert
from workflows.domain.ids import closed_workflow_id
from workflows.ports.cases import Delivery


async def reopened(world: World) -> tuple[Person, dict, str]:
    """A case closed as no violation and reopened; its card and its id."""
    sato = await world.person("U0SATO")
    await world.happens(lure())
    card, case = await case_of(sato)
    await closed(world, sato, card, case)
    await sato.press(await sato.latest(card), "case.reopen")
    await sato.fill_and_submit({"reason": "購入者から新しい証拠が届いたため"})
    card = await sato.wait_text(card, "対応中")
    await world.wait_kind(case, "case_reopened")
    return sato, card, case


async def closed(world: World, person: Person, card: dict, case: str, times: int = 1) -> None:
    """Closes the case as no violation, and waits until its workflow has ended."""
    await person.press(card, "case.clear")
    await person.wait_text(card, "完了")

    async def so_often() -> bool:
        return (await world.kinds(case)).count("case_closed") == times

    await wait_until(so_often, what="the end of the case")
    row = await world.queries.case(case)
    assert row is not None
    for workflow_id in (row["workflow_id"], closed_workflow_id(case)):
        await ended(world, workflow_id)


async def ended(world: World, workflow_id: str) -> None:
    """Waits until a workflow id has no running workflow."""

    async def over() -> bool:
        try:
            status = (await world.client.get_workflow_handle(workflow_id).describe()).status
        except RPCError:
            return True
        return status is not WorkflowExecutionStatus.RUNNING

    await wait_until(over, what=f"the end of {workflow_id}")


async def counted(world: World, case: str, number: int) -> None:
    """Waits until a case has this many alerts."""

    async def so_many() -> bool:
        row = await world.queries.case(case)
        return row is not None and row["alerts"] == number

    await wait_until(so_many, what=f"{number} alerts in {case}")


async def test_a_new_alert_joins_the_reopened_case(world: World) -> None:
    """There is one card instead of two."""
    sato, card, case = await reopened(world)
    await world.happens(lure(2))
    await counted(world, case, 2)
    await sato.wait_text(card, "1件")
    assert len(await sato.cards("ts-live")) == 1
    assert (await world.kinds(case))[-1] == "alert_joined"


async def test_a_storm_joins_it_each_alert_once(world: World) -> None:
    """This includes alerts during the handoff of others."""
    sato, _, case = await reopened(world)
    await send_alerts(world, alerts(range(2, 42)))
    await counted(world, case, 41)
    assert (await world.kinds(case)).count("alert_joined") == 40
    assert len(await sato.cards("ts-live")) == 1


async def test_once_it_is_closed_the_next_alert_opens_another(world: World) -> None:
    """A reopened case that is closed again is like any closed case."""
    sato, card, case = await reopened(world)
    await world.happens(lure(2))
    await counted(world, case, 2)
    await closed(world, sato, card, case, times=2)
    await world.happens(lure(3))

    async def another() -> bool:
        return len(await sato.cards("ts-live")) == 2

    await wait_until(another, what="a second card")
    await counted(world, case, 2)


async def test_an_alert_that_comes_for_it_too_late_opens_the_next_case(world: World) -> None:
    """The case closes during the handoff; an alert that is delivered twice counts once."""
    sato, card, case = await reopened(world)
    await closed(world, sato, card, case, times=2)
    late = Alert.model_validate(lure(2).alerts[0])
    cases = world.cases
    for _ in range(2):
        await cases.deliver(Delivery(case=case, alerts=(late,)))

    async def another() -> bool:
        return len(await sato.cards("ts-live")) == 2

    await wait_until(another, what="a second card")
    second = next(
        each["metadata"]["event_payload"]["case"]
        for each in await sato.cards("ts-live")
        if each["metadata"]["event_payload"]["case"] != case
    )
    await ended(world, closed_workflow_id(case))
    await counted(world, second, 1)
    assert await world.kinds(second) == ["case_opened"]


async def test_a_reopened_case_that_an_operator_ended_takes_no_alert_away(world: World) -> None:
    """The ledger still has it as open: its alerts are returned once and open the next case."""
    sato, _, case = await reopened(world)
    await world.client.get_workflow_handle(closed_workflow_id(case)).terminate("by hand")
    await world.happens(lure(2))

    async def another() -> bool:
        return len(await sato.cards("ts-live")) == 2

    await wait_until(another, what="a second card")
    row = await world.queries.case(case)
    assert row is not None
    assert row["alerts"] == 1
