"""Stored policies, one row a version, and the signatures of policies and snapshots."""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
import structlog

from activities.ledger.database import Database, Row
from activities.ledger.schema import cases, policies
from activities.signatures import Signer, canonical
from workflows.domain.policy.playbook import PackedPolicy

log = structlog.get_logger()

SNAPSHOT, POLICY = "snapshot", "policy"
"""Purposes of signatures."""
Current = Callable[[str], PackedPolicy | None]
"""Returns the current policy of a playbook."""


def snapshot_text(case: str, playbook: str, version: str, snapshot: Any) -> str:
    """The signed text of a snapshot, with its case and its policy."""
    parts = {"case": case, "playbook": playbook, "policy": version, "snapshot": snapshot}
    return canonical(parts)


def policy_text(packed: PackedPolicy) -> str:
    """The signed text of a policy."""
    return canonical(packed.model_dump())


class StoredPolicies:
    """Policies of the cases that were opened, for later versions of the folder."""

    def __init__(
        self, database: Database, signer: Signer, current: Current = lambda _: None
    ) -> None:
        """`current` reads the folder of this process."""
        self._database = database
        self.signer = signer
        self._current = current
        self._noted: set[tuple[str, str]] = set()
        self._upsert = database.upsert(policies, ["version", "playbook", "data", "signature"])

    def fresh(self, playbook: str, version: str) -> PackedPolicy | None:
        """The policy of a new case to store; None if it is stored, or not in this process."""
        if (playbook, version) in self._noted:
            return None
        packed = self._current(playbook)
        return packed if packed is not None and packed.version == version else None

    def note(self, packed: PackedPolicy | None) -> None:
        """Remembers that a policy is stored."""
        if packed is not None:
            self._noted.add((packed.playbook, packed.version))

    def keep(self, connection: sa.Connection, packed: PackedPolicy) -> None:
        """Stores a policy, also over a row that is not as this process signs it."""
        key = (policies.c.version == packed.version) & (policies.c.playbook == packed.playbook)
        found = connection.execute(sa.select(policies).where(key)).one_or_none()
        signature = self.signer.sign(POLICY, policy_text(packed))
        if found is None or (self.signer.active and found.signature != signature):
            row = {**packed.model_dump(), "signature": signature}
            connection.execute(self._upsert, row)

    async def find(self, playbook: str, version: str) -> PackedPolicy | None:
        """A stored policy; None if there is none, or if it was changed."""
        key = (policies.c.version == version) & (policies.c.playbook == playbook)
        for row in await self._database.rows(sa.select(policies).where(key)):
            packed = PackedPolicy(version=version, playbook=playbook, data=row["data"])
            if self.signer.verifies(POLICY, policy_text(packed), row["signature"] or ""):
                return packed
            log.error("stored_policy_refused", playbook=playbook, version=version)
        return None

    # -- rotation -------------------------------------------------------------------------

    async def sign_again(self, unsigned: bool) -> tuple[int, int]:
        """Signs with the first key what another key signed; with `unsigned` also what none did.

        Returns the numbers of signed and of refused rows.
        """
        results = [
            *[await self._sign_case(row, unsigned) for row in await self._rows(_SNAPSHOTS)],
            *[await self._sign_policy(row, unsigned) for row in await self._rows(_POLICIES)],
        ]
        return results.count(True), results.count(False)

    async def _rows(self, query: sa.Select[Any]) -> Sequence[Row]:
        return await self._database.rows(query)

    async def _sign_case(self, row: Row, unsigned: bool) -> bool | None:
        text = snapshot_text(row["id"], row["playbook"], row["policy_version"], row["snapshot"])
        before = row["snapshot_signature"]
        # The row may have been written meanwhile, with a signature of its own.
        unchanged = cases.c.snapshot_signature.is_not_distinct_from(before)
        change = sa.update(cases).where(cases.c.id == row["id"], unchanged)
        values = {"snapshot_signature": self.signer.sign(SNAPSHOT, text)}
        return await self._sign_row(SNAPSHOT, text, before or "", unsigned, change.values(values))

    async def _sign_policy(self, row: Row, unsigned: bool) -> bool | None:
        packed = PackedPolicy.model_validate(dict(row))
        text = policy_text(packed)
        change = sa.update(policies).where(
            policies.c.version == packed.version, policies.c.playbook == packed.playbook
        )
        values = {"signature": self.signer.sign(POLICY, text)}
        before = row["signature"] or ""
        return await self._sign_row(POLICY, text, before, unsigned, change.values(values))

    async def _sign_row(
        self, purpose: str, text: str, old: str, unsigned: bool, change: sa.Update
    ) -> bool | None:
        """True if it was signed, False if it is refused, None if its signature is current."""
        if old and self.signer.is_current(old) and self.signer.verifies(purpose, text, old):
            return None
        if not (self.signer.verifies(purpose, text, old) if old else unsigned):
            return False
        async with self._database.writing() as connection:
            await connection.execute(change)
        return True


_SNAPSHOTS = sa.select(
    *cases.c["id", "playbook", "policy_version", "snapshot", "snapshot_signature"]
).where(cases.c.snapshot.is_not(None))
_POLICIES = sa.select(policies)
