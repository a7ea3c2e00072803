"""Trigger ids, view hashes, the view stack, and typed input."""

import pytest

from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.triggers import ResponseUrls, Triggers
from deploy.sandbox.slack.views import Views
from tests.sandbox.slack.tiny_bot import CARD, modal


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def refusal(call, *args) -> str:
    with pytest.raises(SlackError) as caught:
        call(*args)
    return caught.value.code


def test_a_trigger_works_once():
    """The second exchange is refused."""
    triggers = Triggers()
    trigger_id = triggers.make("U0SATO")
    assert triggers.exchange(trigger_id) == "U0SATO"
    assert refusal(triggers.exchange, trigger_id) == "exchanged_trigger_id"


def test_a_trigger_lives_three_seconds():
    """It is valid at 3.0 s and not later; an invented one never is."""
    clock = Clock()
    triggers = Triggers(clock)
    fresh, stale = triggers.make("U0SATO"), triggers.make("U0SATO")
    clock.now += 3.0
    assert triggers.exchange(fresh) == "U0SATO"
    clock.now += 0.1
    assert refusal(triggers.exchange, stale) == "expired_trigger_id"
    assert refusal(triggers.exchange, "1.2.abc") == "invalid_trigger_id"


def test_a_response_url_lives_thirty_minutes():
    """After that it is expired."""
    clock = Clock()
    urls = ResponseUrls(clock)
    token = urls.make("C0LIVE", "U0SATO")
    clock.now += 1801
    assert refusal(urls.use, token) == "expired_url"


def test_an_update_with_an_old_hash_conflicts():
    """Each change gives a new hash."""
    views = Views()
    view = views.open("U0SATO", modal())
    old = view.hash
    views.update(view, modal("二"), old)
    assert refusal(views.update, view, modal("三"), old) == "hash_conflict"


def test_publishing_home_checks_the_hash_too():
    """A newer home is not overwritten."""
    views = Views()
    home = {"type": "home", "blocks": CARD}
    first = views.publish("U0SATO", home)
    old = first.hash
    views.publish("U0SATO", home, old)
    assert refusal(views.publish, "U0SATO", home, old) == "hash_conflict"


def test_an_update_keeps_what_was_typed_where_the_input_stayed():
    """The same block_id and action_id keep their value; a changed one starts empty."""
    views = Views()
    view = views.open("U0SATO", modal())
    view.values["reason"]["reason"]["value"] = "typed"
    views.update(view, modal("二"))
    assert view.values["reason"]["reason"]["value"] == "typed"
    renamed = modal("三")
    renamed["blocks"][1]["block_id"] = "reason2"
    views.update(view, renamed)
    assert view.values["reason2"]["reason"]["value"] is None


def test_at_most_three_views_stack():
    """There is a root with two pushed views; a push needs a root."""
    views = Views()
    assert refusal(views.push, "U0SATO", modal()) == "not_found"
    root = views.open("U0SATO", modal())
    views.push("U0SATO", modal())
    top = views.push("U0SATO", modal())
    assert top.root == root.id
    assert refusal(views.push, "U0SATO", modal()) == "push_limit_reached"


def test_views_are_checked():
    """Size, external ids, titles and a missing submit are faults."""
    views = Views()
    views.open("U0SATO", modal(external_id="one"))
    assert refusal(views.open, "U0CLARK", modal(external_id="one")) == "duplicate_external_id"
    assert refusal(views.open, "U0SATO", modal("x" * 25)) == "invalid_arguments"
    assert refusal(views.open, "U0SATO", modal(submit=None)) == "invalid_arguments"
    huge = {"type": "home", "blocks": [], "private_metadata": "x" * 256_001}
    assert refusal(views.publish, "U0SATO", huge) == "view_too_large"
