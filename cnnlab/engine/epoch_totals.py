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

    def __init__(self, rows: int, device: torch.device, metrics: Mapping[str, Metric]) -> None:
        self._loss = torch.zeros(rows, dtype=torch.float64, device=device)
        self._totals = {name: self._loss.new_zeros(()) for name in metrics}
        self._metrics = metrics
        self._images = 0

    def add(self, result: Result, images: int) -> None:
        """Count a batch; CnnlabError where a metric's totals have no row for each trial."""
        self._loss += result.loss.double() * images
        for name, totals in result.measured.items():
            _check_rows(name, "totals", totals, len(self._loss))
            self._totals[name] = self._totals[name] + totals.double()
        self._images += images

    def metrics(self, part: str) -> dict[str, Tensor]:
        """Return part/loss and part/<metric>, float64 (K,) on the CPU; NaN where the loss is NaN."""
        loss = (self._loss / self._images).cpu()
        found = {f"{part}/{LOSS}": loss}
        for name, metric in self._metrics.items():
            value = metric.value(self._totals[name], self._images)
            _check_rows(name, "value", value, len(loss))
            found[f"{part}/{name}"] = torch.where(loss.isnan(), math.nan, value.double().cpu())
        return found


def _check_rows(name: str, method: str, given: Tensor, rows: int) -> None:
    fits = given.shape == (rows,) if method == "value" else given.shape[:1] == (rows,)
    if not fits:
        wanted = f"({rows},)" if method == "value" else f"({rows}, …)"
        raise CnnlabError(
            f"{method} of the metric {name} must be {wanted}, a row for each trial; got {tuple(given.shape)}"
        )
