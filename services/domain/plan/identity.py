"""The identity of a trial: a digest of everything that its numbers follow from, but its number of epochs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from services.domain.plan.plan import Plan
from services.domain.spec.spec import Spec


class Identities:
    """The identities of a sweep's trials, as 64 hexadecimal digits.

    SHA-256 of a text: the resolved config (`ConfigText`), the digest of all code but that of the entries that
    it names, the trial's seed, its replicate, the seed of the data, and the metric of the objective, which
    chooses the epoch that the best weights are of. A data set's content is in the digest of its code or in
    the config's `sha256`. What float32 rounds by, such as width and row, is left out.
    """

    def __init__(self, spec: Spec, plan: Plan) -> None:
        self._known = bool(plan.code) and plan.origin is None  # what began elsewhere is never reused
        self._config = plan.config_text
        self._always = f"{spec.objective.metric}/{spec.seed}/{plan.code.get('')}"

    def of(self, values: Mapping[str, Any], seed: int, replicate: int) -> str | None:
        """The identity of the trial with these values; None where an entry's code or content is unknown."""
        text = self._config.of(values) if self._known else None
        if text is None:
            return None
        return hashlib.sha256(f"{text}\n{self._always}/{seed}/{replicate}".encode()).hexdigest()
