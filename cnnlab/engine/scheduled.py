"""The numbers of optimizers that schedules move: each row's learning rate and momentum, step by step."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cnnlab.engine.row_groups import Run, runs
from cnnlab.schedule import Schedule

FIELDS = {"lr": "schedule", "momentum": "momentum_schedule"}  # an optimizer's number: its schedule in train


class Pace:
    """The schedules of an array's rows, and in `memory`, float64 (K, 2, 3), what they remember."""

    def __init__(self, configs: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        self._device = device
        self._read(configs)
        memory = [
            torch.tensor(run.entry.memory, dtype=torch.float64).expand(run.rows.stop - run.rows.start, 3)
            for field in FIELDS
            for run in self._runs[field]
        ]
        self.memory = torch.cat(memory).view(len(FIELDS), len(configs), 3).transpose(0, 1).to(device)
        self.memory = self.memory.contiguous()

    def _read(self, configs: Sequence[Mapping[str, Any]]) -> None:
        train = [config["train"] for config in configs]
        self._runs: dict[str, list[Run[Schedule]]] = {
            field: runs("schedules", [t[name] for t in train], self._device) for field, name in FIELDS.items()
        }
        self._start = {
            field: torch.tensor(
                [t["optimizer"].get(field, 0.0) for t in train], dtype=torch.float64, device=self._device
            )
            for field in FIELDS
        }
        self._moving = [
            field for field, name in FIELDS.items() if any(t[name]["name"] != "constant" for t in train)
        ]

    def keep(self, index: Tensor, configs: Sequence[Mapping[str, Any]]) -> None:
        """Make these rows, whose configs are given, the array."""
        self.memory = self.memory[index]
        self._read(configs)

    def at(self, steps: Tensor, epoch_steps: int) -> dict[str, Tensor]:
        """Return what moves, float64 (K,), for the step that has `steps`, int (K,), behind it.

        With momentum comes `momentum_next`, the momentum of the step after.
        """
        found = {field: self._value(field, steps, epoch_steps) for field in self._moving}
        if "momentum" in found:
            found["momentum_next"] = self._value("momentum", steps + 1, epoch_steps)
        return found

    def rates(self, steps: Tensor, epoch_steps: int) -> Tensor:
        """Return the learning rate of the step that has `steps` behind it, float64 (K,)."""
        return self._value("lr", steps, epoch_steps)

    def _value(self, field: str, steps: Tensor, epoch_steps: int) -> Tensor:
        iterations, epochs = steps.double(), (steps // epoch_steps).double()
        parts = []
        for run in self._runs[field]:
            t = epochs[run.rows]
            if "unit" in run.hypers:
                t = torch.where(run.hypers["unit"] == 0, t, iterations[run.rows])
            memory = self.memory[run.rows, list(FIELDS).index(field)]
            parts.append(run.entry.value(self._start[field][run.rows], t, run.hypers, memory))
        return torch.cat(parts)

    def observe(self, loss: Tensor) -> None:
        """Tell the schedules the loss of an epoch, float64 (K,)."""
        for place, field in enumerate(FIELDS):
            for run in self._runs[field]:
                run.entry.observe(loss[run.rows], run.hypers, self.memory[run.rows, place])
