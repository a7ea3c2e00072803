"""Permissions of every slash form and modal, by role."""

import pytest

from activities.slack.actions import ACTIONS, MODALS
from bot.slack.commands.dispatch import ANSWERS
from bot.slack.interactions import command_for
from bot.slack.modals.forms import FORMS as MODAL_FORMS
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import NOW
from tests.bot.slack.test_bulk import pressed, showing
from tests.bot.slack.test_detectors import shill
from tests.workflows.domain.case.test_roles import TABLE, kinds_of
from workflows.domain.case import commands as cmd
from workflows.domain.people import Cover, Role

ROLES: dict[str, set[Role]] = {
    "specialist": {Role.SPECIALIST},
    "lead": {Role.LEAD},
    "admin": {Role.ADMIN},
    "auditor": {Role.AUDITOR},
    "none": set(),
}
ANYBODY = {"specialist", "lead", "admin", "auditor"}
WORKS, LEADS, ENDS = {"specialist", "lead"}, {"lead"}, {"lead", "admin"}
NO_ROLE = "照会できるのは Trust &amp; Safety の担当者だけです。"
NOT_NOW = "いまは照会できません。"
UNKNOWN = "役割を確認できませんでした。"
OPENERS = [
    each.id for each in MODALS.values() if each.modal in {*MODAL_FORMS, "all"} - {"confirm_preset"}
]
COVER = Cover(role=Role.LEAD, person="U0TANAKA", until=NOW)
FORMS = {
    "help": ANYBODY | {"none", "unknown"},
    "case K7Q2F9XM0": ANYBODY,
    "user u_123": ANYBODY,
    "queue": ANYBODY,
    "oncall": ANYBODY,
    "stats 7d": ANYBODY,
    "find LINE": ANYBODY,
    "related user u_123": ANYBODY,
    "playbook": ANYBODY,
    "playbook off_platform history": ANYBODY,
    "open off_platform u_123": WORKS,
    "pause": ANYBODY,
    "pause all": WORKS,
    "resume": WORKS,
    "pause detector shill": WORKS,
    "detector": ANYBODY,
    "detector shill run": WORKS,
    "detector shill resend": WORKS,
    "snoozes": ANYBODY,
    "cover": ANYBODY,
    "cover @tanaka until 18:00": LEADS,
    "cover end": ANYBODY,
    "cover end @tanaka": ENDS,
}


def sato_as(env: SlackEnvironment, role: str) -> str:
    """佐藤 with this role; `unknown` means that roles can't be read."""
    env.people.unknown = role == "unknown"
    env.people.roles_of["U0SATO"] = ROLES.get(role, set())
    return "U0SATO"


def test_every_form_is_in_the_table() -> None:
    """A new form needs a row with its roles."""
    members = {line.__name__ for answer in ANSWERS for line in answer.lines}
    decided = {
        "ShowCase",
        "ShowSubject",
        "ShowQueue",
        "ShowOnCall",
        "ShowStats",
        "Find",
        "ShowRelated",
        "ShowPlaybook",
        "ShowHistory",
        "OpenCase",
        "ChoosePause",
        "PauseAutomation",
        "ResumeAutomation",
        "ShowDetectors",
        "RunDetector",
        "ResendFeedback",
        "ShowSnoozes",
        "ShowCovers",
        "LetCover",
        "EndCovers",
    }
    assert decided == members


@pytest.mark.wide(8)
@pytest.mark.parametrize("role", [*ROLES, "unknown"])
@pytest.mark.parametrize("form", FORMS)
async def test_a_slash_form(env: SlackEnvironment, form: str, role: str) -> None:
    """Without the role nothing is read, written or ended."""
    env.covers.given = [("U0CLARK", COVER)]
    env.detectors.known = [shill()]
    told = await env.command(env.person(sato_as(env, role)), f"/koban {form}")
    if role == "unknown" and form != "help":
        assert told.startswith(NOT_NOW)
    elif role == "none" and form != "help":
        assert told.startswith(f"{NO_ROLE}必要なときはリードに相談してください（<@U0REED>")
    elif role in FORMS[form]:
        assert "だけです" not in told
        return
    else:
        assert "だけです（<@U0REED>、<@U0TANAKA>）。" in told
    assert (env.covers.given, env.covers.ended) == ([("U0CLARK", COVER)], [])
    assert (env.covers.ended_by, env.ledger.log, env.platform.asked) == ([], [], [])
    assert (env.alerts.alerts, env.automation.changes, env.finding.asked) == ([], [], [])
    assert (env.detectors.ran, env.detectors.resent) == ([], [])


def test_every_press_is_a_command_that_a_case_judges() -> None:
    """The command has the person and the version, but no roles."""
    pressed = [each.id for each in ACTIONS.values() if each.command and not each.modal]
    of_cases = [name for name in pressed if not name.startswith("appeal.")]
    for name in (*of_cases, "case.preset.mute"):
        if name == "case.preset":
            continue
        command = command_for(name, "U0SATO", 3)
        assert command is not None
        assert (command.by.id, command.by.roles, command.by.covers) == ("U0SATO", frozenset(), ())
        assert command.kind in TABLE
    assert kinds_of(cmd.PersonCommand) == set(TABLE)


@pytest.mark.wide(8)
@pytest.mark.parametrize("role", [*ROLES, "unknown"])
@pytest.mark.parametrize("button", OPENERS)
async def test_a_modal_of_a_case(env: SlackEnvironment, button: str, role: str) -> None:
    """Without the role it does not open; with unknown roles it does."""
    person = env.person(sato_as(env, role))
    element = {
        "type": "button",
        "action_id": button,
        "text": {"type": "plain_text", "text": "開く"},
        "value": "K7Q2F9XM0:3",
    }
    ts = env.posted("card", "case/off_platform/0123456789ABCDEF", [element])
    await person.press(await env.message(person, ts), button)
    opens = (
        WORKS
        | {"unknown"}
        | ({"admin"} if button in ("approval.reject", "approval.ask") else set())
        | (ANYBODY if button == "case.all" else set())
    )
    if role in opens:
        assert (await person.modal())["callback_id"] == ACTIONS[button].modal
        return
    assert "ができるのは" in await env.ephemeral(person)
    assert await person.views() == []
    assert env.cases.clicks == []


@pytest.mark.parametrize("role", [*ROLES, "unknown"])
async def test_the_modal_of_a_bulk(env: SlackEnvironment, role: str) -> None:
    """Without a role the platform's look-ups are not called."""
    person = await pressed(env, sato_as(env, role))
    if role in WORKS:
        await showing(person, "「影響を確認」")
    elif role == "unknown":
        await showing(person, UNKNOWN)
    else:
        await showing(person, "ができるのは")
    assert env.bulk_decisions.gathered == []


async def test_a_bulk_is_not_shown_to_who_lost_their_role_meanwhile(env: SlackEnvironment) -> None:
    """The submission of the open modal checks the role again."""
    person = await pressed(env, sato_as(env, "specialist"))
    await showing(person, "「影響を確認」")
    sato_as(env, "none")
    fields = {"sources": ["device"], "actions": ["mute_user"], "reason": "業者"}
    refused = await person.fill_and_submit(fields)
    assert "ができるのは" in str(refused)
    assert (env.bulk_decisions.gathered, env.cases.clicks) == ([], [])
