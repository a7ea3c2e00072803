"""What a rule answers."""

from workflows.domain.events import Event
from workflows.domain.refusal import Refusal

Outcome = tuple[Event, ...] | Refusal
"""Events to apply, possibly none (it is so already), or the reason why not."""
