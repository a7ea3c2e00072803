"""Recorder of the policy folder: loads in the ledger, and the version that a process follows."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import structlog

from activities.ledger.database import LedgerUnavailable
from activities.ledger.policies import PolicyHistory
from activities.policy.loader import PolicyFolder
from bot.policies import Policies
from workflows.client import OutOfReach
from workflows.domain.policy.changes import PolicyRecord

log = structlog.get_logger()

LOOK_EVERY = 1.0
"""Seconds between two comparisons of the folder with the ledger."""
Announce = Callable[[PolicyRecord], Awaitable[None]]
"""Starts the messages about a record; repeated, it does nothing."""


class FolderRecorder:
    """Loads of the folder in the ledger, and the version in force in this process."""

    def __init__(
        self, policies: Policies, history: PolicyHistory, announce: Announce | None = None
    ) -> None:
        """A process that does not `announce` (`koban serve`) follows and records nothing."""
        self._policies = policies
        self._history = history
        self._announce = announce
        self._recorded: str | None = None
        self._announced: int | None = None
        self._followed: int | None = None

    async def first(self) -> None:
        """The first look. Raises `LedgerUnavailable`."""
        with suppress(OutOfReach):
            await self.look()

    async def run(self, interval: float = LOOK_EVERY) -> None:
        """Looks without end, every `interval` seconds."""
        while True:
            await asyncio.sleep(interval)
            await self.attempt()

    async def attempt(self) -> None:
        """One look that never fails: the version in force stays, and the next look may succeed."""
        try:
            await self.look()
        except LedgerUnavailable as error:
            log.debug("policy_not_compared", problem=str(error))
        except OutOfReach as error:
            log.warning("policy_not_announced", problem=str(error))
        except Exception:
            log.exception("policy_not_compared")

    async def look(self) -> None:
        """Records a changed folder, and follows the version in force.

        Raises `LedgerUnavailable`, and `OutOfReach` for messages that are started by a later look.
        """
        if self._announce is not None:
            await self._record()
        last = await self._history.last(whole=False)
        if last is None:
            return
        await self._follow(last)
        if self._announce is not None and last.id != self._announced:
            await self._start_messages(self._announce)
            self._announced = last.id

    async def _start_messages(self, announce: Announce) -> None:
        for record in await self._history.unannounced():
            await announce(record)

    async def _record(self) -> None:
        folder = self._policies.on_disk()
        origin = partial(self._policies.origin, folder.version)
        record = await self._history.load(folder.version, folder.content, origin, self._recorded)
        self._recorded = folder.version
        if record is not None:
            log.info("policy_recorded", kind=record.kind.value, version=record.version)

    async def _follow(self, last: PolicyRecord) -> None:
        version = last.in_force
        # A tighter folder may be in use already, and be recorded next.
        used = (version, self._policies.on_disk().version)
        if version is None or (last.id == self._followed and self._policies.in_force in used):
            return
        self._policies.remember(await self._history.versions())
        folder = self._policies.known(version)
        if folder is None:
            content = await self._history.content(version)
            folder = PolicyFolder.of(version, content) if content is not None else None
        if folder is not None:
            # A case of a version that no worker has yet would do nothing by itself.
            self._policies.follow(folder, last.waiting, at_once=self._announce is not None)
            self._followed = last.id
        elif self._policies.in_force is None:
            # Without the version in force nothing of the folder runs by itself.
            on_disk = self._policies.on_disk()
            log.error("policy_version_lost", version=version, instead=on_disk.version)
            self._policies.follow(on_disk, on_disk.version)
