"""Roles that come with a press: fresh ones are used, others are looked up."""

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
    """Returns a press with roles read at T0."""
    return cmd.Click(id="1", case="K7Q2F9XM0", command=command, place=PLACE, grant=grant)


@pytest.mark.parametrize(
    ("seconds", "counts"),
    [(0, True), (59, True), (60, True), (61, False), (-5, True), (-6, False), (86_400, False)],
)
def test_roles_count_for_a_minute(seconds: int, counts: bool) -> None:
    """Older roles are looked up again, and so are some from too far ahead."""
    now = T0 + timedelta(seconds=seconds)
    assert (Authorizer().cached(click(cmd.Claim(by=SATO)), now) is not None) is counts


def test_roles_of_a_press_without_a_grant_are_looked_up() -> None:
    """The bot had no roles for its person."""
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
def test_roles_of_an_approver_are_always_looked_up(command: cmd.PersonCommand) -> None:
    """Some of what they approve is final."""
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


def test_an_empty_grant_counts() -> None:
    """An empty grant is not looked up again."""
    known = Authorizer().cached(click(cmd.Claim(by=CLARK), cmd.Grant(roles=(), as_of=T0)), T0)
    assert known is not None
    assert known.click.command.by.roles == frozenset()


def test_the_rest_of_the_press_is_unchanged() -> None:
    """Only its person's roles are filled in."""
    known = Authorizer().cached(click(cmd.AddNote(by=SATO, note="メモ")), T0)
    assert known is not None
    assert known.click == click(cmd.AddNote(by=SATO, note="メモ"))


@pytest.mark.parametrize(("seconds", "counts"), [(60, True), (61, False), (-6, False)])
def test_a_reviewer_s_roles_count_for_a_minute(seconds: int, counts: bool) -> None:
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


async def test_a_decision_without_a_booking_is_refused() -> None:
    """Decided later, its actions would be missing in the budget."""
    case = a_case(policy=WATCHFUL).model_copy(update={"owner": CLARK.id})
    mute = cmd.ChoosePreset(by=SATO, preset="mute")
    refusal = await completed(case, mute, T0)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.by) == (Reason.CLAIMED_BY_OTHER, CLARK.id)


def test_a_grant_survives_serialization() -> None:
    """A press without the field is read as one without a grant."""
    sent = click(cmd.Claim(by=SATO))
    assert cmd.Click.model_validate_json(sent.model_dump_json()) == sent
    older = sent.model_dump(mode="json")
    del older["grant"]
    assert cmd.Click.model_validate(older).grant is None
