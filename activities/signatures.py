"""Signatures of decisions, snapshots and stored policies: HMAC-SHA256 with keys of workers only.

The first key signs, all keys verify. Without keys nothing is signed, and nothing is verified.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from temporalio import activity

from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import Proof, proven_content
from workflows.ports.cases import Order, ProofRequest


class Signer:
    """Signs and verifies texts, each for one purpose."""

    def __init__(self, keys: Sequence[tuple[str, bytes]] = ()) -> None:
        """`keys` are ids and secrets, the signing one first."""
        self._keys = dict(keys)
        self._first = next(iter(self._keys), None)

    @property
    def active(self) -> bool:
        """Whether there are keys."""
        return self._first is not None

    def sign(self, purpose: str, text: str) -> str:
        """The signature `key:hex`; empty without keys."""
        if self._first is None:
            return ""
        return f"{self._first}:{self._mac(self._first, purpose, text)}"

    def verifies(self, purpose: str, text: str, signature: str) -> bool:
        """Whether one of the keys signed it; always true without keys."""
        if self._first is None:
            return True
        key, _, mac = signature.partition(":")
        return key in self._keys and hmac.compare_digest(
            self._mac(key, purpose, text).encode(), mac.encode("utf-8", "surrogatepass")
        )

    def knows(self, signature: str) -> bool:
        """Whether one of the keys is named in the signature."""
        return signature.partition(":")[0] in self._keys

    def is_current(self, signature: str) -> bool:
        """Whether the first key made the signature."""
        return signature.partition(":")[0] == self._first

    def _mac(self, key: str, purpose: str, text: str) -> str:
        content = purpose.encode() + b"\x00" + text.encode()
        return hmac.new(self._keys[key], content, hashlib.sha256).hexdigest()


def canonical(parts: Mapping[str, Any]) -> str:
    """JSON with one form for equal contents."""
    return json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


_DECISION = "decision"


class Proofs:
    """Proofs that a case decided an action."""

    def __init__(
        self,
        signer: Signer,
        now: Callable[[], datetime] | None = None,
        unsigned_until: datetime | None = None,
    ) -> None:
        """Enforcements that began before `unsigned_until` need no signature: they have to lift."""
        self._signer = signer
        self._unsigned_until = unsigned_until
        self._now = now or partial(datetime.now, UTC)

    def signed(self, case: str, decision: str, planned: PlannedAction, proof: Proof) -> Proof:
        """The proof with its time and signature."""
        dated = proof.model_copy(update={"at": self._now(), "signature": ""})
        text = proven_content(case, decision, planned, dated)
        return dated.model_copy(update={"signature": self._signer.sign(_DECISION, text)})

    def holds(self, case: str, decision: str, planned: PlannedAction, proof: Proof) -> bool:
        """Whether a worker signed exactly this for a case."""
        text = proven_content(case, decision, planned, proof)
        return self._signer.verifies(_DECISION, text, proof.signature)

    @activity.defn(name="prove")
    async def prove(self, wanted: ProofRequest) -> tuple[Proof, ...]:
        """Signs the actions of a decision for its case, in order."""
        return tuple(
            self.signed(wanted.case, wanted.decision, each, wanted.proof) for each in wanted.actions
        )

    def verifies(self, order: Order) -> bool:
        """Whether a case decided an order."""
        if not order.proof.signature and self._is_old(order.began):
            return True
        return self.holds(order.case, order.decision, order.planned, order.proof)

    def _is_old(self, began: datetime | None) -> bool:
        until = self._unsigned_until
        return until is not None and began is not None and began < until
