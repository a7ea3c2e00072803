"""What Koban reads anew for each world, and the tests of a process read once."""

import ssl
from functools import cache
from pathlib import Path

import pytest

from activities.policy.loader import PolicyFolder, load_policy
from deploy.sandbox.stage import POLICY


def read_once(patch: pytest.MonkeyPatch) -> None:
    """The sandbox's policy, and the certificates of every HTTP client: 0.2 s and 0.02 s each."""
    patch.setattr("activities.policy.loader.load_policy", _policy)
    patch.setattr("ssl.create_default_context", cache(ssl.create_default_context))


def _policy(folder: Path) -> PolicyFolder:
    """No test changes the sandbox's folder."""
    return _sandbox() if folder == POLICY else load_policy(folder)


@cache
def _sandbox() -> PolicyFolder:
    return load_policy(POLICY)
