"""Roles that come with a press, and when they count."""

from datetime import timedelta

import pytest

from tests.workflows.domain.builders import (
    CLARK,
    REED,
    SATO,
    SUZUKI,
    T0,
    TANAKA,
    WATCHFUL,
    a_case,
    minutes,
)
from workflows.case.authorize import completed
from workflows.domain.appeal import commands as acmd
from workflows.domain.case import commands as cmd
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.people import Cover, Role
from workflows.shared.authorize import Authorizer

PLACE = cmd.Place(channel="C0LIVE")
SPECIALIST = cmd.Grant(roles=(Role.SPECIALIST,), as_of=T0)


def click(command: cmd.PersonCommand, grant: cmd.Grant | None = SPECIALIST) -> cmd.Click:
    """A press with the roles that were read at T0."""
    return cmd.Click(id="1", case="K7Q2F9XM0", command=command, place=PLACE, grant=grant)


@pytest.mark.parametrize(
    ("seconds", "counts"),
    [(0, True), (59, True), (60, True), (61, False), (-5, True), (-6, False), (86_400, False)],
)
def test_roles_count_for_a_minute(seconds: int, counts: bool) -> None:
    """Older ones are asked for again, and so are some from further ahead than clocks differ."""
    now = T0 + timedelta(seconds=seconds)
    assert (Authorizer().cached(click(cmd.Claim(by=SATO)), now) is not None) is counts


def test_a_press_without_roles_is_asked_about() -> None:
    """It came from elsewhere, or the bot knew nothing of its person."""
    assert Authorizer().cached(click(cmd.Claim(by=SATO), None), T0) is None


@pytest.mark.parametrize(
    "command",
    [
        cmd.Approve(by=TANAKA),
        cmd.Reject(by=TANAKA, reason="不要"),
        cmd.AskRequester(by=TANAKA, question="どの配信ですか"),
    ],
    ids=lambda command: command.kind,
)
def test_an_approver_is_always_asked_about(command: cmd.PersonCommand) -> None:
    """Some of what they agree to can't be taken back."""
    fresh = cmd.Grant(roles=(Role.LEAD,), as_of=T0)
    assert Authorizer().cached(click(command, fresh), T0) is None


def test_the_roles_of_the_grant_replace_those_of_the_command() -> None:
    """A command can't bring roles or covers of its own."""
    cover = Cover(role=Role.LEAD, person=REED.id, until=minutes(60))
    bold = SUZUKI.model_copy(update={"roles": frozenset(Role), "covers": (cover,)})
    known = Authorizer().cached(click(cmd.Claim(by=bold)), T0)
    assert known is not None
    by = known.click.command.by
    assert (by.id, by.roles, by.covers) == (SUZUKI.id, {Role.SPECIALIST}, ())


def test_a_person_without_roles_is_known_to_have_none() -> None:
    """That is an answer, and nobody is asked again."""
    known = Authorizer().cached(click(cmd.Claim(by=CLARK), cmd.Grant(roles=(), as_of=T0)), T0)
    assert known is not None
    assert known.click.command.by.roles == frozenset()


def test_the_press_itself_stays_as_it_was() -> None:
    """Only its person's roles are filled in."""
    known = Authorizer().cached(click(cmd.AddNote(by=SATO, note="メモ")), T0)
    assert known is not None
    assert known.click == click(cmd.AddNote(by=SATO, note="メモ"))


@pytest.mark.parametrize(("seconds", "counts"), [(60, True), (61, False), (-6, False)])
def test_a_reviewer_s_press_is_no_different(seconds: int, counts: bool) -> None:
    """The same minute applies to appeals."""
    grant = cmd.Grant(roles=(Role.LEAD,), as_of=T0)
    review = acmd.AppealClick(
        id="1",
        appeal="A0123456789AB",
        command=acmd.ClaimAppeal(by=SATO),
        place=PLACE,
        grant=grant,
    )
    known = Authorizer().cached(review, T0 + timedelta(seconds=seconds))
    assert (known is not None) is counts
    if known is not None:
        assert known.click.command.by.roles == {Role.LEAD}


async def test_a_decision_that_takes_nothing_of_the_budget_is_refused_for_good() -> None:
    """Were it decided by a later look at the case, its actions would be in nobody's budget."""
    case = a_case(policy=WATCHFUL).model_copy(update={"owner": CLARK.id})
    mute = cmd.ChoosePreset(by=SATO, preset="mute")
    refusal = await completed(case, mute, T0)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.by) == (Reason.CLAIMED_BY_OTHER, CLARK.id)


def test_a_grant_crosses_the_wire() -> None:
    """A press from a bot without grants is read as one that has none."""
    sent = click(cmd.Claim(by=SATO))
    assert cmd.Click.model_validate_json(sent.model_dump_json()) == sent
    older = sent.model_dump(mode="json")
    del older["grant"]
    assert cmd.Click.model_validate(older).grant is None
