"""How often each point is trained: with so many seeds, on so many folds of its data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import fmean
from typing import NamedTuple


class Repeats(NamedTuple):
    """The replicates of a point: replicate r has fold r mod folds and is the (r div folds)-th with that fold.

    Intervals are over folds where there are several, else over seeds. Seeds of one fold are validated on the
    same images, so they are no independent values; their mean is the fold's one.
    """

    seeds: int
    folds: int = 1

    @property
    def trials(self) -> int:
        """How many trials a point has."""
        return self.seeds * self.folds

    @property
    def unit(self) -> str:
        """What intervals are over."""
        return "fold" if self.folds > 1 else "seed"

    @property
    def units(self) -> int:
        """Over how many of these."""
        return self.folds if self.folds > 1 else self.seeds

    def fold_of(self, replicate: int) -> int:
        """The fold that a replicate is validated on."""
        return replicate % self.folds

    def named_fold(self, replicate: int) -> int | None:
        """The fold that a replicate is validated on, as it is shown: None without folds."""
        return self.fold_of(replicate) if self.folds > 1 else None

    def seed_of(self, replicate: int) -> int:
        """Which of the seeds on its fold a replicate has."""
        return replicate // self.folds

    def by_unit(self, values: Mapping[int, float | None]) -> dict[int, float | None]:
        """The values of replicates as those of folds, each the mean over the seeds that have a finite one."""
        if self.folds == 1 or self.seeds == 1:
            return dict(values)
        groups: dict[int, list[float | None]] = {}
        for replicate, value in values.items():
            groups.setdefault(self.fold_of(replicate), []).append(value)
        found: dict[int, float | None] = {}
        for fold, group in sorted(groups.items()):
            usable = [value for value in group if value is not None and math.isfinite(value)]
            found[fold] = fmean(usable) if usable else None
        return found

    def __str__(self) -> str:
        """Write what a point is multiplied by: `5 seeds`, `5 folds`, `2 seeds × 5 folds`; empty for one."""
        seeds = f"{self.seeds} seeds" if self.seeds > 1 else ""
        folds = f"{self.folds} folds" if self.folds > 1 else ""
        return " × ".join(filter(None, [seeds, folds]))
