"""Take the pack that comes next: alone, or in the transaction that ends the pack before it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from services.settings import Settings
from services.store import leases, queue_order
from services.store.leases import Lease
from services.store.session import Session
from workers.claim import Claim
from workers.messages import Machine
from workers.run_message import TakenPack, read_taken_pack


class PackTaker:
    """Takes one pack, in a transaction that may be repeated: all its tries have the same token."""

    def __init__(self, settings: Settings, claim: Claim, machine: Machine | None) -> None:
        self._settings, self._claim, self._machine = settings, claim, machine
        self._token, self._tried = leases.new_token(), False

    def take(self, session: Session) -> TakenPack | None:
        """Lease the pack that comes next and read it; None if none waits that this worker can take."""
        if before := self.taken_before(session):
            return before
        self._tried = True
        claim, ttl = self._claim, self._settings.lease_ttl
        while pack := queue_order.next_for(session, claim.device, claim.plugins):
            held, where = Lease(pack.id, self._token), claim.device.id
            known = self._known()
            if taken := leases.take(session, held, claim.worker, where, ttl, claim.token, known, pack.begun):
                return self._read(session, taken)
        return None

    def take_begun(self, session: Session) -> TakenPack | None:
        """Take it behind other writes. The first pack of a sweep is left: its lease begins with the sweep."""
        self._tried = True
        claim, ttl = self._claim, self._settings.lease_ttl
        found = leases.take_next(
            session, self._token, claim.worker, claim.device, ttl, claim.token, claim.plugins, self._known()
        )
        return self._read(session, found) if found else None

    def taken_before(self, session: Session) -> TakenPack | None:
        """The pack of an earlier try, whose COMMIT has succeeded though its answer was lost."""
        pack_id = leases.taken_under(session, self._token) if self._tried else None
        return self._read(session, leases.to_train(session, pack_id)) if pack_id else None

    def _known(self) -> dict[str, Any] | None:
        return asdict(self._machine) if self._machine else None

    def _read(self, session: Session, taken: leases.PackToTrain) -> TakenPack:
        held = Lease(taken.id, self._token)
        return read_taken_pack(session, held, taken, self._claim.device, self._settings, self._machine)
