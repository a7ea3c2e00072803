"""Worker versioning: on when deployment and build are set."""

import pytest

from bot.errors import SettingWrong
from bot.settings import Temporal
from bot.temporal import deployment_of


def test_a_worker_without_a_version_is_as_before() -> None:
    """It receives every case."""
    assert deployment_of(Temporal()) is None


def test_a_worker_sends_its_deployment_and_its_build() -> None:
    """Both names are sent to Temporal."""
    config = deployment_of(Temporal(deployment="koban-prod", build_id="0.2.0"))
    assert config is not None
    assert config.version.to_canonical_string() == "koban-prod.0.2.0"
    assert config.use_worker_versioning is True


@pytest.mark.parametrize("half", [{"deployment": "koban"}, {"build_id": "0.2.0"}])
def test_half_a_version_is_refused(half: dict[str, str]) -> None:
    """It would run unversioned and receive cases of every version."""
    with pytest.raises(SettingWrong) as stopped:
        deployment_of(Temporal(**half))
    assert str(stopped.value) == (
        "KOBAN_TEMPORAL__DEPLOYMENT and KOBAN_TEMPORAL__BUILD_ID belong together: set both."
    )
