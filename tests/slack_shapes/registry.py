"""Everything that Koban draws.

One more surface is a generator of (state, `Sent`) and a line in its module's `SURFACES`; a new
module is a line here. `test_everything_is_drawn.py` fails for a builder that no surface calls.
"""

from tests.slack_shapes.scene import Surface
from tests.slack_shapes.surfaces import answers, appeals, cards, evidence, home, modals

SURFACES: tuple[Surface, ...] = (
    *cards.SURFACES,
    *appeals.SURFACES,
    *modals.SURFACES,
    *evidence.SURFACES,
    *answers.SURFACES,
    *home.SURFACES,
)
