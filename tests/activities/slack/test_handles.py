"""Button handles: round trip, and rejection of invalid values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.slack.handles import Handle, decode, encode
from workflows.domain.ids import case_id, case_workflow_id, closed_workflow_id


def test_a_handle_comes_back_as_it_was_made() -> None:
    """Handles of running and closed cases are decoded unchanged."""
    case = case_id("seed")
    for workflow_id in (case_workflow_id("off_platform", ("user:u_1",)), closed_workflow_id(case)):
        assert decode(encode(case, 7), workflow_id) == Handle(
            case=case, version=7, workflow_id=workflow_id
        )


@pytest.mark.parametrize(
    ("value", "block_id"),
    [
        (None, "case/K00000000"),
        ("K00000000:1", None),
        ("K00000000", "case/K00000000"),
        ("K00000000:-1", "case/K00000000"),
        ("K00000000:１", "case/K00000000"),
        ("K00000000:1\n", "case/K00000000"),
        ("k00000000:1", "case/K00000000"),
        ("K0000000I:1", "case/K00000000"),
        ("K00000000:1", "enforcement/K00000000/D1"),
        ("K00000000:1", "case/../K00000000"),
        ("K00000000:1", "case/off_platform/short"),
    ],
)
def test_what_koban_did_not_make_is_refused(value: object, block_id: object) -> None:
    """Old cards and other apps' blocks have other values."""
    assert decode(value, block_id) is None


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_text_is_a_handle_or_none(value: str, block_id: str) -> None:
    """Decoding never raises."""
    assert decode(value, block_id) is None or value.startswith("K")
