"""Registry of every surface that Koban draws.

Another surface is a generator of (state, `Sent`) and a line in its module's `SURFACES`; another
module is a line here. `test_everything_is_drawn.py` fails for a builder that no surface calls.
"""

from tests.slack_shapes.scene import Surface
from tests.slack_shapes.surfaces import (
    answers,
    appeals,
    backtests,
    cards,
    commands,
    detectors,
    evidence,
    home,
    manual,
    modals,
    other_modals,
    policy_changes,
    reports,
    storms,
    timelines,
)

SURFACES: tuple[Surface, ...] = (
    *cards.SURFACES,
    *appeals.SURFACES,
    *modals.SURFACES,
    *evidence.SURFACES,
    *other_modals.SURFACES,
    *answers.SURFACES,
    *commands.SURFACES,
    *detectors.SURFACES,
    *policy_changes.SURFACES,
    *manual.SURFACES,
    *timelines.SURFACES,
    *storms.SURFACES,
    *reports.SURFACES,
    *backtests.SURFACES,
    *home.SURFACES,
)
