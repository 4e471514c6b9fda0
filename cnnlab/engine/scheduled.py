"""Scheduled numbers of optimizers: each row's learning rate and momentum at each step."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cnnlab.engine.row_groups import RowGroup, group_rows
from cnnlab.schedule import UNIT, Schedule

# The schedules in a config's section `train`, by the optimizer's number that they change.
SCHEDULE_FIELDS = {"lr": "schedule", "momentum": "momentum_schedule"}


class RowSchedules:
    """The schedules of an array's rows, and their state, `memory`, float64 (K, 2, 3)."""

    def __init__(self, configs: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        self._device = device
        self._read(configs)
        memory = [
            torch.tensor(group.entry.memory, dtype=torch.float64).expand(group.size, 3)
            for field in SCHEDULE_FIELDS
            for group in self._groups[field]
        ]
        self.memory = torch.cat(memory).view(len(SCHEDULE_FIELDS), len(configs), 3).transpose(0, 1).to(device)
        self.memory = self.memory.contiguous()

    def _read(self, configs: Sequence[Mapping[str, Any]]) -> None:
        train = [config["train"] for config in configs]
        self._groups: dict[str, list[RowGroup[Schedule]]] = {
            field: group_rows("schedules", [t[name] for t in train], self._device)
            for field, name in SCHEDULE_FIELDS.items()
        }
        self._start = {
            field: torch.tensor(
                [t["optimizer"].get(field, 0.0) for t in train], dtype=torch.float64, device=self._device
            )
            for field in SCHEDULE_FIELDS
        }
        self._varying = [
            field
            for field, name in SCHEDULE_FIELDS.items()
            if any(t[name]["name"] != "constant" for t in train)
        ]

    def keep(self, index: Tensor, configs: Sequence[Mapping[str, Any]]) -> None:
        """Keep these rows, in this order; configs are theirs."""
        self.memory = self.memory[index]
        self._read(configs)

    def values(self, steps: Tensor, epoch_steps: int) -> dict[str, Tensor]:
        """Return the numbers that vary, float64 (K,), at the step after `steps`, int (K,), steps.

        Beside `momentum` stands `momentum_next`, the momentum of the following step.
        """
        found = {field: self._value(field, steps, epoch_steps) for field in self._varying}
        if "momentum" in found:
            found["momentum_next"] = self._value("momentum", steps + 1, epoch_steps)
        return found

    def rates(self, steps: Tensor, epoch_steps: int) -> Tensor:
        """Return the learning rate at the step after `steps` steps, float64 (K,)."""
        return self._value("lr", steps, epoch_steps) if "lr" in self._varying else self._start["lr"]

    def _value(self, field: str, steps: Tensor, epoch_steps: int) -> Tensor:
        iterations, epochs = steps.double(), (steps // epoch_steps).double()
        parts = []
        for group in self._groups[field]:
            t = epochs[group.rows]
            if "unit" in group.hypers:
                by_epoch = group.hypers["unit"] == UNIT.index("epoch")
                t = torch.where(by_epoch, t, iterations[group.rows])
            memory = self.memory[group.rows, list(SCHEDULE_FIELDS).index(field)]
            parts.append(group.entry.value(self._start[field][group.rows], t, group.hypers, memory))
        return torch.cat(parts)

    def observe(self, loss: Tensor) -> None:
        """Pass the loss of an epoch, float64 (K,), to the schedules."""
        for place, field in enumerate(SCHEDULE_FIELDS):
            for group in self._groups[field]:
                group.entry.observe(loss[group.rows], group.hypers, self.memory[group.rows, place])
