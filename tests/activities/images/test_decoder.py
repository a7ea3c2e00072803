"""Image decoder: a process with limits, without secrets, that ends with its parent."""

import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from PIL import Image

from activities.image_decoder import FetchFailure, ImageDecoder, NotFetched, Picture, picture
from deploy.sandbox.slack.person import wait_until
from tests.activities.images.test_pictures import bomb, made

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def endless_jpeg() -> bytes:
    """A progressive JPEG of 150 KB that takes minutes: its last scan is there 2,000 times."""
    written = io.BytesIO()
    Image.new("RGB", (3000, 3000)).save(written, "JPEG", progressive=True)
    whole = written.getvalue()
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + scan * 2_000 + whole[-2:]


ENDLESS = endless_jpeg()


async def why(content: bytes, decoder: ImageDecoder) -> FetchFailure:
    with pytest.raises(NotFetched) as refused:
        await decoder.picture(content)
    return refused.value.why


async def test_an_image_is_re_encoded_in_a_process_of_its_own() -> None:
    """The result is the same as within the process."""
    decoder = ImageDecoder(seconds=60)
    for content in (made("PNG", mode="RGBA"), made("GIF"), made("JPEG")):
        assert await decoder.picture(content) == picture(content)


async def test_an_image_that_takes_too_much_processor_time_is_stopped() -> None:
    """It is refused as too large, and an ordinary one after it is shown."""
    assert len(ENDLESS) < 200_000
    decoder = ImageDecoder(cpu_seconds=1, seconds=120)
    assert await why(ENDLESS, decoder) is FetchFailure.TOO_LARGE
    assert (await decoder.picture(made("JPEG"))).name == "evidence.jpg"


async def test_an_image_that_takes_too_long_can_be_tried_again() -> None:
    """The machine may have been busy."""
    decoder = ImageDecoder(cpu_seconds=600, seconds=0.5)
    assert await why(ENDLESS, decoder) is FetchFailure.UNAVAILABLE


def animation(frames: int, size: int) -> bytes:
    """A GIF with this many frames."""
    written = io.BytesIO()
    pictures = [Image.new("L", (size, size), number % 256) for number in range(frames)]
    pictures[0].save(written, "GIF", save_all=True, append_images=pictures[1:])
    return written.getvalue()


async def test_bombs_of_other_kinds_are_refused() -> None:
    """Huge dimensions are refused by the header; of many frames only the first is decoded."""
    decoder = ImageDecoder(seconds=120)
    assert await why(bomb(60_000, 60_000), decoder) is FetchFailure.TOO_LARGE
    webp = io.BytesIO()
    Image.new("L", (16_000, 2_600)).save(webp, "WEBP", method=0)
    assert await why(webp.getvalue(), decoder) is FetchFailure.TOO_LARGE
    assert (await decoder.picture(animation(300, 40))).name == "evidence.jpg"
    assert await why(b"not an image", decoder) is FetchFailure.NO_IMAGE


def children(parent: int) -> set[int]:
    """The processes that `parent` has started and that still run."""
    listed = Path(f"/proc/{parent}/task").glob("*/children")
    return {int(pid) for each in listed for pid in each.read_text().split()}


async def child_of(before: set[int]) -> int:
    """The process that was started since."""

    def look() -> int | None:
        return next(iter(children(os.getpid()) - before), None)

    return await wait_until(look, what="the decoder's process")


def read(pid: int, name: str) -> bytes:
    """A file of a process under /proc; empty where the process is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""


async def is_gone(pid: int) -> None:
    def look() -> bool:
        stat = read(pid, "stat")
        return not stat or b") Z " in stat

    await wait_until(look, what=f"the end of process {pid}")


@asynccontextmanager
async def decoding() -> AsyncIterator[tuple[int, "asyncio.Task[Picture]"]]:
    """A decoder at work on an image without end: its process and its task."""
    before = children(os.getpid())
    task = asyncio.create_task(ImageDecoder(cpu_seconds=600, seconds=600).picture(ENDLESS))
    try:
        yield await child_of(before), task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@ON_LINUX
async def test_the_process_has_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens and secrets are in the environment of `koban work`."""
    monkeypatch.setenv("KOBAN_SLACK__BOT_TOKEN", "xoxb-secret")
    async with decoding() as (pid, _):
        await wait_until(
            lambda: b"image_decoder" in read(pid, "cmdline"), what="the decoder's program"
        )
        assert b"xoxb" not in read(pid, "environ")


@ON_LINUX
async def test_a_cancelled_decoder_ends_its_process() -> None:
    """An activity that is given up leaves nothing behind."""
    async with decoding() as (pid, task):
        task.cancel()
        await is_gone(pid)


@ON_LINUX
async def test_the_process_ends_with_its_parent() -> None:
    """Also where the parent is killed."""
    script = (
        "import asyncio, sys\n"
        "from activities.image_decoder import ImageDecoder\n"
        "asyncio.run(ImageDecoder(600, 600.0).picture(sys.stdin.buffer.read()))\n"
    )
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script), stdin=asyncio.subprocess.PIPE
    )
    assert parent.stdin is not None
    parent.stdin.write(ENDLESS)
    parent.stdin.close()

    def look() -> int | None:
        started = [p for p in children(parent.pid) if b"image_decoder" in read(p, "cmdline")]
        return started[0] if started else None

    pid = await wait_until(look, what="the decoder's process")
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await is_gone(pid)
