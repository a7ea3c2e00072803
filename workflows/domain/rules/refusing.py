"""The refusals that several rules share."""

from workflows.domain import commands as cmd
from workflows.domain.case_state import UNDECIDED, Case, Phase
from workflows.domain.people import Actor, Role
from workflows.domain.refusal import Reason, Refusal


def told(case: Case, reason: Reason) -> Refusal:
    """A refusal that names the last step of the decision's life."""
    mark = case.turn
    if mark is None:
        return Refusal(reason=reason)
    return Refusal(reason=reason, by=mark.by, at=mark.at, what=mark.kind)


def not_undecided(case: Case) -> Refusal | None:
    """Refuses what is for a case that nobody decided yet."""
    if case.phase in UNDECIDED:
        return None
    closed = case.phase is Phase.CLOSED
    return told(case, Reason.CLOSED if closed else Reason.ALREADY_DECIDED)


def outdated(case: Case, command: cmd.Asked) -> Refusal | None:
    """Refuses a press on a card drawn before the case was turned around, by whomever."""
    mark = case.turn
    if mark is None or command.version is None or command.version >= mark.version:
        return None
    return told(case, Reason.CHANGED)


def held_by_other(case: Case, person: Actor) -> Refusal | None:
    """Refuses what only the assignee may do, where somebody else is."""
    if case.owner in (None, person.id):
        return None
    return Refusal(
        reason=Reason.CLAIMED_BY_OTHER, by=case.owner, at=case.owned_since, what="case_claimed"
    )


def not_yours(case: Case, person: Actor) -> Refusal | None:
    """Refuses what only the assignee or a lead may do."""
    if case.owner in (None, person.id) or Role.LEAD in person.roles:
        return None
    return Refusal(reason=Reason.NOT_YOURS, by=case.owner, at=case.owned_since, roles=(Role.LEAD,))


def no_words(words: str) -> Refusal | None:
    """Refuses an empty note, question or answer."""
    return None if words.strip() else Refusal(reason=Reason.NOTE_NEEDED)


LONGEST = 3000
"""Characters of a person's own words that a case keeps."""


def kept(words: str) -> str:
    """A person's words as the case keeps them."""
    return words.strip()[:LONGEST]
