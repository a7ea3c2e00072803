"""Recorded histories: open cases must survive the next version of the code."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from bot.workflow_guards import GuardedRunner
from tests.replay.record import HISTORIES, asked, store, stored
from workflows.appeal_workflow import AppealWorkflow
from workflows.bulk_workflow import BulkWorkflow
from workflows.case_workflow import CaseWorkflow
from workflows.enforcement_workflow import EnforcementWorkflow
from workflows.storm_workflow import StormWorkflow

RECORDED = sorted(
    path for path in HISTORIES.rglob("*") if path.name.endswith((".json", ".json.gz"))
)


def recorded(path: Path) -> WorkflowHistory:
    """A history from its file."""
    return WorkflowHistory.from_json(path.stem, stored(path))


def test_there_are_histories_of_every_workflow() -> None:
    """Without histories the test would prove nothing."""
    names = {path.stem.split("-")[1] for path in RECORDED}
    assert names == {"appeal", "case", "enforcement", "bulk", "storm"}


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_a_recorded_history_replays(path: Path) -> None:
    """Today's code makes the recorded run's commands in the same order."""
    replayer = Replayer(
        workflows=[
            AppealWorkflow,
            CaseWorkflow,
            EnforcementWorkflow,
            BulkWorkflow,
            StormWorkflow,
        ],
        workflow_runner=GuardedRunner(),
        data_converter=pydantic_data_converter,
        # A replay is judged by its commands, not by the 2 s that a busy machine may exceed.
        debug_mode=True,
    )
    await replayer.replay_workflow(recorded(path))


def test_a_large_history_is_stored_small(tmp_path: Path) -> None:
    """Above 50 kB it is gzipped and read back unchanged; a small one stays plain text."""
    for name, history in (("small", "{}"), ("large", '{"events": "' + "e" * 60_000 + '"}')):
        store(tmp_path / f"{name}.json", history)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["large.json.gz", "small.json"]
    assert (tmp_path / "large.json.gz").stat().st_size < 1_000
    assert stored(tmp_path / "large.json.gz") == '{"events": "' + "e" * 60_000 + '"}\n'
    assert stored(tmp_path / "small.json") == "{}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say which version is recorded: make record VERSION=0.2.0"),
        (["../x"], "Say which version is recorded: make record VERSION=0.2.0"),
        (["0.1.0"], "0.1.0 is recorded already: what a release wrote is not replaced."),
    ],
)
def test_recording_needs_a_new_version(arguments: list[str], sentence: str) -> None:
    """A release's histories prove compatibility, so they are not overwritten."""
    with pytest.raises(SystemExit) as stopped:
        asked(arguments)
    assert str(stopped.value) == sentence
