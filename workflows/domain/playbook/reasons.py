"""Reasons that are chosen instead of typed: for the record, and for the person acted upon."""

from typing import Annotated

from pydantic import Field, StringConstraints

from workflows.domain.model import Value, Written
from workflows.domain.playbook.lookups import NoticeCall
from workflows.domain.text import Text

ReasonId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class ReasonTemplate(Written):
    """One of a playbook's `reasons`: `reason` fills the rationale, which colleagues read.

    `notice` are the facts as the person acted upon is told them; without it they are told nothing.
    """

    id: ReasonId
    title: Text
    reason: Text
    notice: Text | None = None


class Automation(Written):
    """How a notice says whether automation was used: the sentence for `{automation}`.

    `protected` where Koban had acted before anybody looked, `detected` where a detector gave a
    score, `person` where neither is known. What is not written is said in Koban's own words.
    """

    protected: Text | None = None
    detected: Text | None = None
    person: Text | None = None


class Telling(Value):
    """How somebody is told of a decision: the call, and the text around the facts."""

    call: NoticeCall
    frame: Text
    automation: Automation = Field(default_factory=Automation)
