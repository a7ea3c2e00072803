"""Evidence rules: rights to hidden evidence, and an event each time."""

from datetime import timedelta

import pytest

from tests.workflows.domain.builders import (
    POLICY,
    REED,
    SATO,
    SUZUKI,
    T0,
    TANAKA,
    a_case,
    an_alert,
    follow,
    minutes,
    preset,
    refused,
)
from workflows.domain.alerts import brief
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decide import decide
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason
from workflows.domain.case.view import changes_card
from workflows.domain.people import Actor, Role
from workflows.domain.policy.limits import Exposed, Limits, Reached
from workflows.domain.policy.playbook import Severity

FOUND = Exposed(found=True, image=True)
CAP = Limits.model_validate(
    {
        "exposure": {"reveals": 2, "within": "8h"},
        "approval": {"by": "lead", "within": "30m", "on_expiry": "refuse"},
    }
)


def reveal(by: Actor = SATO, exposed: Exposed | None = FOUND) -> cmd.RevealEvidence:
    """A press on the second piece of an alert."""
    modal = cmd.Modal(id="evidence/1")
    return cmd.RevealEvidence(
        by=by, version=1, alert_key="live-chat/chat-000001", item=1, modal=modal, exposed=exposed
    )


def capped() -> Case:
    """A case whose policy shows each person two pieces in a shift."""
    return a_case(policy=POLICY.model_copy(update={"limits": CAP}))


@pytest.mark.parametrize("by", [SATO, TANAKA, SUZUKI], ids=lambda by: by.id)
def test_whoever_works_or_audits_the_case_may_look(by: Actor) -> None:
    """The event says who was shown what, and that it was an image."""
    assert decide(a_case(), reveal(by), minutes(1)) == (
        ev.EvidenceRevealed(
            at=minutes(1), by=by.id, alert_key="live-chat/chat-000001", item=1, image=True
        ),
    )


@pytest.mark.parametrize("roles", [frozenset(), frozenset({Role.ADMIN})])
def test_nobody_else_may(roles: frozenset[Role]) -> None:
    """Without a role, or with one that only runs Koban."""
    refusal = refused(a_case(), reveal(Actor(id="U0X", roles=roles)), 1)
    assert refusal.reason is Reason.ROLE_NEEDED
    assert refusal.roles == (Role.AUDITOR, Role.LEAD, Role.SPECIALIST)


def test_a_closed_case_still_shows_its_evidence() -> None:
    """Whoever reviews a decision has to see what it was taken upon."""
    closed = follow(a_case(), cmd.MarkNoViolation(by=SATO), minutes(1))
    assert closed.phase is Phase.CLOSED
    seen = follow(closed, reveal(SUZUKI), minutes(2))
    assert (seen.phase, seen.version) == (Phase.CLOSED, closed.version + 1)


def test_what_the_ledger_did_not_count_is_not_shown() -> None:
    """What came with the press counts for nothing: it was never asked for."""
    assert refused(a_case(), reveal(exposed=None), 1).reason is Reason.NOT_SHOWN


def test_a_piece_that_the_case_does_not_have_is_not_shown() -> None:
    """The button is from another case, or was made up."""
    assert refused(a_case(), reveal(exposed=Exposed()), 1).reason is Reason.NO_SUCH_EVIDENCE


def test_at_the_cap_it_stays_hidden_with_the_numbers() -> None:
    """How many, since when, and until when."""
    full = Exposed(found=True, seen=2, since=T0)
    refusal = refused(capped(), reveal(exposed=full), 60)
    assert refusal.reason is Reason.REVEAL_LIMIT
    assert refusal.at == T0 + timedelta(hours=8)
    assert refusal.cap == Reached(reveals=2, within=timedelta(hours=8), since=T0)


def test_a_lead_has_the_same_eyes() -> None:
    """The cap protects people; nobody is above it."""
    full = Exposed(found=True, seen=2, since=T0)
    assert refused(capped(), reveal(REED, full), 1).reason is Reason.REVEAL_LIMIT


def test_looking_keeps_a_claim_alive_and_changes_nothing_else() -> None:
    """The owner was seen; no decision, owner or clock moves for it."""
    claimed = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
    seen = follow(claimed, reveal(SATO), minutes(9))
    assert seen.active_at == minutes(9)
    moved = {"active_at": claimed.active_at, "version": claimed.version}
    assert seen.model_copy(update=moved) == claimed


def test_a_look_is_no_news_for_the_card_or_the_thread() -> None:
    """Sixty looks in a shift must not cost sixty updates of one card."""
    (event,) = decide(a_case(), reveal(), minutes(1))  # type: ignore[misc]
    looked = ev.Recorded(seq=2, event=event)
    joined = ev.AlertJoined(at=T0, severity=Severity.HIGH, alert=brief(an_alert(2)))
    assert not looked.event.in_thread
    assert not changes_card(a_case(), [looked])
    assert changes_card(a_case(), [looked, ev.Recorded(seq=3, event=joined)])


def test_a_claim_whose_end_was_told_shows_that_it_goes_on() -> None:
    """The card said that it ends soon; it does not any more."""
    warned = a_case().model_copy(update={"warned": True})
    (event,) = decide(a_case(), reveal(), minutes(1))  # type: ignore[misc]
    assert changes_card(warned, [ev.Recorded(seq=2, event=event)])


def test_a_look_outdates_no_press() -> None:
    """Whoever decides on the card drawn before somebody looked is not refused for it."""
    seen = follow(a_case(), reveal(SUZUKI), minutes(1))
    assert follow(seen, preset(SATO, "mute", version=1), minutes(2)).decision is not None
