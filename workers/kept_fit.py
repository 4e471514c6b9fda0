"""The fit whose recordings the next pack can use: a runner keeps the last one on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnlab.fit import Fit


class KeptFit:
    """At most one fit, with what it has recorded; empty where nothing is recorded, as on a processor.

    A recorded step holds the addresses of its tensors. So an array that differs from the kept one only in its
    numbers, as that of the next pack of a sweep, trains in its place, and nothing is recorded again.
    """

    def __init__(self) -> None:
        self._fit: Fit | None = None
        self._key: Hashable = None
        self.not_used = ""  # why the last fit could not take the kept one's place; empty where it did

    def build(self, key: Hashable, make: Callable[[], Fit]) -> Fit:
        """Return a new fit; the kept one stays meanwhile if it has the same key, and memory lasts.

        Equal keys are no promise that the fit can take its place: they save memory where it cannot.
        """
        import torch

        if key != self._key:
            self.drop()
        self._key = key
        try:
            return make()
        except torch.OutOfMemoryError:
            if self._fit is None:
                raise
        # Not in the handler: the error holds all that was built until then.
        self.drop()
        self._key = key
        return make()

    def replace(self, fresh: Fit) -> Fit:
        """Return the kept fit with the numbers of this one if its recordings serve, else this one, kept."""
        from cnnlab.engine.renewal import Differs, renew

        kept, self._fit, self.not_used = self._fit, None, ""
        if not (fresh.recorder.records and fresh.array.repeats):
            self.not_used = "nothing is recorded"
            return fresh
        if kept is None:
            self.not_used = "no fit of its kind was kept"
        else:
            try:
                renew(kept, fresh)
            except Differs as error:
                self.not_used = str(error)
        self._fit = fresh if kept is None or self.not_used else kept
        return self._fit

    def drop(self) -> None:
        """Keep nothing."""
        self._fit = self._key = None
