"""The seed of a trial: a pure function of the sweep's seed, the point and the replicate."""

from __future__ import annotations

import hashlib


def trial_seed(sweep_seed: int, point: int, replicate: int) -> int:
    """The 31-bit seed of a trial's initial weights and masks: SHA-256 of sweep seed, point and replicate."""
    text = f"{sweep_seed}/{point}/{replicate}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:4], "big") >> 1
