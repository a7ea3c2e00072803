"""Installer `deploy/install.py`: progress, messages after a failure, and resumption."""

from io import StringIO
from pathlib import Path

import pytest

from deploy.install import Progress, Shown, drop_half_installed, packages, why


def after(*lines: str) -> str:
    """Progress line after these lines of pip or uv, with 3 of 77 packages installed."""
    progress = Progress(77, lambda: 3)
    for line in lines:
        progress.read(f"{line}\n")
    return str(progress)


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ([], "preparing"),
        (["Collecting numpy==2.4.6 (from -r demo.lock (line 9))"], "downloading, 1 of 77: numpy"),
        (
            ["Collecting numpy==2.4.6", "  Downloading numpy-2.4.6-cp311.whl (16.9 MB)"],
            "downloading, 1 of 77: numpy (16.9 MB)",
        ),
        (
            ["Downloading numpy (16.1MiB)", "Downloading babel (9.7MiB)", " Downloaded numpy"],
            "downloading: babel (9.7MiB)",
        ),
        (["Installing collected packages: a, b"], "installing, 3 of 77"),
        (["Prepared 77 packages in 1.28s"], "installing, 3 of 77"),
        (
            ["WARNING: Retrying (Retry(total=4)) after connection broken"],
            "no answer from the network, trying again",
        ),
    ],
)
def test_the_output_of_pip_and_uv_becomes_one_line(lines: list[str], shown: str) -> None:
    """It has the size of downloads, then the number of installed packages."""
    assert after(*lines) == shown


def test_a_log_gets_no_more_than_a_line_every_few_seconds() -> None:
    """Without a terminal there are no control characters and few lines."""
    out = StringIO()
    shown = Shown(out)
    shown.tick(Progress(77, lambda: 0))
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: Retrying (Retry(total=0)) after connection broken by NewConnectionError",
        "error: client error (Connect): dns error",
    ],
)
def test_without_a_network_one_sentence_says_so(line: str) -> None:
    """The output of pip or uv is left out."""
    said = why(f"{line}\nERROR: No matching distribution found for aiohttp==3.14.5")
    assert said.startswith("The package index does not answer.")
    assert "ERROR" not in said


def test_other_failures_show_the_last_lines() -> None:
    """A wrong hash is no network problem."""
    said = why("Retrying (Retry\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES")
    assert "DO NOT MATCH" in said
    assert said.endswith("to use pip.")
    assert "Make room" in why("OSError: No space left on device")


def test_a_half_installed_package_is_installed_again(tmp_path: Path) -> None:
    """Its record is removed; a complete package's record stays."""
    for name, files in (("whole", ("RECORD", "INSTALLER")), ("half", ("RECORD", "METADATA"))):
        (tmp_path / f"{name}-1.dist-info").mkdir()
        for file in files:
            (tmp_path / f"{name}-1.dist-info" / file).touch()
    drop_half_installed(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["whole-1.dist-info"]


def test_the_count_leaves_out_packages_for_other_systems(tmp_path: Path) -> None:
    """Two versions of a package count once, packages for Windows do not count."""
    lock = tmp_path / "demo.lock"
    lock.write_text(
        "numpy==2.4.6 ; python_full_version < '3.12' \\\n    --hash=sha256:00\n"
        "numpy==2.5.5 ; python_full_version >= '3.12' \\\n    --hash=sha256:01\n"
        "colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:02\n"
    )
    assert packages(lock) == {"numpy"}
