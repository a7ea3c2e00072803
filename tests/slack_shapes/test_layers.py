"""Every surface in every state, in both languages and with any text, is valid for Slack."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.slack_shapes.checks import faults_of, sandbox_faults
from tests.slack_shapes.injection import harm
from tests.slack_shapes.limits import limit_faults
from tests.slack_shapes.registry import SURFACES
from tests.slack_shapes.rules import emoji_alone, rule_faults
from tests.slack_shapes.scene import Scene, Surface
from tests.slack_shapes.sent import Sent
from tests.slack_shapes.words import ANY, NOTHING, ROUNDS, USUAL, WORST, Words, hostile
from workflows.domain.values import Language

every_surface = pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
both_languages = pytest.mark.parametrize("language", Language)


def faulty(surface: Surface, scene: Scene, *checks) -> dict[str, list[str]]:
    """Faults by state."""
    found = {
        state: [fault for check in checks for fault in check(sent)]
        for state, sent in surface.draw(scene)
    }
    return {state: faults for state, faults in found.items() if faults}


@pytest.mark.wide(16)
@every_surface
@both_languages
@pytest.mark.parametrize("words", [USUAL, WORST, NOTHING], ids=["usual", "worst", "nothing"])
def test_slack_takes_it(surface: Surface, language: Language, words: Words):
    """Models, schema, limits, rules, sandbox and injection checks find nothing."""
    assert faulty(surface, Scene(language, words), faults_of, sandbox_faults, harm) == {}


@pytest.mark.wide(6)
@every_surface
@both_languages
def test_emoji_never_stands_alone(surface: Surface, language: Language):
    """A state is a word; the colour is an addition."""
    assert faulty(surface, Scene(language), emoji_alone) == {}


@pytest.mark.wide(3)
@every_surface
def test_no_token_does_harm(surface: Surface):
    """Each of Slack's markup characters is escaped in every foreign text."""
    for tokens in ROUNDS:
        assert faulty(surface, Scene(words=hostile(tokens)), harm) == {}, tokens


@pytest.mark.wide(3)
@every_surface
@settings(
    deadline=None,
    max_examples=5,
    # A surface takes too long to draw for making its words smaller one by one.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(words=ANY, language=st.sampled_from(Language), data=st.data())
def test_no_words_do_harm(surface: Surface, words: Words, language: Language, data: st.DataObject):
    """Any text of a detector, the platform or a colleague is valid and inert."""
    drawn = list(surface.draw(Scene(language, words)))
    start = data.draw(st.integers(0, max(len(drawn) - 12, 0)))
    for state, sent in drawn[start : start + 12]:
        assert list(_cheaply(sent)) == [], state


def _cheaply(sent: Sent):
    yield from harm(sent)
    yield from limit_faults(sent)
    yield from rule_faults(sent)
