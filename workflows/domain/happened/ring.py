"""What happens to a ring while it is carried out."""

from typing import Literal

from workflows.domain.happened.base import Happened
from workflows.domain.ring import Tally


class RingProgressed(Happened):
    """A wave of a ring is over, or its lifts or its undo went on."""

    kind: Literal["ring_progressed"] = "ring_progressed"
    decision: str
    tally: Tally


class RingStopped(Happened):
    """A person stopped a ring: the wave under way is finished, the rest is skipped."""

    kind: Literal["ring_stopped"] = "ring_stopped"
    decision: str
