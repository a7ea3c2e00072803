"""Cases that run in a deployment must survive the next version of the code."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from bot.worker import sandbox
from tests.replay.record import HISTORIES
from workflows.appeal import AppealWorkflow
from workflows.case import CaseWorkflow
from workflows.enforcement import EnforcementWorkflow

RECORDED = sorted(HISTORIES.rglob("*.json"))


def recorded(path: Path) -> WorkflowHistory:
    """A history from its file."""
    return WorkflowHistory.from_json(path.stem, path.read_text("utf-8"))


def test_there_are_histories_of_every_workflow() -> None:
    """An empty corpus would prove nothing."""
    names = {path.stem.split("-")[1] for path in RECORDED}
    assert names == {"appeal", "case", "enforcement"}


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_a_recorded_history_replays(path: Path) -> None:
    """Today's code asks for what the recorded run asked for, in the same order."""
    replayer = Replayer(
        workflows=[AppealWorkflow, CaseWorkflow, EnforcementWorkflow],
        workflow_runner=sandbox(),
        data_converter=pydantic_data_converter,
    )
    await replayer.replay_workflow(recorded(path))
