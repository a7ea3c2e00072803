"""Evidence rules: hidden evidence is shown within a quota, and each time recorded."""

from datetime import datetime

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Outcome, Reason, Refusal, Rules
from workflows.domain.policy.limits import Exposure, Full, Power, reached


def cap(case: Case) -> Exposure | None:
    """The quota of a person, by the policy of the case."""
    return case.policy.limits.exposure if case.policy.limits else None


def reveal(case: Case, command: cmd.RevealEvidence, now: datetime) -> Outcome:
    """Reveals evidence in every phase; without the ledger's counts it is refused."""
    exposed = command.exposed
    if exposed is None:
        return Refusal(reason=Reason.NOT_SHOWN)
    if not exposed.found:
        return Refusal(reason=Reason.NO_SUCH_EVIDENCE)
    full = reached(cap(case), exposed, now)
    if full is not None:
        limit = Full(
            power=Power.EVIDENCE,
            holder=command.by.id,
            most=full.reveals,
            within=full.within,
            used=full.reveals,
            resets_at=full.over_at,
            alert=exposed.alert,
        )
        return Refusal(reason=Reason.REVEAL_LIMIT, at=full.over_at, cap=full, limit=limit)
    return (
        ev.EvidenceRevealed(
            at=now,
            by=command.by.id,
            alert_key=command.alert_key,
            item=command.item,
            image=exposed.image,
        ),
    )


RULES: Rules = {
    cmd.RevealEvidence: reveal,
}
