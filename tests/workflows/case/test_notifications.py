"""Direct messages of a case: calls by thread become direct where the thread takes none."""

import pytest

from tests.workflows.domain.builders import T0, a_case
from workflows.case.notifications import messages_for
from workflows.domain.case.events import CaseEscalated, Recorded
from workflows.domain.case.snapshot import Refused
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Notify, Via


@pytest.mark.parametrize("refused", [False, True])
def test_a_call_reaches_its_role_when_the_thread_is_closed(refused: bool) -> None:
    """With an open thread the mention there is the call."""
    event = CaseEscalated(at=T0, notify=Notify.LEAD, via=Via.THREAD)
    line = Recorded(seq=2, event=event)
    messages = list(messages_for(a_case(), line, None, Refused(thread=refused)))
    assert [message.role for message in messages] == ([Role.LEAD] if refused else [])
