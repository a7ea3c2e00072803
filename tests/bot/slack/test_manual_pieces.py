"""Manual alerts: offered kinds, and the size of the modal's metadata."""

from activities.slack.escape import units
from bot.slack.manual.alert import kinds_offered
from bot.slack.manual.open import AlertMetadata, encode
from bot.slack.modals.metadata import decode
from tests.bot.slack.fakes import PLAYBOOK
from workflows.domain.values import Language


def test_a_kind_of_two_playbooks_is_offered_once():
    """It has the title of the first matching playbook, because options need unique values."""
    strict = PLAYBOOK.model_copy(update={"playbook": "strict", "order": 1})
    assert kinds_offered((PLAYBOOK, strict)) == [("off_platform", strict)]


def test_a_reported_message_fits_however_slack_counts():
    """A letter of two UTF-16 units counts as two."""
    carried = encode(AlertMetadata(language=Language.JA, message="𠮷" * 2_000))
    assert units(carried) <= 3_000
    assert set(decode(carried, AlertMetadata).message) == {"𠮷"}
