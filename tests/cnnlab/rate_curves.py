"""The numbers that schedules give: of one alone, and of the rows of an array."""

import packing
import torch

from cnnlab import registry
from cnnlab.engine.row_groups import group_rows
from cnnlab.engine.scheduled import RowSchedules

CPU = torch.device("cpu")
SGD = {"name": "sgd", "lr": 0.8}


def curve(choice, start=0.8, steps=25):
    """Return a schedule's numbers at t = 0, 1, …, (steps,)."""
    (one,) = group_rows("schedules", [registry.resolve("schedules", choice, "p")], CPU)
    memory = torch.tensor([one.entry.memory], dtype=torch.float64)
    first = torch.tensor([start], dtype=torch.float64)
    values = [one.entry.value(first, torch.full_like(first, t), one.hypers, memory) for t in range(steps)]
    return torch.cat(values).tolist()


def values(train, steps, epoch_steps):
    """The learning rates of rows, (steps, K), as their array computes them."""
    configs = [packing.config(**each) for each in train]
    own = RowSchedules(configs, CPU)
    counts = [torch.full((len(configs),), step, dtype=torch.int32) for step in range(steps)]
    return torch.stack([own.rates(count, epoch_steps) for count in counts])
