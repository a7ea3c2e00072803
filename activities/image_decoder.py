"""Image decoder: re-encodes one image from its pixels, as a process of its own with limits.

The file runs as a script without the rest of Koban: a bomb costs its own seconds and memory, and a
hole in a decoder reaches neither secrets nor connections.
"""

import asyncio
import io
import os
import signal
import struct
import sys
import warnings
import zlib
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image, ImageOps


class FetchFailure(StrEnum):
    """Reason why an image can't be shown."""

    FORBIDDEN = "forbidden"
    GONE = "gone"
    UNAVAILABLE = "unavailable"
    TOO_LARGE = "too_large"
    NO_IMAGE = "no_image"

    @property
    def retryable(self) -> bool:
        """True where a retry may work."""
        return self is FetchFailure.UNAVAILABLE


class NotFetched(Exception):
    """The image can't be shown; the message never repeats its URL."""

    def __init__(self, why: FetchFailure) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True)
class Picture:
    """Re-encoded image, with its type in the name."""

    name: str
    content: bytes


# -- within the process ---------------------------------------------------------------------

# Re-encoding drops metadata, appended files and exploits of decoders. Slack shows PNG and JPEG:
# docs.slack.dev/reference/block-kit/composition-objects/slack-file-object

MOST_PIXELS = 40_000_000
"""Largest image to decode: about that of a phone, 160 MB in memory."""
MOST_SIDE = 2_000
"""Pixels of the longer side after scaling."""
QUALITY = 85
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError),
    *(OverflowError, struct.error, zlib.error),
)
"""Errors of Pillow about broken files."""
_BOMB = (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning)


def picture(content: bytes) -> Picture:
    """Re-encodes the first frame of an image. Raises `NotFetched`."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
            return _reencoded(opened)
    except _BOMB:
        raise NotFetched(FetchFailure.TOO_LARGE) from None
    except _BROKEN:
        raise NotFetched(FetchFailure.NO_IMAGE) from None


def _reencoded(opened: Image.Image) -> Picture:
    if opened.width * opened.height > MOST_PIXELS:
        raise NotFetched(FetchFailure.TOO_LARGE)
    opened.draft("RGB", (MOST_SIDE, MOST_SIDE))  # decodes a JPEG at a reduced size
    image = ImageOps.exif_transpose(opened)
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((MOST_SIDE, MOST_SIDE))
    # A new canvas carries no text, profile or other metadata.
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    written = io.BytesIO()
    if bare.mode == "RGBA":
        bare.save(written, "PNG")
        return Picture("evidence.png", written.getvalue())
    bare.save(written, "JPEG", quality=QUALITY)
    return Picture("evidence.jpg", written.getvalue())


CPU_SECONDS = 5
"""Processor time of one image; a photo of 12 megapixels takes half a second on a slow core."""
MEMORY = 1024**3
"""Bytes of address space: three copies of the largest image, the libraries and Python."""
_PDEATHSIG = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def _limit_process(cpu_seconds: int) -> None:
    import resource  # absent on Windows, where only `koban work` fails

    os.nice(5)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":  # macOS refuses a limit of address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def _end_with_parent(parent: int) -> None:
    """Ends this process with its parent, also when the parent was killed before this call."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    """Reads an image from standard input; writes the name and bytes, or the failure alone."""
    parent, cpu_seconds = int(sys.argv[1]), int(sys.argv[2])
    _end_with_parent(parent)
    _limit_process(cpu_seconds)
    output = sys.stdout.buffer
    try:
        made = picture(sys.stdin.buffer.read())
    except NotFetched as failure:
        output.write(failure.why.value.encode())
    else:
        output.write(made.name.encode() + b"\n" + made.content)
    output.flush()


# -- from outside ---------------------------------------------------------------------------

CONCURRENT = 2
"""Images decoded at a time."""
SECONDS = 15.0
"""Seconds of one image by the clock, on a machine that is busy with other things."""
LARGEST_RESULT = 32 * 1024 * 1024
"""Bytes: twice those of the largest picture without compression."""


class ImageDecoder:
    """Decodes images in processes with limits, a few at a time."""

    def __init__(self, cpu_seconds: int = CPU_SECONDS, seconds: float = SECONDS) -> None:
        self._cpu_seconds = cpu_seconds
        self._seconds = seconds
        self._slots = asyncio.Semaphore(CONCURRENT)

    async def picture(self, content: bytes) -> Picture:
        """Re-encodes the first frame of an image. Raises `NotFetched`."""
        async with self._slots:
            status, result = await self._run(content)
        name, line_end, made = result.partition(b"\n")
        if status == 0 and line_end:
            return Picture(name.decode("ascii", "replace"), made)
        stopped = status in (-signal.SIGXCPU, -signal.SIGKILL)
        if stopped or result == FetchFailure.TOO_LARGE.encode():
            raise NotFetched(FetchFailure.TOO_LARGE)
        raise NotFetched(FetchFailure.NO_IMAGE)

    async def _run(self, content: bytes) -> tuple[int, bytes]:
        """The exit status and the output of a process; it is killed where it takes too long."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", __file__, str(os.getpid()), str(self._cpu_seconds)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._seconds):
                _, result = await asyncio.gather(_give(process, content), _take(process))
                return await process.wait(), result
        except TimeoutError:
            raise NotFetched(FetchFailure.UNAVAILABLE) from None
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _give(process: asyncio.subprocess.Process, content: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(content)
        await process.stdin.drain()
        process.stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        return  # it ended before it had read everything


async def _take(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    taken = bytearray()
    while chunk := await process.stdout.read(65_536):
        taken += chunk
        if len(taken) > LARGEST_RESULT:
            process.kill()
            return b""
    return bytes(taken)


if __name__ == "__main__":
    main()
