"""A shape of a plan: one architecture, and how its trials are packed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from services.domain.plan import packing
from services.domain.plan.axis import Coordinate
from services.domain.spec.objective import MetricFacts


class Shape(BaseModel):
    """One architecture of a sweep; its trials can share arrays of `width` rows.

    `mixed`: the rows of one array may be of different replicates, so each has batches of its own. `metrics`
    are measured besides the loss: the data's default first, then those that are asked for. `class_names` are
    those of its data, in the order of the classes' numbers; empty where they have none, or very many.
    `gpu_bytes_per_row` is 0 where it was not counted, because no GPU was alive at submit; `bytes_beside` are
    those on a GPU that all rows share: the data.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    coordinates: dict[str, Coordinate]  # on the axes that belong to the shape
    points: int
    parameters: int
    flops: int  # forward, one image
    bytes_per_row: int
    gpu_bytes_per_row: int = 0
    bytes_beside: int = 0
    width: int
    mixed: bool
    epochs: int
    metrics: list[MetricFacts] = []
    class_names: list[str] = []
    data_notes: list[str] = []  # what a user should read about its images
    images: dict[str, int] = {}  # how many each part of the data has: train, val; val that of all folds
    precision: str = "float32"
    compiled: bool = False  # whether a worker with a compiler trains it faster
    row_by_row: str = ""  # why the rows of its arrays pass through the net one after the other, if they must

    @property
    def classes_of_metrics(self) -> dict[str, str]:
        """The name of the class that a metric of each class measures, by the metric: {"recall-0": "cats"}."""
        numbers = {m.name: int(m.name.removeprefix(f"{m.entry}-")) for m in self.metrics if m.entry}
        return {name: self.class_names[n] for name, n in numbers.items() if n < len(self.class_names)}

    def gpu_memory(self, rows: int) -> int:
        """The memory that a GPU must have for an array of so many rows, in bytes."""
        return packing.gpu_memory(rows, self.gpu_bytes_per_row or self.bytes_per_row, self.bytes_beside)

    def widest(self, memory: int, too_wide: int | None) -> int:
        """The most rows for a GPU with so much memory, fewer than those that have run out of it before."""
        row = self.gpu_bytes_per_row or self.bytes_per_row
        return packing.widest(row, self.bytes_beside, memory, too_wide)
