"""A case's first words with the ledger: it claims its id there, and is read back from there."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows import ports
from workflows.casework.book import write
from workflows.domain import events as ev
from workflows.domain.alert import Alert
from workflows.domain.case_state import Case
from workflows.domain.history import opened
from workflows.domain.identity import case_id
from workflows.domain.memory import Memory
from workflows.domain.playbook.model import Policy
from workflows.ports import Entry

_PATIENTLY = RetryPolicy(maximum_interval=timedelta(seconds=30))


async def claimed(
    event: ev.CaseOpened, alert: Alert, route: str, policy: Policy, key: str
) -> Case | None:
    """Opens a case under an id that the ledger grants; a known alert opens none."""
    for attempt in range(100):
        named = event.model_copy(update={"case": case_id(key, attempt)})
        case = opened(route, policy, named)
        first = ev.Recorded(seq=1, event=named)
        entry = Entry(case=case, owner_key=key, events=(first,), alerts=(alert,))
        written = await write(entry)
        if not written.id_taken:
            break
    return None if alert.key in written.known_alerts else case


async def snapshot_of(case: str) -> Memory | None:
    """What a closed case left behind."""
    return await workflow.execute_local_activity(
        ports.load_case,
        case,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=_PATIENTLY,
    )
