"""Policy folders for tests: a small valid one, and copies with faults."""

import shutil
from pathlib import Path

HERE = Path(__file__).parent
BASE = HERE / "base"
TESTDATA = HERE / "testdata"
EXAMPLE = HERE.parents[2] / "deploy" / "policy"


def good(to: Path) -> Path:
    """A copy of the small folder at `to`."""
    return Path(shutil.copytree(BASE, to / "policy"))


def example(to: Path) -> Path:
    """A copy of the shipped example at `to`."""
    return Path(shutil.copytree(EXAMPLE, to / "policy"))


def spoiled(fault: str, to: Path) -> Path:
    """The small folder with the files of `testdata/FAULT`; REMOVED names deleted files."""
    folder = good(to)
    shutil.copytree(TESTDATA / fault, folder, dirs_exist_ok=True)
    (folder / "expected.txt").unlink()
    removed = folder / "REMOVED"
    if removed.exists():
        for file in removed.read_text(encoding="utf-8").split():
            (folder / file).unlink()
        removed.unlink()
    return folder


def replace(folder: Path, file: str, old: str, new: str) -> None:
    """Replaces `old`, which must exist, by `new`."""
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
