"""Random shifts: card, approval card and thread are valid after every step."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant

from activities.slack.cards.approval import approval_card
from activities.slack.cards.case import case_card
from activities.slack.thread import MAX_LINES, lines_message
from tests.selection import examples
from tests.slack_shapes.checks import faults_of
from tests.slack_shapes.injection import harm
from tests.slack_shapes.scene import LINK, Scene
from tests.slack_shapes.sent import message
from tests.workflows.domain.builders import ACT_FIRST, WATCHFUL
from tests.workflows.domain.shift import AnyShift
from workflows.domain.case.events import Recorded
from workflows.domain.case.view import view_of
from workflows.domain.values import Language

pytestmark = pytest.mark.property

SETTINGS = settings(
    deadline=None,
    max_examples=examples(20),
    stateful_step_count=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class Shown(AnyShift):
    """Draws after every step, in alternating languages."""

    policy = WATCHFUL
    drawn_as_of = -1

    @invariant()
    def everything_can_be_drawn(self) -> None:
        if self.case.version == self.drawn_as_of:
            return
        self.drawn_as_of = self.case.version
        reader = Scene(list(Language)[self.case.version % 2]).reader
        view = view_of(self.case)
        drawn = [case_card(view, reader)]
        if view.approval is not None and view.decision is not None:
            drawn.append(approval_card(view, view.approval, view.decision, reader, LINK))
        if lines := self._lines():
            drawn.append(lines_message(lines, view, reader))
        for each in drawn:
            sent = message(each)
            assert [*faults_of(sent), *harm(sent)] == []

    def _lines(self) -> tuple[Recorded, ...]:
        recorded = (Recorded(seq=n, event=each) for n, each in enumerate(self.events, 2))
        return tuple(each for each in recorded if each.event.in_thread)[-MAX_LINES:]


class ShownActingFirst(Shown):
    """Actions before their review."""

    policy = ACT_FIRST


TestShown = Shown.TestCase
TestShownActingFirst = ShownActingFirst.TestCase
TestShown.settings = TestShownActingFirst.settings = SETTINGS
