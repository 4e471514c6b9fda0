"""What a part of the data gave each row: sums over batches, turned into means and metrics at the end."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from cnnlab.engine.row_block import Result
from cnnlab.errors import CnnlabError
from cnnlab.metric import LOSS, Metric


class EpochTotals:
    """Loss and metrics of each row over batches of unequal size, summed in float64 on the device."""

    LEFT = ("_totals",)  # made by a first batch, and 0 before an epoch's first one (engine/renewal.py)

    def __init__(self, rows: int, device: torch.device, metrics: Mapping[str, Metric]) -> None:
        self._loss = torch.zeros(rows, dtype=torch.float64, device=device)
        self._totals: dict[str, Tensor] = {}
        self._metrics = metrics

    @property
    def tensors(self) -> list[Tensor]:
        """Return the sums, which `add` changes in place once a first batch was added."""
        return [self._loss, *self._totals.values()]

    def reset(self) -> None:
        """Forget all batches."""
        for tensor in self.tensors:
            tensor.zero_()

    def add(self, result: Result, images: int) -> None:
        """Add a batch of so many images; CnnlabError where a metric's totals have no row for each trial."""
        self._loss += result.loss.double() * images
        for name, totals in result.measured.items():
            _check_rows(name, "totals", totals, len(self._loss))
            if name in self._totals:
                self._totals[name] += totals
            else:
                self._totals[name] = totals.to(torch.float64, copy=True)

    def metrics(self, part: str, images: int) -> dict[str, Tensor]:
        """Return part/loss and part/<metric>, float64 (K,); NaN where the loss is NaN.

        A metric of each class has as many names as there are classes.

        `images` are those of all batches.
        """
        loss = self._loss / images
        found = {f"{part}/{LOSS}": loss}
        for name, metric in self._metrics.items():
            value = metric.value(self._totals[name], images)
            names = metric.names(name)
            _check_rows(name, "value", value, len(loss), len(names) if metric.each_class else None)
            columns = value.unbind(1) if metric.each_class else [value]
            for each, column in zip(names, columns, strict=True):
                found[f"{part}/{each}"] = torch.where(loss.isnan(), math.nan, column.double())
        return found


def _check_rows(name: str, method: str, given: Tensor, rows: int, classes: int | None = None) -> None:
    if method == "totals":
        fits, wanted = given.shape[:1] == (rows,), f"({rows}, …)"
    else:
        shape = (rows,) if classes is None else (rows, classes)
        fits, wanted = given.shape == shape, str(shape)
    if not fits:
        raise CnnlabError(
            f"{method} of the metric {name} must be {wanted}, a row for each trial; got {tuple(given.shape)}"
        )
