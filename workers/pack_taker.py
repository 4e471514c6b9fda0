"""Take the pack that comes next: alone, or in the transaction that ends the pack before it."""

from __future__ import annotations

from dataclasses import asdict

from services.settings import Settings
from services.store import leases, packs
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
        return self.taken_before(session) or self._take(session, only_begun=False)

    def take_begun(self, session: Session) -> TakenPack | None:
        """Take it behind other writes. The first pack of a sweep is left: its lease begins with the sweep."""
        return self._take(session, only_begun=True)

    def taken_before(self, session: Session) -> TakenPack | None:
        """The pack of an earlier try, whose COMMIT has succeeded though its answer was lost."""
        pack_id = leases.taken_under(session, self._token) if self._tried else None
        return self._read(session, leases.to_train(session, pack_id)) if pack_id else None

    def _take(self, session: Session, only_begun: bool) -> TakenPack | None:
        self._tried = True
        claim, device = self._claim, self._claim.device
        known = asdict(self._machine) if self._machine else None
        while pack := packs.next_for(session, device.kind, claim.plugins):
            if only_begun and not pack.begun:
                return None
            held, ttl = Lease(pack.id, self._token), self._settings.lease_ttl
            taken = leases.take(session, held, claim.worker, device.id, ttl, claim.token, known, pack.begun)
            if taken:
                return self._read(session, taken)
        return None

    def _read(self, session: Session, taken: leases.PackToTrain) -> TakenPack:
        held = Lease(taken.id, self._token)
        return read_taken_pack(session, held, taken, self._claim.device, self._settings, self._machine)
