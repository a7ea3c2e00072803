"""Audit of dependencies: every requirement is pinned by hash, every image named by digest.

    python -m deploy.audit [--strict] [--online]

Standard library only, without network. With `--online` pip-audit, which has to be installed, looks
known vulnerabilities up; otherwise the last line says that they were not looked up. Exit 1 for a
requirement that is not pinned, and with `--strict` also for an image without a digest.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
WHOLE, SHIPPED = "requirements.lock", "deploy/requirements.lock"
LOCKS = (WHOLE, "demo.lock", SHIPPED)
IMAGES = ("deploy/Dockerfile", "deploy/compose/compose.yaml")

_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}(?=\s|$)")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_IMAGE = re.compile(r"^\s*(?:ARG \w+_IMAGE=|image:\s*)(?:\$\{\w+:-)?([^\s}]+)", re.MULTILINE)
_OWN = "koban:"
"""Images that are built here."""


def requirements(lock: str) -> Iterator[str]:
    """The requirements of a lock file, each with its continued lines."""
    for entry in lock.replace("\\\n", " ").splitlines():
        if entry.strip() and not entry.lstrip().startswith("#"):
            yield " ".join(entry.split())


def pins(lock: str) -> dict[str, str]:
    """The version of each pinned package, by its normalized name."""
    found = (_PINNED.match(each) for each in requirements(lock))
    return {normalized(match[1]): match[2] for match in found if match}


def normalized(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def unpinned(name: str, lock: str) -> Iterator[str]:
    """A line for each requirement of `lock` without an exact version or a hash."""
    for each in requirements(lock):
        if _PINNED.match(each) is None:
            yield f"{name}: {each.split()[0]}: not pinned to a version"
        elif _HASH.search(each) is None:
            yield f"{name}: {each.split()[0]}: without a hash"


def missing(declared: list[str], name: str, lock: str) -> Iterator[str]:
    """A line for each declared dependency that the lock lacks."""
    have = pins(lock)
    for each in declared:
        found = _NAME.match(each)
        if found is None or normalized(found[0]) not in have:
            yield f"{name}: {each}: declared in pyproject.toml and not locked"


def different(whole: str, shipped: str) -> Iterator[str]:
    """A line for each package of the image that is not the tested version."""
    tested = pins(whole)
    for name, version in pins(shipped).items():
        if tested.get(name) != version:
            yield f"{SHIPPED}: {name} {version}: tested is {tested.get(name, 'none')}"


def untagged(name: str, text: str) -> Iterator[str]:
    """A line for each foreign image that is named by a tag, which can be moved."""
    for image in _IMAGE.findall(text):
        if "@sha256:" not in image and not image.startswith(_OWN):
            yield f"{name}: {image}: a tag without a digest"


def vulnerabilities(online: bool) -> int:
    """Runs pip-audit over what the image ships, if it may; returns its exit code."""
    tool = shutil.which("pip-audit")
    if not online:
        print("not checked: known vulnerabilities (install pip-audit, and add --online)")
        return 0
    if tool is None:
        print("pip-audit is not installed: install it, or leave --online out")
        return 1
    command = [tool, "--require-hashes", "--disable-pip", "-r", str(ROOT / SHIPPED)]
    return subprocess.run(command, check=False).returncode


def main(arguments: list[str]) -> int:
    """Prints every finding; returns the exit code."""
    texts = {name: (ROOT / name).read_text("utf-8") for name in (*LOCKS, *IMAGES)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wrong = [line for name in LOCKS for line in unpinned(name, texts[name])]
    wrong += missing(project["dependencies"], SHIPPED, texts[SHIPPED])
    wrong += different(texts[WHOLE], texts[SHIPPED])
    tags = [line for name in IMAGES for line in untagged(name, texts[name])]
    print("\n".join([*wrong, *(f"warning: {line}" for line in tags)]))
    code = 1 if wrong or (tags and "--strict" in arguments) else 0
    print(f"{len(pins(texts[SHIPPED]))} packages in the image, {len(wrong)} not pinned by hash")
    return max(code, vulnerabilities("--online" in arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
