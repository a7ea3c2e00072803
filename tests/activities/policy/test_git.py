"""Git commit of the policy folder, read without git, from repositories that git has made."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from activities.policy.git import UNKNOWN, origin_of
from activities.policy.loader import PolicyWatch
from tests.activities.policy import folders
from workflows.domain.policy.changes import Origin

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git makes the repositories")


class Repository:
    """A repository with the policy folder in `koban/policy`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        (root / "koban").mkdir()
        self.folder = folders.good(root / "koban")
        self.git("init", "--initial-branch=main")
        self.commit("Sato Maya", "maya@market.example")

    def git(self, *arguments: str) -> str:
        """Runs git with settings of its own."""
        own = {"HOME": str(self.root), "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
        ran = subprocess.run(
            ["git", *arguments], cwd=self.root, env=own, check=True, capture_output=True, text=True
        )
        return ran.stdout.strip()

    def commit(self, name: str, email: str) -> str:
        """Commits everything; returns the id."""
        self.git("add", "--all")
        person = ("-c", f"user.name={name}", "-c", f"user.email={email}")
        self.git(*person, "commit", "--allow-empty", "--message=x")
        return self.git("rev-parse", "HEAD")

    def change(self, number: int) -> None:
        """Changes a playbook by a comment."""
        file = self.folder / "playbooks" / "other.yaml"
        file.write_text(f"{file.read_text('utf-8')}# {number}\n", "utf-8")

    def origin(self, since: str | None = None) -> Origin:
        """What is read of the folder."""
        watch = PolicyWatch(self.folder)
        return watch.origin(watch.current().version, since)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit."""
    return Repository(tmp_path / "repository")


def test_the_commit_and_its_author_are_read(repository: Repository) -> None:
    """The author is who wrote it, not who checked it out."""
    assert repository.origin() == Origin(
        commit=repository.git("rev-parse", "HEAD"),
        author="Sato Maya",
        email="maya@market.example",
        authors=("",),
    )


def test_the_last_commit_of_the_folder_counts(repository: Repository) -> None:
    """Another person's commit elsewhere in the repository, and their merge, change nothing."""
    first = repository.origin()
    (repository.root / "README").write_text("x", "utf-8")
    repository.commit("Reed", "reed@market.example")
    repository.git("checkout", "-q", "-b", "side")
    repository.change(1)
    changed = repository.commit("Mori", "mori@market.example")
    repository.git("checkout", "-q", "main")
    assert repository.origin() == first
    person = ("-c", "user.name=Reed", "-c", "user.email=reed@market.example")
    repository.git(*person, "merge", "--no-ff", "--message=m", "side")
    found = repository.origin()
    assert (found.commit, found.email) == (changed, "mori@market.example")


def test_the_authors_of_all_commits_since_one_are_read(repository: Repository) -> None:
    """Also of a merged branch; neither earlier authors nor those of other folders."""
    repository.change(1)
    since = repository.commit("Early", "early@market.example")
    repository.git("checkout", "-q", "-b", "side")
    repository.change(2)
    repository.commit("Mori", "mori@market.example")
    (repository.root / "README").write_text("x", "utf-8")
    repository.commit("Reed", "reed@market.example")
    repository.git("checkout", "-q", "main")
    repository.git("-c", "user.name=R", "-c", "user.email=r@x", "merge", "--no-ff", "-mm", "side")
    repository.change(3)
    repository.commit("Clark", "clark@market.example")
    found = repository.origin(since)
    assert found.email == "clark@market.example"
    assert found.authors == ("clark@market.example", "mori@market.example")
    assert repository.origin(found.commit).authors == ()


@pytest.mark.parametrize("since", [None, "0" * 40, "no commit"])
def test_without_the_commit_in_force_the_author_is_unknown(
    repository: Repository, since: str | None
) -> None:
    """Somebody could hide behind a later commit of a colleague."""
    assert repository.origin(since).authors == ("",)


def test_a_commit_is_that_of_its_version_only(repository: Repository) -> None:
    """The disk has moved on since the version was read."""
    watch = PolicyWatch(repository.folder, look_seconds=0.0)
    version = watch.current().version
    repository.change(1)
    repository.commit("Mori", "mori@market.example")
    watch.current()
    assert watch.origin(version) == UNKNOWN
    assert watch.origin(watch.current().version).email == "mori@market.example"


@pytest.mark.parametrize("packed", [False, True])
def test_packed_objects_and_refs_are_read(repository: Repository, packed: bool) -> None:
    """Fifty commits are deltas of each other."""
    for number in range(50):
        repository.change(number)
        repository.commit("Sato Maya", "maya@market.example")
    if packed:
        repository.git("gc", "--aggressive", "--prune=now", "--quiet")
        repository.git("pack-refs", "--all")
    assert repository.origin().commit == repository.git("rev-parse", "HEAD")


def test_a_worktree_and_a_detached_head_are_read(repository: Repository, tmp_path: Path) -> None:
    """As deployments check out a tag."""
    repository.git("worktree", "add", "--detach", str(tmp_path / "tree"))
    watch = PolicyWatch(tmp_path / "tree" / "koban" / "policy")
    assert watch.origin(watch.current().version) == repository.origin()


def test_a_shallow_clone_has_its_commit(repository: Repository, tmp_path: Path) -> None:
    """The commits before it are not there."""
    repository.change(1)
    commit = repository.commit("Mori", "mori@market.example")
    repository.git("clone", "--depth=1", f"file://{repository.root}", str(tmp_path / "clone"))
    first = repository.git("rev-parse", "HEAD~1")
    watch = PolicyWatch(tmp_path / "clone" / "koban" / "policy")
    found = watch.origin(watch.current().version, first)
    assert (found.commit, found.author, found.authors) == (commit, "Mori", ("",))


def test_files_that_are_not_committed_have_no_commit(repository: Repository) -> None:
    """Naming the checked-out one would be wrong."""
    repository.change(1)
    assert repository.origin() == UNKNOWN
    repository.git("checkout", "--", ".")
    assert repository.origin().commit is not None
    (repository.folder / "limits.yaml").write_text("approval: {by: lead, within: 30m}\n", "utf-8")
    assert repository.origin() == UNKNOWN


def test_hooks_filters_and_settings_do_not_run(repository: Repository) -> None:
    """The repository may be anybody's."""
    ran = repository.root / "ran"
    hook = repository.root / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n", "utf-8")
    hook.chmod(0o755)
    for name in ("core.fsmonitor", "filter.x.clean", "core.pager", "core.sshCommand"):
        repository.git("config", name, f"touch {ran}")
    assert repository.origin().commit is not None
    assert not ran.exists()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("HEAD", "ref: refs/../../../etc/passwd"),
        ("HEAD", "ref: refs/heads/none"),
        ("HEAD", "x" * 40),
        ("HEAD", ""),
        ("refs/heads/main", "0" * 40),
    ],
)
def test_a_broken_repository_has_no_commit(repository: Repository, file: str, text: str) -> None:
    """The folder is used all the same."""
    (repository.root / ".git" / file).write_text(text, "utf-8")
    assert repository.origin() == UNKNOWN


def test_broken_objects_have_no_commit(repository: Repository) -> None:
    """Nothing of them is trusted."""
    for object_ in (repository.root / ".git" / "objects").glob("??/*"):
        object_.chmod(0o644)
        object_.write_bytes(b"\x78\x9c\x00")
    assert repository.origin() == UNKNOWN


def test_a_folder_outside_of_any_repository_has_no_commit(tmp_path: Path) -> None:
    """A mounted folder, for example."""
    folder = folders.good(tmp_path)
    assert origin_of(folder, ["actions.yaml"]) == Origin()
