"""Temporal client from the settings: TLS, and worker versioning."""

from pathlib import Path

import pytest
from temporalio.service import TLSConfig

from bot.errors import SettingWrong
from bot.settings import Temporal
from bot.temporal import deployment_of, open_client


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


async def test_the_certificate_authority_reaches_the_client(tmp_path: Path) -> None:
    """By itself, as a server with its own authority and an API key needs it."""
    authority = tmp_path / "ca.pem"
    authority.write_bytes(b"-----BEGIN CERTIFICATE-----")
    client = await open_client(Temporal(tls_ca=authority))
    tls = client.service_client.config.tls
    assert isinstance(tls, TLSConfig)
    assert tls.server_root_ca_cert == b"-----BEGIN CERTIFICATE-----"
    assert (tls.client_cert, tls.client_private_key) == (None, None)


async def test_a_certificate_authority_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    """Without it the client would trust the machine's authorities."""
    with pytest.raises(SettingWrong) as stopped:
        await open_client(Temporal(tls_ca=tmp_path / "ca.pem"))
    assert str(stopped.value) == (
        f"The TLS file {tmp_path}/ca.pem can't be read: No such file or directory."
    )
