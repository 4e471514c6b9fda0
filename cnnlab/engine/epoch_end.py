"""The end of an epoch as one function on the device: what it writes is read in one go."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from cnnlab.engine.array import Array
from cnnlab.engine.best_rows import BestRows
from cnnlab.engine.epoch_totals import EpochTotals
from cnnlab.engine.recorded import Recorder
from cnnlab.metric import LOSS


class RowEnd(NamedTuple):
    """What is read of a row: its metrics by name, whether it is finite, and its best epoch so far.

    `best_objective` is the objective at that epoch; where there is none, −∞ or ∞, and `best_epoch` is 0.
    """

    metrics: dict[str, float]
    finite: bool
    best_epoch: int
    best_objective: float


class EpochEnd:
    """Ends the epochs of an array: measures, passes the loss to the schedules, notes the best, keeps a copy.

    `parts` are the totals of each part of the data, with its number of images: of "train", and behind it
    those that are evaluated. The schedules get the loss of "val", without it that of "train". The objective
    is a metric, `sign` 1 to maximize it or −1 to minimize it. `kept` is the array as it was after the last
    epoch, also while another one is trained; `epoch`, int (), has the number of the present one.

    All of it is one recording, and its only outcome that leaves the device is one tensor, float64 (K, M + 3).
    A metric that looks at numbers cannot be recorded; then the whole end is called, and no number changes.
    """

    def __init__(
        self,
        array: Array,
        epoch: Tensor,
        parts: Mapping[str, tuple[EpochTotals, int]],
        objective: str,
        sign: int,
        recorder: Recorder,
    ) -> None:
        self._array, self._epoch, self._parts = array, epoch, parts
        self._objective, self._recorder = objective, recorder
        self.best, self.kept = BestRows(array, sign), array.copied()
        measured = [each for name, metric in array.metrics.items() for each in metric.names(name)]
        train, *others = ([f"{part}/{name}" for name in (LOSS, *measured)] for part in parts)
        self._names = [*train, "lr", *(name for names in others for name in names)]
        self._outcome = torch.zeros(
            len(array), len(self._names) + 3, dtype=torch.float64, device=array.device
        )

    def note(self) -> None:
        """End an epoch whose parts are all in the totals."""
        self._recorder.run(
            "epoch-end",
            self._note,
            lambda: [
                self._outcome,
                self._array.schedules.memory,
                *self.best.tensors,
                *self.kept.tensors,
            ],
        )

    def read(self) -> list[RowEnd]:
        """Wait for the device and return what the last `note` has written for each row."""
        rows: list[list[float]] = self._outcome.tolist()
        return [
            RowEnd(
                metrics=dict(zip(self._names, row[:-3], strict=True)),
                finite=bool(row[-3]),
                best_epoch=int(row[-2]),
                best_objective=row[-1],
            )
            for row in rows
        ]

    def _note(self) -> None:
        metrics: dict[str, Tensor] = {}
        for part, (totals, images) in self._parts.items():
            metrics |= totals.metrics(part, images)
        metrics["lr"] = self._array.rates()
        self._array.schedules.observe(metrics.get(f"val/{LOSS}", metrics[f"train/{LOSS}"]))
        self.best.note(self._epoch, metrics[self._objective])
        for kept, now in zip(self.kept.tensors, self._array.tensors, strict=True):
            kept.copy_(now)
        finite = self._array.theta.isfinite().all(1) & metrics[f"train/{LOSS}"].isfinite()
        columns = [metrics[name] for name in self._names]
        columns += [finite.double(), *self.best.columns()]
        self._outcome.copy_(torch.stack(columns, 1))
