"""Empty environment, and a policy folder with a detector that has its own secret."""

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

EXAMPLE = Path(__file__).parents[2] / "deploy" / "policy"
DETECTOR = (
    "detector: live-chat\ntitle: {ja: 配信チャット, en: Live chat}\nsecret: {env: CHAT_SECRET}\n"
)
FEEDBACK = "feedback: {url: {env: CHAT_FEEDBACK}}\n"


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """An empty environment; logging is reset after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with pytest.MonkeyPatch.context() as changed:
        for name in [name for name in os.environ if name.startswith("KOBAN_")]:
            changed.delenv(name)
        changed.chdir(tmp_path)
        yield changed
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example policy with one detector that has a secret of its own."""
    copy = tmp_path / "policy"
    shutil.copytree(EXAMPLE, copy)
    shutil.rmtree(copy / "detectors", ignore_errors=True)
    (copy / "detectors").mkdir()
    (copy / "detectors" / "live-chat.yaml").write_text(DETECTOR, "utf-8")
    return copy
