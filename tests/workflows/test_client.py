"""Workflow client while Temporal is unreachable."""

import pytest
from temporalio.client import Client

from tests.conftest import free_port
from workflows.client import Cases, OutOfReach
from workflows.domain.case.commands import Claim, Click, Place
from workflows.domain.people import Actor


async def test_a_failed_first_connection_is_out_of_reach() -> None:
    """A lazy client raises a RuntimeError on its first call."""
    client = await Client.connect(f"127.0.0.1:{free_port()}", lazy=True)
    cases = Cases(client, "koban")
    claim = Claim(by=Actor(id="U0SATO"))
    click = Click(id="press/1", case="K7Q2F9XM0", command=claim, place=Place(channel="C0LIVE"))
    with pytest.raises(OutOfReach):
        await cases.click("case/off_platform/0MZBD6APWDXT4YVE", click)
    with pytest.raises(OutOfReach):
        await cases.memory("case/off_platform/0MZBD6APWDXT4YVE")
