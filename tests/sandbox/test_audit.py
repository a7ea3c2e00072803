"""Audit of dependencies: what is not pinned is named."""

import pytest

from deploy import audit

HASH = f"--hash=sha256:{'0' * 64}"


def test_everything_of_the_repository_is_pinned(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0; what was not looked up is said."""
    assert audit.main([]) == 0
    output = capsys.readouterr().out
    assert ", 0 not pinned by hash" in output
    assert "not checked: known vulnerabilities" in output


def test_an_image_without_a_digest_is_refused_only_where_asked() -> None:
    """A tag can be moved to another image."""
    assert audit.main(["--strict"]) == 1


@pytest.mark.parametrize(
    ("lock", "lines"),
    [
        (f"httpx==0.28.1 \\\n    {HASH}\n", []),
        (f"# with extras\nuvicorn[standard]==0.35.0 {HASH}\n", []),
        ("httpx==0.28.1\n", ["a.lock: httpx==0.28.1: without a hash"]),
        ("httpx==0.28.1 --hash=sha256:12\n", ["a.lock: httpx==0.28.1: without a hash"]),
        ("httpx==0.28.1 --hash=md5:12\n", ["a.lock: httpx==0.28.1: without a hash"]),
        (f"httpx>=0.28 {HASH}\n", ["a.lock: httpx>=0.28: not pinned to a version"]),
        ("-e .\n", ["a.lock: -e: not pinned to a version"]),
    ],
)
def test_a_requirement_needs_a_version_and_a_hash(lock: str, lines: list[str]) -> None:
    """Each other form is a line."""
    assert list(audit.unpinned("a.lock", lock)) == lines


def test_a_dependency_without_a_lock_is_named() -> None:
    """Names are compared as registries do."""
    lock = f"Typing_Extensions==4.0 {HASH}\n"
    assert list(audit.missing(["typing-extensions>=4"], "a.lock", lock)) == []
    assert list(audit.missing(["httpx>=0.28"], "a.lock", lock)) == [
        "a.lock: httpx>=0.28: declared in pyproject.toml and not locked"
    ]


def test_the_image_has_the_tested_versions() -> None:
    """A version that the tests never saw is named."""
    assert list(audit.different(f"a==1 {HASH}", f"a==2 {HASH}")) == [
        "deploy/requirements.lock: a 2: tested is 1"
    ]


def test_images_are_found_in_both_forms() -> None:
    """An image that is built here needs no digest."""
    text = (
        "ARG PYTHON_IMAGE=python:3.11\n  image: ${TEMPORAL_IMAGE:-temporal:1}\n"
        f"  image: postgres:17@sha256:{'0' * 64}\n  image: koban:0.1.0\n"
    )
    assert list(audit.untagged("f", text)) == [
        "f: python:3.11: a tag without a digest",
        "f: temporal:1: a tag without a digest",
    ]
