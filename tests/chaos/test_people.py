"""Buttons are found on the card, in its menu, and in the modal behind the menu."""

from deploy.sandbox.slack.app_client import AppClient
from deploy.sandbox.traffic.alerts import alert, user
from tests.chaos.people import Crowd
from tests.chaos.plan import Life, Manner, Step
from tests.world import World, scene


def step(command: str, manner: Manner = Manner.PLAIN) -> Step:
    return Step("U0SATO", command, 0.0, manner, 0.2, "U0CLARK")


async def test_people_find_buttons_behind_the_menu(world: World) -> None:
    """A click and a form from the modal reach their case once."""
    steps = (step("claim"), step("release", Manner.TWICE), step("claim"), step("snooze"))
    life = Life(7, "off_platform", 0.0, (), steps)
    lure = alert("c-1", "off_platform", ("user", life.subject), ("誘導", "Lure"), score=0.95)
    await world.happens(scene([lure], [user(life.subject)]))
    app_client = AppClient(world.stage.workspace)
    crowd = Crowd(world.stage.workspace, app_client)
    sato = await world.person("U0SATO")
    card = await sato.wait_card("ts-live", life.subject)
    case = card["metadata"]["event_payload"]["case"]
    try:
        await crowd.play(life)
        await world.wait_kind(case, "case_snoozed")
    finally:
        await app_client.close()
    assert dict(crowd.counts) == {}
    assert [click.command for click in crowd.clicks] == ["claim", "release", "claim", "snooze"]
    assert all(click.acked for click in crowd.clicks)
    kinds = await world.kinds(case)
    assert (kinds.count("case_released"), kinds.count("case_snoozed")) == (1, 1)
