"""Files: upload URL, upload, completion.

Slack processes a new file before it can be shown; until then `files.info` has no mimetype
(github.com/slackapi/node-slack-sdk/issues/1865).
"""

import mimetypes
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.model import File

# docs.slack.dev, slack file object: "Currently only png, jpg, jpeg, and gif".
SHOWN = frozenset({"image/png", "image/jpeg", "image/gif"})


@dataclass
class Upload:
    file_id: str
    name: str
    length: int
    content: bytes | None = None


@dataclass
class Uploads:
    files: dict[str, File] = field(default_factory=dict)
    process_seconds: float = 0.2
    _pending: dict[str, Upload] = field(default_factory=dict)
    _ready_at: dict[str, float] = field(default_factory=dict)

    def start(self, name: str, length: int) -> tuple[str, str]:
        """Starts an upload: (token of its URL, file id)."""
        token = secrets.token_urlsafe(16)
        upload = Upload("F" + secrets.token_hex(5).upper(), name, length)
        self._pending[token] = upload
        return token, upload.file_id

    def receive(self, token: str, content: bytes) -> bool:
        """Stores the bytes; False if the URL is unknown or the length is not the announced one."""
        upload = self._pending.get(token)
        if upload is None or len(content) != upload.length:
            return False
        upload.content = content
        return True

    def complete(self, file_id: str, title: str | None) -> File:
        for token, upload in self._pending.items():
            if upload.file_id == file_id and upload.content is not None:
                del self._pending[token]
                kind = mimetypes.guess_type(upload.name)[0] or "application/octet-stream"
                file = File(file_id, upload.name, title or upload.name, kind, upload.content)
                self.files[file_id] = file
                self._ready_at[file_id] = time.monotonic() + self.process_seconds
                return file
        raise SlackError("file_not_found")

    def finish(self, file_id: str) -> None:
        """Ends the processing of a file now."""
        self._ready_at[file_id] = time.monotonic()

    def find(self, file_id: str) -> File:
        """The file. Raises `SlackError` `file_not_found`."""
        if file_id not in self.files:
            raise SlackError("file_not_found")
        return self.files[file_id]

    def is_ready(self, file_id: str) -> bool:
        """True once the file is processed."""
        return time.monotonic() >= self._ready_at.get(file_id, 0)

    def faults(self, blocks: object, pointer: str) -> list[str]:
        """Faults of the files in blocks, in Slack's words."""
        shown = _slack_files(blocks, pointer)
        return [
            f"[ERROR] invalid slack file [json-pointer:{where}]"
            for where, wanted in shown
            if not self._can_show(wanted)
        ]

    def _can_show(self, wanted: object) -> bool:
        named = wanted if isinstance(wanted, dict) else {}
        ident = str(named.get("id") or str(named.get("url", "")).rpartition("/")[2])
        file = self.files.get(ident)
        return file is not None and file.mimetype in SHOWN and self.is_ready(ident)


def _slack_files(part: object, pointer: str) -> Iterator[tuple[str, object]]:
    if isinstance(part, list):
        for number, each in enumerate(part):
            yield from _slack_files(each, f"{pointer}/{number}")
    elif isinstance(part, dict):
        for name, each in part.items():
            if name == "slack_file":
                yield f"{pointer}/{name}", each
            else:
                yield from _slack_files(each, f"{pointer}/{name}")
