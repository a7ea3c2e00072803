"""An image of an alert, from its address to a picture that can be shown."""

import asyncio

from activities.evidence.fetching import Fetcher
from activities.evidence.pictures import Picture, picture

AT_ONCE = 2
"""Pictures that are unpacked at a time: each may take 160 MB for a moment."""


class Images:
    """Fetches and makes anew. Raises `NotFetched`."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._room = asyncio.Semaphore(AT_ONCE)

    async def get(self, address: str) -> Picture:
        """The picture behind an address. Raises `NotFetched`."""
        content = await self._fetcher.fetch(address)
        async with self._room:
            return await asyncio.to_thread(picture, content)
