"""Files: an upload url first, the bytes next, then the completion that shares them."""

import mimetypes
import secrets
from dataclasses import dataclass, field

from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.model import File


@dataclass
class Upload:
    file_id: str
    name: str
    length: int
    content: bytes | None = None


@dataclass
class Uploads:
    files: dict[str, File] = field(default_factory=dict)
    _pending: dict[str, Upload] = field(default_factory=dict)

    def start(self, name: str, length: int) -> tuple[str, str]:
        """(token of the upload url, file id)."""
        token = secrets.token_urlsafe(16)
        upload = Upload("F" + secrets.token_hex(5).upper(), name, length)
        self._pending[token] = upload
        return token, upload.file_id

    def receive(self, token: str, content: bytes) -> bool:
        """False when the url is unknown or the length is not the announced one."""
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
                return file
        raise SlackError("file_not_found")
