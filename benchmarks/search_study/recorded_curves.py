"""The recorded curves of a whole grid: every point with every seed, trained to the last epoch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from services.domain.plan.repeats import Repeats
from services.domain.results.comparison import Side, compare
from services.domain.spec.objective import Objective

HERE = Path(__file__).parent
FOLDER = HERE / "curves"
SPACES = {
    "grid81": "the grid of 81 points",
    "mixed90": "the mixed space of 90 points",
}  # files here, in words

Curve = list[float]  # the objective's metric after each epoch


@dataclass(frozen=True)
class RecordedCurves:
    """What a sweep over a whole space has reported, and on which machine, when and by which spec."""

    name: str
    machine: str
    date: str
    spec: dict[str, Any]
    objective: dict[str, str]
    points: list[dict[str, Any]]  # the values of each point's axes, by path
    curves: list[list[Curve]]  # point → seed → epoch

    @property
    def seeds(self) -> int:
        """How many times each point was trained."""
        return len(self.curves[0])

    @property
    def epochs(self) -> int:
        """How many epochs each trial trained."""
        return len(self.curves[0][0])

    @property
    def grid_epochs(self) -> int:
        """The epochs of the whole grid with one seed: what every method's epochs are a share of."""
        return len(self.points) * self.epochs

    @cached_property
    def ranked_by(self) -> Objective:
        """What ranks the trials."""
        return Objective.model_validate(self.objective)

    def value(self, curve: Curve) -> float:
        """The number by which a trial with this curve is ranked: its best or its last, by the objective."""
        return min(curve, key=self.ranked_by.key) if self.ranked_by.at == "best" else curve[-1]

    @cached_property
    def truth(self) -> list[float]:
        """The value of each point: the mean over all seeds."""
        return [fmean(map(self.value, seeds)) for seeds in self.curves]

    @cached_property
    def best(self) -> int:
        """The best point by all seeds; of equal ones the first."""
        return min(range(len(self.points)), key=lambda point: self.ranked_by.key(self.truth[point]))

    @cached_property
    def equal(self) -> frozenset[int]:
        """The points that all seeds do not distinguish from the best: the paired interval contains 0."""
        return frozenset(point for point in range(len(self.points)) if self._equals_best(point))

    def regret(self, point: int) -> float:
        """How much worse than the best a point is, by all seeds; never negative."""
        return abs(self.truth[self.best] - self.truth[point])

    def write(self, path: Path) -> None:
        """Write all of it as JSON, a line for each point."""
        content = asdict(self)
        curves = ",\n".join(json.dumps(seeds, separators=(",", ":")) for seeds in content.pop("curves"))
        head = json.dumps(content)[:-1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{head}, "curves": [\n{curves}\n]}}\n', encoding="utf-8")

    def _equals_best(self, point: int) -> bool:
        if point == self.best:
            return True
        first, second = (
            Side(point=each, values=dict(enumerate(map(self.value, self.curves[each]))))
            for each in (self.best, point)
        )
        return compare(first, second, self.ranked_by.goal, Repeats(self.seeds)).differs is False


def read(path: Path) -> RecordedCurves:
    """Read what `write` has written."""
    return RecordedCurves(**json.loads(path.read_text(encoding="utf-8")))


def read_all(folder: Path = FOLDER) -> dict[str, RecordedCurves]:
    """The curves of every space that was recorded, by name."""
    files = {name: folder / f"{name}.json" for name in SPACES}
    return {name: read(file) for name, file in files.items() if file.is_file()}
