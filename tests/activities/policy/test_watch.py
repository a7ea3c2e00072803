"""Policy reload: a changed folder is read again, and the last valid one stays in use."""

import os
import shutil
from pathlib import Path

import pytest

from activities.policy.loader import PolicyWatch
from activities.policy.yaml_document import PolicyFaults
from tests.activities.policy import folders


class Clock:
    """A clock in seconds that a test advances."""

    def __init__(self) -> None:
        """Starts at zero."""
        self.now = 0.0

    def __call__(self) -> float:
        """The current time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that does not advance by itself."""
    return Clock()


def test_a_change_is_picked_up_after_a_second(tmp_path: Path, clock: Clock) -> None:
    """The disk is checked at most once a second."""
    folder = folders.good(tmp_path)
    watch = PolicyWatch(folder, clock)
    first = watch.current()
    folders.replace(folder, "roles.yaml", "ts-leads", "ts-chiefs")
    assert watch.current() is first
    clock.now += 1.0
    assert watch.current().version != first.version


def test_nothing_is_read_again_while_nothing_changes(tmp_path: Path, clock: Clock) -> None:
    """The same object is returned."""
    watch = PolicyWatch(folders.good(tmp_path), clock)
    first = watch.current()
    clock.now += 60
    assert watch.current() is first


def test_a_broken_change_leaves_the_last_good_folder_in_force(tmp_path: Path, clock: Clock) -> None:
    """The faults are reported until the folder is fixed."""
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
    """A deployment replaces the folder by a move, so it can be missing for a moment."""
    folder = folders.good(tmp_path)
    watch = PolicyWatch(folder, clock)
    first = watch.current()
    folder.rename(tmp_path / "away")
    clock.now += 1
    assert watch.current() is first
    assert [fault.what for fault in watch.faults] == ["the folder is missing"]


def test_a_new_playbook_is_picked_up(tmp_path: Path, clock: Clock) -> None:
    """A new file is a change, even with an old modification time."""
    folder = folders.good(tmp_path)
    watch = PolicyWatch(folder, clock)
    text = (folder / "playbooks" / "off_platform.yaml").read_text(encoding="utf-8")
    added = folder / "playbooks" / "phishing.yaml"
    added.write_text(text.replace("off_platform", "phishing"), encoding="utf-8")
    os.utime(added, (0, 0))
    clock.now += 1
    assert sorted(watch.current().playbooks) == ["off_platform", "other", "phishing"]


def test_a_start_on_a_broken_folder_is_refused(tmp_path: Path) -> None:
    """There is no valid folder to fall back to."""
    with pytest.raises(PolicyFaults, match=r"roles\.yaml:1: the file is empty"):
        PolicyWatch(folders.spoiled("file_empty", tmp_path))


@pytest.mark.parametrize("link", ["", "playbooks"])
def test_a_link_that_is_turned_is_noticed(tmp_path: Path, clock: Clock, link: str) -> None:
    """A Kubernetes ConfigMap turns a link; the new file has the same size and time."""
    folder = folders.good(tmp_path)
    other = Path(shutil.copytree(folder, tmp_path / "next"))
    for each in (folder, other):
        os.utime(each / "playbooks/other.yaml", (0, 0))
    folders.replace(other, "playbooks/other.yaml", "claim: 1h", "claim: 2h")
    os.utime(other / "playbooks/other.yaml", (0, 0))
    mounted = tmp_path / "mounted"
    if link:
        shutil.copytree(folder, mounted)
        shutil.rmtree(mounted / link)
    (mounted / link).symlink_to(folder / link)
    watch = PolicyWatch(mounted, clock)
    first = watch.current()
    (mounted / link).unlink()
    (mounted / link).symlink_to(other / link)
    clock.now += 1
    assert watch.current().version != first.version


def test_links_in_a_circle_are_read_once(tmp_path: Path, clock: Clock) -> None:
    """A link to a folder above it does not end the process."""
    folder = folders.good(tmp_path)
    (folder / "playbooks" / "up").symlink_to(folder)
    watch = PolicyWatch(folder, clock)
    assert watch.current().playbooks.keys() == {"off_platform", "other"}
