"""Neighbouring rows with one optimizer: what their step needs, made anew only where it changes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from cnnlab.engine.row_groups import RowGroup, group_rows
from cnnlab.layer import Parameter
from cnnlab.optimizer import Optimizer, Step


class OptimizerRows:
    """A group of rows, the slots that they need, and the constants of their optimizer's formula."""

    def __init__(self, group: RowGroup[Optimizer], slots: int, dtype: torch.dtype) -> None:
        self.entry, self.rows = group.entry, group.rows
        self._slots, self._dtype = slots, dtype
        self._hypers = {name: value[:, None] for name, value in group.hypers.items()}  # float64 (k, 1)
        # An optimizer whose constants are its hyperparameters has the same at every step.
        same = type(group.entry).constants is Optimizer.constants
        self._constants = self._in_precision(self._hypers) if same else None

    def step(self, theta: Tensor, slots: Tensor, scheduled: Mapping[str, Tensor], steps: Tensor) -> Step:
        """Return a step that has not begun yet, of parameters (K, P) and slots (S, K, P).

        `scheduled` are the numbers that vary, float64 (K,); `steps` counts this step too, int32 (K,).
        """
        own = slots[: self._slots, self.rows].unbind()
        return self.entry.step(theta[self.rows], own, self._constants_at(scheduled, steps))

    def _constants_at(self, scheduled: Mapping[str, Tensor], steps: Tensor) -> Mapping[str, Tensor]:
        moved = {
            name: value[self.rows, None]
            for name, value in scheduled.items()
            if name.removesuffix("_next") in self._hypers
        }
        if self._constants is not None and not moved:
            return self._constants
        time = steps[self.rows, None].double()
        return self._in_precision(self.entry.constants(self._hypers | moved, time))

    def _in_precision(self, numbers: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: value.to(self._dtype) for name, value in numbers.items()}


def optimizer_rows(
    choices: Sequence[Mapping[str, Any]],
    slots: Sequence[int],
    table: Sequence[Parameter],
    device: torch.device,
    dtype: torch.dtype,
) -> list[OptimizerRows]:
    """Group neighbouring rows with one optimizer, each with its slots, of a net with these parameters."""
    groups = group_rows("optimizers", choices, device)
    return [
        OptimizerRows(replace(group, entry=group.entry.of_net(table)), max(slots[group.rows]), dtype)
        for group in groups
    ]
