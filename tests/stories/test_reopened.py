"""Reopened cases: they receive the next alerts of their group."""

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from deploy.sandbox.slack.person import Person, wait_until
from tests.environment import Environment
from tests.stories.flood import alerts, send_alerts
from tests.stories.test_a_shift import case_of, lure
from workflows.domain.alerts import Alert
from workflows.domain.ids import closed_workflow_id
from workflows.ports.cases import Delivery


async def reopened(env: Environment) -> tuple[Person, dict, str]:
    """A case closed as no violation and reopened; its card and its id."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await closed(env, sato, card, case)
    await sato.press(await sato.latest(card), "case.reopen")
    await sato.fill_and_submit({"reason": "購入者から新しい証拠が届いたため"})
    card = await sato.wait_text(card, "対応中")
    await env.wait_kind(case, "case_reopened")
    return sato, card, case


async def closed(env: Environment, person: Person, card: dict, case: str, times: int = 1) -> None:
    """Closes the case as no violation, and waits until its workflow has ended."""
    await person.press(card, "case.clear")
    await person.wait_text(card, "完了")

    async def so_often() -> bool:
        return (await env.kinds(case)).count("case_closed") == times

    await wait_until(so_often, what="the end of the case")
    row = await env.queries.case(case)
    assert row is not None
    for workflow_id in (row["workflow_id"], closed_workflow_id(case)):
        await ended(env, workflow_id)


async def ended(env: Environment, workflow_id: str) -> None:
    """Waits until a workflow id has no running workflow."""

    async def over() -> bool:
        try:
            status = (await env.client.get_workflow_handle(workflow_id).describe()).status
        except RPCError:
            return True
        return status is not WorkflowExecutionStatus.RUNNING

    await wait_until(over, what=f"the end of {workflow_id}")


async def counted(env: Environment, case: str, number: int) -> None:
    """Waits until a case has this many alerts."""

    async def so_many() -> bool:
        row = await env.queries.case(case)
        return row is not None and row["alerts"] == number

    await wait_until(so_many, what=f"{number} alerts in {case}")


async def test_a_new_alert_joins_the_reopened_case(env: Environment) -> None:
    """There is one card instead of two."""
    sato, card, case = await reopened(env)
    await env.happens(lure(2))
    await counted(env, case, 2)
    await sato.wait_text(card, "1件")
    assert len(await sato.cards("ts-live")) == 1
    assert (await env.kinds(case))[-1] == "alert_joined"


async def test_a_storm_joins_it_each_alert_once(env: Environment) -> None:
    """This includes alerts during the handoff of others."""
    sato, _, case = await reopened(env)
    await send_alerts(env, alerts(range(2, 42)))
    await counted(env, case, 41)
    assert (await env.kinds(case)).count("alert_joined") == 40
    assert len(await sato.cards("ts-live")) == 1


async def test_once_it_is_closed_the_next_alert_opens_another(env: Environment) -> None:
    """A reopened case that is closed again is like any closed case."""
    sato, card, case = await reopened(env)
    await env.happens(lure(2))
    await counted(env, case, 2)
    await closed(env, sato, card, case, times=2)
    await env.happens(lure(3))

    async def another() -> bool:
        return len(await sato.cards("ts-live")) == 2

    await wait_until(another, what="a second card")
    await counted(env, case, 2)


async def test_an_alert_that_comes_for_it_too_late_opens_the_next_case(env: Environment) -> None:
    """The case closes during the handoff; an alert that is delivered twice counts once."""
    sato, card, case = await reopened(env)
    await closed(env, sato, card, case, times=2)
    late = Alert.model_validate(lure(2).alerts[0])
    cases = env.cases
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
    await ended(env, closed_workflow_id(case))
    await counted(env, second, 1)
    assert await env.kinds(second) == ["case_opened"]


async def test_a_reopened_case_that_an_operator_ended_takes_no_alert_away(env: Environment) -> None:
    """The ledger still has it as open: its alerts are returned once and open the next case."""
    sato, _, case = await reopened(env)
    await env.client.get_workflow_handle(closed_workflow_id(case)).terminate("by hand")
    await env.happens(lure(2))

    async def another() -> bool:
        return len(await sato.cards("ts-live")) == 2

    await wait_until(another, what="a second card")
    row = await env.queries.case(case)
    assert row is not None
    assert row["alerts"] == 1
