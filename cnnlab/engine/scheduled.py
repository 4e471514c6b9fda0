"""Scheduled numbers of optimizers: each row's learning rate, after its warm-up, and momentum at each step."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cnnlab.engine.row_groups import RowGroup, group_rows
from cnnlab.hyper import Span
from cnnlab.rest_of_training import with_lengths
from cnnlab.schedule import UNIT, Schedule

# The schedules in a config's section `train`, by the optimizer's number that they change.
SCHEDULE_FIELDS = {"lr": "schedule", "momentum": "momentum_schedule"}


class RowSchedules:
    """The schedules of an array's rows, and their state, `memory`, float64 (K, 2, 3).

    In a warm-up of W steps, a learning rate is (s + 1)/W of what its schedule begins with, after s steps;
    then the schedule begins. Epochs of a warm-up become steps, rounded up. torch's LinearLR from 1/W over W −
    1 steps, and the schedule behind it in a SequentialLR.
    Source: P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour" (2017), section 2.2.
    """

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
        train = [with_lengths(config)["train"] for config in configs]
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
        spans = [Span.epochs_and_steps(t["warmup"]) for t in train]
        self._warmup = torch.tensor(spans, dtype=torch.float64, device=self._device)  # (K, 2)
        self._warms_up = any(map(any, spans))
        self._varying = [
            field
            for field, name in SCHEDULE_FIELDS.items()
            if any(t[name]["name"] != "constant" for t in train) or (field == "lr" and self._warms_up)
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
        if field != "lr" or not self._warms_up:
            return self._scheduled(field, steps, epoch_steps)
        epochs, more = self._warmup.unbind(1)
        first = (epochs * epoch_steps).ceil() + more
        whole = self._scheduled(field, (steps - first).clamp(min=0), epoch_steps)
        share: Tensor = ((steps + 1) / first.clamp(min=1)).clamp(max=1)
        return whole * share

    def _scheduled(self, field: str, steps: Tensor, epoch_steps: int) -> Tensor:
        """Return the number without a warm-up; a schedule counts from the end of it."""
        iterations = steps.double()
        fraction = iterations / epoch_steps
        parts = []
        for group in self._groups[field]:
            t = fraction[group.rows].floor()
            if "unit" in group.hypers:
                unit = group.hypers["unit"]
                by = [unit == UNIT.index(option) for option in ("iteration", "fraction")]
                t = torch.where(by[0], iterations[group.rows], torch.where(by[1], fraction[group.rows], t))
            memory = self.memory[group.rows, list(SCHEDULE_FIELDS).index(field)]
            parts.append(group.entry.value(self._start[field][group.rows], t, group.hypers, memory))
        return torch.cat(parts)

    def observe(self, loss: Tensor) -> None:
        """Pass the loss of an epoch, float64 (K,), to the schedules."""
        for place, field in enumerate(SCHEDULE_FIELDS):
            for group in self._groups[field]:
                group.entry.observe(loss[group.rows], group.hypers, self.memory[group.rows, place])
