"""Recorded curves as another library's trials see them; only Python's own modules are needed.

A job is one line of JSON on standard input: the curves, the dimensions of the space, the choices that lead to
each point, the repeats, and the methods. The answer, on standard output, has the epochs spent and the point
chosen, by method and repeat, and the library's version.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PROCESSES = 2  # trials at a time; an epoch of any takes equally long


@dataclass(frozen=True)
class CurveTable:
    """The curves that one repeat sees.

    `first` is the recorded seed of each point's first trial, `order` all points in a random order.
    """

    curves: Sequence[Sequence[Sequence[float]]]  # point → seed → epoch
    dimensions: Sequence[Mapping[str, Any]]  # name, kind, size
    choices: Sequence[Mapping[str, int]]  # by point
    maximize: bool
    repeat: int
    first: Sequence[int]
    order: Sequence[int]

    @property
    def epochs(self) -> int:
        """The epochs of a trial."""
        return len(self.curves[0][0])

    def curve(self, point: int, visit: int = 0) -> Sequence[float]:
        """The curve of a point's trial; each further one sees the next recorded seed."""
        seeds = self.curves[point]
        return seeds[(self.first[point] + visit) % len(seeds)]

    def point(self, choose: Callable[[str, str, int], int]) -> int:
        """The point that is chosen; `choose` gets the name, the kind and the size of each dimension.

        Only dimensions that the point has are asked for.
        """
        left = list(range(len(self.choices)))
        for dimension in self.dimensions:
            name = dimension["name"]
            if name in self.choices[left[0]]:
                chosen = choose(name, dimension["kind"], dimension["size"])
                left = [point for point in left if self.choices[point][name] == chosen]
        [point] = left
        return point

    def best(self, values: Sequence[float]) -> float:
        """The best of some values."""
        return max(values) if self.maximize else min(values)


def tables(job: Mapping[str, Any]) -> Iterator[CurveTable]:
    """The table of each repeat."""
    for repeat in job["repeats"]:
        yield CurveTable(
            job["curves"],
            job["dimensions"],
            job["choices"],
            job["maximize"],
            repeat["number"],
            repeat["first"],
            repeat["order"],
        )


def answer(run: Callable[[CurveTable, Mapping[str, Any]], tuple[int, int]], version: str) -> None:
    """Answer the job on standard input; what the library, of this version, prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    job = json.load(sys.stdin)
    found = {
        name: [run(table, settings) for table in tables(job)] for name, settings in job["methods"].items()
    }
    json.dump({"version": version, "methods": found}, answers)
    answers.close()
