"""Change feed: a sequence number per person that pages and tests wait on."""

import asyncio
from collections.abc import Iterable


class Feed:
    def __init__(self) -> None:
        self.closed = False
        self._seq = 0
        self._everyone = 0
        self._each: dict[str, int] = {}
        self._changed = asyncio.Event()

    def touch(self, users: Iterable[str] | None = None) -> None:
        """Records a change for these users; for everyone if None."""
        self._seq += 1
        if users is None:
            self._everyone = self._seq
        for user in users or ():
            self._each[user] = self._seq
        self._wake()

    def close(self) -> None:
        self.closed = True
        self._wake()

    def seq(self, user: str) -> int:
        """Number of the last change that this user could see."""
        return max(self._everyone, self._each.get(user, 0))

    async def after(self, user: str, seen: int, within: float) -> int:
        """The first number above `seen`, or the same one after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                while self.seq(user) <= seen and not self.closed:
                    await self._changed.wait()
        except TimeoutError:
            return self.seq(user)
        return self.seq(user)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
