"""The identity of a trial: a digest of everything that its numbers follow from, but its number of epochs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

from services.domain.plan.plan import Plan
from services.domain.spec.spec import Spec

EPOCHS = "train.epochs"  # a longer trial begins as a shorter one does: nothing in training reads the number


class Identities:
    """The identities of a sweep's trials, as 64 hexadecimal digits.

    SHA-256 of a text: the leaves of the resolved config by dotted path, each with the digests of the code of
    the entries that it names, the digest of all other code, the trial's seed, its replicate, the seed of the
    data, and the metric of the objective, which chooses the epoch that the best weights are of. A data set's
    content is in the digest of its code or in the config's `sha256`. What float32 rounds by, such as width
    and row, is left out.
    """

    def __init__(self, spec: Spec, plan: Plan) -> None:
        self._code = {} if plan.origin else plan.code  # what began elsewhere is never reused
        self._always = f"{spec.objective.metric}/{spec.seed}/{self._code.get('')}"
        self._base = self._leaves("", plan.base)
        self._below = lru_cache(self._paths_below)

    def of(self, values: Mapping[str, Any], seed: int, replicate: int) -> str | None:
        """The identity of the trial with these values; None where an entry's code or content is unknown."""
        if not self._code:
            return None
        leaves = self._base.copy()
        for path in sorted(values, key=lambda path: path.count(".")):  # parents before children
            inside = any(path.startswith(f"{outer}.") for outer in values)
            for old in [at for at in leaves if at.startswith(f"{path}.")] if inside else self._below(path):
                leaves.pop(old, None)
            leaves.pop(path, None)
            leaves |= self._leaves(path, values[path])
        if None in leaves.values():
            return None
        leaves.pop(EPOCHS, None)
        for path in [at for at in leaves if at.endswith(".sha256")]:
            if leaves[path] not in ("null", '""'):  # the content is known, so where it lies does not matter
                leaves.pop(f"{path.removesuffix('sha256')}path", None)
        text = "\n".join(sorted(map("=".join, cast("Iterable[tuple[str, str]]", leaves.items()))))
        whole = f"{text}\n{self._always}/{seed}/{replicate}"
        return hashlib.sha256(whole.encode()).hexdigest()

    def _leaves(self, path: str, value: Any) -> dict[str, str | None]:
        """What stands at the ends of an object's paths, as text; None for an entry whose code is unknown."""
        return {at: self._text(at, leaf) for at, leaf in _ends(path, value)}

    def _text(self, path: str, leaf: Any) -> str | None:
        # A penalty or an augmentation is a field, not a name. Better one digest too many than one too few.
        digests = [self._code[part] for part in path.split(".") if part in self._code]
        if path.endswith(".name"):
            if leaf not in self._code:
                return None
            digests.append(self._code[leaf])
        return " ".join([json.dumps(leaf), *digests])

    def _paths_below(self, path: str) -> list[str]:
        return [at for at in self._base if at.startswith(f"{path}.")]


def _ends(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The ends of an object's paths; a whole number is an integer, however it is written."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _ends(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, float) and value.is_integer():
        yield path, int(value)
    else:
        yield path, value
