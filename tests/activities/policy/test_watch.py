"""Reload of a changed policy folder; the last valid one stays in use."""

import os
from pathlib import Path

import pytest

from activities.policy.loader import PolicyWatch
from activities.policy.yaml_document import PolicyFaults
from tests.activities.policy import folders


class Clock:
    """A clock that a test moves; seconds."""

    def __init__(self) -> None:
        """Starts at zero."""
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


def test_a_change_is_picked_up_after_a_second(tmp_path: Path, clock: Clock) -> None:
    """Within the same second the disk is left alone."""
    folder = folders.good(tmp_path)
    watch = PolicyWatch(folder, clock)
    first = watch.current()
    folders.replace(folder, "roles.yaml", "ts-leads", "ts-chiefs")
    assert watch.current() is first
    clock.now += 1.0
    assert watch.current().version != first.version


def test_nothing_is_read_again_while_nothing_changes(tmp_path: Path, clock: Clock) -> None:
    """The same object is handed out."""
    watch = PolicyWatch(folders.good(tmp_path), clock)
    first = watch.current()
    clock.now += 60
    assert watch.current() is first


def test_a_broken_change_leaves_the_last_good_folder_in_force(tmp_path: Path, clock: Clock) -> None:
    """Its mistakes are told, and go away when it is mended."""
    folder = folders.good(tmp_path)
    watch = PolicyWatch(folder, clock)
    first = watch.current()
    folders.replace(folder, "roles.yaml", "lead:", "leader:")
    clock.now += 1
    assert watch.current() is first
    assert [fault.file for fault in watch.faults] == ["roles.yaml"]
    folders.replace(folder, "roles.yaml", "leader:", "lead:")
    clock.now += 1
    assert watch.current().version == first.version
    assert watch.faults == ()


def test_a_folder_that_vanishes_leaves_the_last_good_one_in_force(
    tmp_path: Path, clock: Clock
) -> None:
    """A deployment replaces a folder by moving it, and looks in between see none."""
    folder = folders.good(tmp_path)
    watch = PolicyWatch(folder, clock)
    first = watch.current()
    folder.rename(tmp_path / "away")
    clock.now += 1
    assert watch.current() is first
    assert [fault.what for fault in watch.faults] == ["the folder is missing"]


def test_a_new_playbook_is_picked_up(tmp_path: Path, clock: Clock) -> None:
    """A file more is a change, also when its time lies in the past."""
    folder = folders.good(tmp_path)
    watch = PolicyWatch(folder, clock)
    text = (folder / "playbooks" / "off_platform.yaml").read_text(encoding="utf-8")
    added = folder / "playbooks" / "phishing.yaml"
    added.write_text(text.replace("off_platform", "phishing"), encoding="utf-8")
    os.utime(added, (0, 0))
    clock.now += 1
    assert sorted(watch.current().playbooks) == ["off_platform", "other", "phishing"]


def test_a_start_on_a_broken_folder_is_refused(tmp_path: Path) -> None:
    """There is no last good one yet."""
    with pytest.raises(PolicyFaults, match=r"roles\.yaml:1: the file is empty"):
        PolicyWatch(folders.spoiled("file_empty", tmp_path))
