"""Events whose card a person waits for."""

import pytest

from tests.workflows.domain.builders import SATO, T0, a_case, an_alert, follow, minutes, preset
from workflows.domain.alerts import brief
from workflows.domain.case import events as ev
from workflows.domain.case.bulk import Tally
from workflows.domain.case.view import is_waited_for
from workflows.domain.policy.playbook import Notify, Severity

MUTED = follow(a_case(), preset(SATO, "mute"), minutes(1))
DECISION = MUTED.decisions[-1].id


@pytest.mark.parametrize(
    ("event", "waited_for"),
    [
        (ev.CaseClaimed(at=T0, by="U0SATO"), True),
        (ev.CaseEscalated(at=T0, by="U0SATO", notify=Notify.LEAD), True),
        (ev.CaseEscalated(at=T0, notify=Notify.LEAD, step=0), False),
        (ev.AlertJoined(at=T0, severity=Severity.HIGH, alert=brief(an_alert(2))), False),
        (ev.ActionSucceeded(at=T0, decision=DECISION, action="mute_user/user:u_123"), True),
        (ev.ActionSucceeded(at=T0, decision="P1", action="mute_user/user:u_123"), False),
        (ev.BulkProgressed(at=T0, decision=DECISION, tally=Tally(total=3)), False),
    ],
)
def test_what_a_person_did_or_decided_is_waited_for(event: ev.Event, waited_for: bool) -> None:
    """Alerts, the clock and protections are not: nobody looks at the screen for them."""
    assert is_waited_for(MUTED, event) is waited_for
