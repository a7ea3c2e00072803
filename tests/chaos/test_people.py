"""Buttons are found on the card, in its menu, and in the modal behind the menu."""

from deploy.sandbox.slack.app_client import AppClient
from deploy.sandbox.traffic.alerts import alert, user
from tests.chaos.people import Crowd
from tests.chaos.plan import CasePlan, ClickPattern, Step
from tests.environment import Environment, scene


def step(command: str, pattern: ClickPattern = ClickPattern.PLAIN) -> Step:
    return Step("U0SATO", command, 0.0, pattern, 0.2, "U0CLARK")


async def test_people_find_buttons_behind_the_menu(env: Environment) -> None:
    """A click and a form from the modal reach their case once."""
    steps = (step("claim"), step("release", ClickPattern.TWICE), step("claim"), step("snooze"))
    case_plan = CasePlan(7, "off_platform", 0.0, (), steps)
    lure = alert("c-1", "off_platform", ("user", case_plan.subject), ("誘導", "Lure"), score=0.95)
    await env.happens(scene([lure], [user(case_plan.subject)]))
    app_client = AppClient(env.sandbox.workspace)
    crowd = Crowd(env.sandbox.workspace, app_client)
    sato = await env.person("U0SATO")
    card = await sato.wait_card("ts-live", case_plan.subject)
    case = card["metadata"]["event_payload"]["case"]
    try:
        await crowd.play(case_plan)
        await env.wait_kind(case, "case_snoozed")
    finally:
        await app_client.close()
    assert dict(crowd.counts) == {}
    assert [click.command for click in crowd.clicks] == ["claim", "release", "claim", "snooze"]
    assert all(click.acked for click in crowd.clicks)
    kinds = await env.kinds(case)
    assert (kinds.count("case_released"), kinds.count("case_snoozed")) == (1, 1)
