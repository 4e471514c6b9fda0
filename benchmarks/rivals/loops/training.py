"""One trial in torch: the loop of a tutorial, plain or tuned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.rivals.loops import nets

EVALUATION_BATCH = 256


class Images:
    """The split images of a task, normalized: training and validation part."""

    def __init__(self, path: str) -> None:
        with np.load(path) as file:
            mean, std = float(file["mean"]), float(file["std"])
            self.x, self.val_x = (
                (torch.from_numpy(file[name]).float() / 255 - mean) / std for name in ("train_x", "val_x")
            )
            self.y, self.val_y = (torch.from_numpy(file[name]) for name in ("train_y", "val_y"))

    def channels_last(self) -> Images:
        """Lay out the images with channels innermost."""
        self.x = self.x.contiguous(memory_format=torch.channels_last)
        self.val_x = self.val_x.contiguous(memory_format=torch.channels_last)
        return self


def train(
    task: Mapping[str, Any], values: Mapping[str, float], number: int, images: Images, tuned: bool
) -> Iterator[float]:
    """Train one trial; yields the accuracy on the validation part after each epoch."""
    torch.set_num_threads(1)
    torch.manual_seed(1000 * task["seed"] + number)
    net = nets.make(task["net"], values["dropout"], tuned)
    if tuned:
        net = net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        net.parameters(),
        lr=values["lr"],
        momentum=values.get("momentum", 0.9),
        weight_decay=values["l2"],
        fused=True if tuned else None,
    )
    for _ in range(task["epochs"]):
        net.train()
        for index in torch.randperm(len(images.y)).split(task["batch"]):
            optimizer.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(net(images.x[index]), images.y[index]))
            optimizer.step()
        yield accuracy(net, images.val_x, images.val_y)


@torch.no_grad()
def accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return the share of right answers."""
    net.eval()
    right = sum(
        int((net(part).argmax(1) == of).sum())
        for part, of in zip(x.split(EVALUATION_BATCH), y.split(EVALUATION_BATCH), strict=True)
    )
    return right / len(y)
