"""Registry of Slack actions: labels, menus, forms and presets are consistent."""

import pytest

from activities.slack.actions import (
    ACTIONS,
    ENTRIES,
    MODALS,
    PAGE,
    find,
    label,
    modal_title,
    preset_of,
)
from activities.slack.i18n.catalog import texts
from workflows.domain.values import Language

TITLE = 24
"""Characters of a modal's title and submit button: docs.slack.dev, views."""
OWN_TITLE = {"reveal"}
"""The label of this one says that the look-up is logged, which does not fit a title."""


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("action_id", ACTIONS)
def test_every_action_has_a_label(action_id: str, language: Language) -> None:
    """Both languages have it."""
    assert ACTIONS[action_id].label_key in texts(language).keys


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("modal", MODALS)
def test_the_title_of_a_modal_is_the_label_of_its_button(modal: str, language: Language) -> None:
    """Modals with a title of their own are listed here."""
    catalog = texts(language)
    title = modal_title(modal, catalog)
    assert label(MODALS[modal].id, catalog).removesuffix("…") == title
    assert len(title) <= TITLE or modal in OWN_TITLE


def test_menus_and_pages_have_registered_actions() -> None:
    """A menu entry is the action `case.{entry}`."""
    named = {f"case.{entry}" for entries in ENTRIES.values() for entry in entries}
    assert named | set(PAGE) <= ACTIONS.keys()


@pytest.mark.parametrize(
    ("action_id", "found", "preset"),
    [
        ("case.claim", "case.claim", None),
        ("case.preset.ban", "case.preset", "ban"),
        ("case.confirm_preset.ban", "case.confirm_preset", "ban"),
        ("case.preset", None, None),
        ("case.preset.Ban!", None, None),
        ("case.invented", None, None),
    ],
)
def test_an_action_is_found_by_its_id(action_id: str, found: str | None, preset: str | None):
    """The ids of preset actions include the preset."""
    action = find(action_id)
    assert (action.id if action else None, preset_of(action_id)) == (found, preset)
