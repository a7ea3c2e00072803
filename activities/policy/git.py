"""Git commit of the policy folder, read from the files of its repository.

No program is started, so no hook, filter or setting of the repository runs. A commit is named only
if the folder's files are exactly those of the commit.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from workflows.domain.policy.changes import Origin

LARGEST = 16 * 1024 * 1024
"""Bytes of one object; larger ones are not read."""
MOST_DELTAS = 300
"""Deltas in a row; git makes at most 250."""
LONGEST_NAME = 120
_TREE, _LINK = 0o040000, 0o120000


MOST_COMMITS = 1_000
"""Commits that are searched for the last one that changed the folder."""


class _Unreadable(ValueError):
    """The repository is incomplete, or of a form that is not read."""


_ERRORS = (OSError, ValueError, LookupError, struct.error, zlib.error, RecursionError)


UNKNOWN = Origin(authors=("",))
"""The origin of files of which git doesn't have exactly these."""


def origin_of(folder: Path, files: Iterable[str], since: str | None = None) -> Origin:
    """Commit and author of a folder with these files, and the authors of it `since` a commit.

    Empty without a repository; the author is unknown if the files are not those of a commit.
    """
    try:
        repository = _Repository.around(folder)
        if repository is None:
            return Origin()
        head = repository.head()
        tree = repository.folder_tree(head, folder)
        if repository.blobs(tree) != {each: _blob(folder / each) for each in files}:
            return UNKNOWN
        commit = repository.last_change(head, tree, folder)
        found = _commit(repository.read(commit))
    except _ERRORS:
        return UNKNOWN
    authors = _authors(repository, head, since, folder)
    return Origin(commit=commit, author=found.author, email=found.email, authors=authors)


def _authors(
    repository: "_Repository", head: str, since: str | None, folder: Path
) -> tuple[str, ...]:
    """The e-mail addresses of all commits of the folder; an empty one if some are unknown."""
    try:
        commits = repository.between(since, head)
        changed = (each for each in commits.items() if repository.changes(*each, folder))
        return tuple(sorted({made.email or "" for _, made in changed}))
    except _ERRORS:
        return UNKNOWN.authors or ()


def _blob(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class _Commit:
    tree: str
    parents: tuple[str, ...] = ()
    author: str | None = None
    email: str | None = None
    at: int = 0


def _commit(content: bytes) -> _Commit:
    head = content.partition(b"\n\n")[0].decode("utf-8", "replace").splitlines()
    lines = dict(line.partition(" ")[::2] for line in reversed(head))
    parents = tuple(line.removeprefix("parent ") for line in head if line.startswith("parent "))
    name, _, rest = lines.get("author", "").partition("<")
    email = rest.partition(">")[0].strip()[:LONGEST_NAME]
    *_, at, _ = f"0 {lines.get('committer', '')}".rsplit(" ", 2)
    when = int(at) if at.isdecimal() else 0
    return _Commit(lines["tree"], parents, name.strip()[:LONGEST_NAME] or None, email or None, when)


@dataclass(frozen=True)
class _Repository:
    """A repository: the folder of its files, its own git folder, and the one with its objects."""

    root: Path
    own: Path
    common: Path

    @classmethod
    def around(cls, folder: Path) -> "_Repository | None":
        """The repository that has the folder; None without one."""
        place = folder.resolve()
        for root in (place, *place.parents):
            own = root / ".git"
            if own.is_file():  # a worktree or submodule
                own = root / _text(own).removeprefix("gitdir:").strip()
            if own.is_dir():
                link = own / "commondir"
                return cls(root, own, own / _text(link) if link.is_file() else own)
        return None

    def head(self) -> str:
        """The id of the checked-out commit."""
        text = _text(self.own / "HEAD")
        for _ in range(5):
            if not text.startswith("ref:"):
                return _checked(text)
            text = self._ref(text.removeprefix("ref:").strip())
        raise _Unreadable(text)

    def _ref(self, name: str) -> str:
        if not name.startswith("refs/") or ".." in name:
            raise _Unreadable(name)
        for place in (self.own, self.common):
            if (place / name).is_file():
                return _text(place / name)
        for line in _text(self.common / "packed-refs").splitlines():
            commit, _, packed = line.partition(" ")
            if packed == name:
                return commit
        raise _Unreadable(name)

    def last_change(self, commit: str, tree: str, folder: Path) -> str:
        """The commit that gave the folder its tree; the oldest one that is there."""
        for _ in range(MOST_COMMITS):
            try:
                parents = _commit(self.read(commit)).parents
                same = [one for one in parents if self._has(one, tree, folder)]
            except _ERRORS:  # a shallow clone ends here
                break
            if not same:
                break
            commit = same[0]
        return commit

    def between(self, since: str | None, head: str) -> dict[str, _Commit]:
        """The commits that `head` has and `since` doesn't. Raises if not all of them are there."""
        old, new = {_checked(since or "")}, dict[str, _Commit]()
        waiting = [self._dated(since or ""), self._dated(head)]
        for _ in range(MOST_COMMITS):
            if all(id_ in old for _, id_, _ in waiting):
                return {id_: made for id_, made in new.items() if id_ not in old}
            newest = max(waiting, key=lambda each: (each[0], each[1] in old))
            _, id_, made = waiting.pop(waiting.index(newest))
            if id_ in old:
                old |= set(made.parents)
            else:
                new[id_] = made
            known = {each for _, each, _ in waiting} | new.keys()
            waiting += [self._dated(each) for each in made.parents if each not in known]
        raise _Unreadable("too many commits")

    def _dated(self, commit: str) -> tuple[int, str, _Commit]:
        made = _commit(self.read(commit))
        return made.at, commit, made

    def changes(self, id_: str, made: _Commit, folder: Path) -> bool:
        """Whether a commit gave the folder another tree than each of its parents has."""
        tree = self._tree(id_, folder)
        return all(self._tree(each, folder) != tree for each in made.parents)

    def _tree(self, commit: str, folder: Path) -> str | None:
        try:
            return self.folder_tree(commit, folder)
        except LookupError:
            return None

    def _has(self, commit: str, tree: str, folder: Path) -> bool:
        try:
            return self.folder_tree(commit, folder) == tree
        except LookupError:  # the folder was made later
            return False

    def folder_tree(self, commit: str, folder: Path) -> str:
        """The id of the tree of a folder."""
        tree = _commit(self.read(commit)).tree
        for part in folder.resolve().relative_to(self.root).parts:
            mode, tree = dict(_entries(self.read(tree)))[part]
            if mode != _TREE:
                raise _Unreadable(part)
        return tree

    def blobs(self, tree: str, inside: str = "") -> dict[str, str]:
        """The ids of all files by path, except hidden ones and the schemas."""
        found: dict[str, str] = {}
        for name, (mode, id_) in _entries(self.read(tree)):
            path = f"{inside}{name}"
            if name.startswith(".") or path == "schemas":
                continue
            if mode == _TREE:
                found |= self.blobs(id_, f"{path}/")
            elif mode != _LINK:
                found[path] = id_
        return found

    def read(self, id_: str) -> bytes:
        """The content of an object."""
        id_ = _checked(id_)
        for objects in self._object_folders():
            loose = objects / id_[:2] / id_[2:]
            if loose.is_file():
                return _inflated(loose.read_bytes()).partition(b"\0")[2]
            for index in sorted((objects / "pack").glob("*.idx")):
                with index.open("rb") as file:
                    offset = _offset(file, bytes.fromhex(id_))
                if offset is not None:
                    return self._packed(index.with_suffix(".pack"), offset)
        raise _Unreadable(id_)

    def _object_folders(self) -> Iterator[Path]:
        objects = self.common / "objects"
        yield objects
        more = objects / "info" / "alternates"
        if more.is_file():
            yield from (objects / line for line in _text(more).splitlines())

    def _packed(self, pack: Path, offset: int) -> bytes:
        deltas: list[bytes] = []
        with pack.open("rb") as file:
            while len(deltas) <= MOST_DELTAS:
                file.seek(offset)
                kind = _kind(file)
                if kind == 6:
                    offset -= _distance(file)
                    deltas.append(_inflated_from(file))
                elif kind == 7:
                    base = file.read(20).hex()
                    deltas.append(_inflated_from(file))
                    return _with(self.read(base), deltas)
                else:
                    return _with(_inflated_from(file), deltas)
        raise _Unreadable(str(pack))


def _text(path: Path) -> str:
    return path.read_text("utf-8").strip()


def _checked(id_: str) -> str:
    """The id of an object, of a repository with SHA-1."""
    if len(id_) != 40 or set(id_) - set("0123456789abcdef"):
        raise _Unreadable(id_)
    return id_


def _entries(tree: bytes) -> Iterator[tuple[str, tuple[int, str]]]:
    """Name, mode and id of each entry of a tree."""
    while tree:
        head, _, rest = tree.partition(b"\0")
        mode, _, name = head.partition(b" ")
        yield name.decode("utf-8"), (int(mode, 8), rest[:20].hex())
        tree = rest[20:]


# -- packs: https://git-scm.com/docs/gitformat-pack ---------------------------------------


def _inflated(content: bytes) -> bytes:
    found = zlib.decompressobj().decompress(content, LARGEST + 1)
    if len(found) > LARGEST:
        raise _Unreadable("too large")
    return found


def _inflated_from(file: BinaryIO) -> bytes:
    stream, found = zlib.decompressobj(), b""
    while not stream.eof:
        part = file.read(64 * 1024)
        if not part:
            raise _Unreadable("cut")
        found += stream.decompress(part, LARGEST + 1 - len(found))
        if len(found) > LARGEST or stream.unconsumed_tail:
            raise _Unreadable("too large")
    return found


def _offset(index: BinaryIO, id_: bytes) -> int | None:
    """The place of an object in its pack; None if the index of version 2 lacks it."""
    if index.read(8) != b"\xfftOc\x00\x00\x00\x02":
        return None
    counts = struct.unpack(">256I", index.read(1024))
    first, last, total = counts[id_[0] - 1] if id_[0] else 0, counts[id_[0]], counts[255]
    index.seek(1032 + 20 * first)
    ids = index.read(20 * (last - first))
    known = [ids[place : place + 20] for place in range(0, len(ids), 20)]
    if id_ not in known:
        return None
    number = first + known.index(id_)
    index.seek(1032 + 24 * total + 4 * number)
    (offset,) = struct.unpack(">I", index.read(4))
    if offset & 0x80000000:
        index.seek(1032 + 28 * total + 8 * (offset & 0x7FFFFFFF))
        (offset,) = struct.unpack(">Q", index.read(8))
    return int(offset)


def _kind(file: BinaryIO) -> int:
    """The kind of the object that begins here; its size is not needed."""
    first = byte = file.read(1)[0]
    while byte & 0x80:
        byte = file.read(1)[0]
    return (first >> 4) & 7


def _distance(file: BinaryIO) -> int:
    byte = file.read(1)[0]
    value = byte & 0x7F
    while byte & 0x80:
        byte = file.read(1)[0]
        value = ((value + 1) << 7) | (byte & 0x7F)
    return value


def _with(content: bytes, deltas: list[bytes]) -> bytes:
    for delta in reversed(deltas):
        content = _patched(content, delta)
    return content


def _patched(base: bytes, delta: bytes) -> bytes:
    _, place = _size(delta, 0)
    size, place = _size(delta, place)
    found = bytearray()
    while place < len(delta):
        sign, place = delta[place], place + 1
        if sign & 0x80:
            numbers = []
            for bits in (range(4), range(4, 7)):
                value = 0
                for shift, bit in enumerate(bits):
                    if sign >> bit & 1:
                        value |= delta[place] << 8 * shift
                        place += 1
                numbers.append(value)
            start, length = numbers[0], numbers[1] or 0x10000
            found += base[start : start + length]
        else:
            found += delta[place : place + sign]
            place += sign
        if len(found) > LARGEST:
            raise _Unreadable("too large")
    if len(found) != size:
        raise _Unreadable("delta")
    return bytes(found)


def _size(delta: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte, place = delta[place], place + 1
        value, shift = value | (byte & 0x7F) << shift, shift + 7
        if not byte & 0x80:
            return value, place
