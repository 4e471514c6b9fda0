"""A plain loop of torch for one trial, as a tutorial writes it: the baseline of arrays."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.autograd.profiler import record_function

from cnnlab.batching import batch_order
from cnnlab.batching.on_device import Part
from cnnlab.engine.net import Net
from cnnlab.engine.row_groups import group_rows
from cnnlab.fit import Row
from cnnlab.plain_net import WithHead, plain_net
from cnnlab.precision import PRECISIONS

MOMENTUM = 0.9


class PlainLoop:
    """Steps of a plain loop: a module of torch.nn on the part's device, in the precision of the trial.

    A step takes a batch from memory, x[order], and makes `zero_grad`, forward pass, loss, `backward`, and SGD
    with momentum and, where the trial has an L2 penalty, weight decay. There are no other penalties, no
    schedules, no augmentations and no metrics. Every step has the first images of the part, `size` of them,
    at a rate of 0, so that nothing diverges. CnnlabError where a layer of the net has no plain form.

    `torch.optim` imports a compiler, which takes a second, so its operations stand here: for each parameter
    g ← g + λw, m ← 0.9·m + g, w ← w − lr·m, within the ranges for profilers that it opens, which are a tenth
    of a step of a small MLP.
    """

    lr = 0.0

    def __init__(self, row: Row, net: Net, part: Part) -> None:
        train = row.config["train"]
        self._precision, self._device = PRECISIONS[train["precision"]], part.scale.device
        self.size = batch_order.size(train["batch_size"], len(part))
        images, targets = part.batch(slice(0, self.size), 1)
        self._x, self._y = images.squeeze(1).contiguous(), targets.squeeze(1).contiguous()
        self._order = torch.arange(self.size, device=self._device).flip(0)
        self.model = plain_net(net, row.config, row.seed, part.scale.dtype).to(self._device)
        self._heads = [each for each in self.model.modules() if isinstance(each, WithHead)]
        self._loss, self._decay = _loss(row, self._precision.rows, self._device), train["l2"]["strength"]
        self._parameters = list(self.model.parameters())
        self._moving = [torch.zeros_like(own) for own in self._parameters]

    def step(self) -> None:
        """Take one step."""
        with record_function("Optimizer.zero_grad#SGD.zero_grad"):
            self.model.zero_grad()
        with self._precision.rounds(self._device):
            torch.autograd.backward(self.loss())
        with torch.no_grad(), record_function("Optimizer.step#SGD.step"):
            for own, moved in zip(self._parameters, self._moving, strict=True):
                if own.grad is None:
                    continue
                slope = own.grad.add(own, alpha=self._decay) if self._decay else own.grad
                moved.mul_(MOMENTUM).add_(slope)
                own.add_(moved, alpha=-self.lr)

    def loss(self) -> Tensor:
        """Return the mean loss of the batch, (), with those of auxiliary scores."""
        with self._precision.casts(self._device):
            target = self._y[self._order]
            total = self._loss(self.model(self._x[self._order]), target)
            for head in self._heads:
                total = total + head.weight * self._loss(head.scores, target)
        return total


def _loss(row: Row, dtype: torch.dtype, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the mean loss of a batch, of scores (N, classes) and targets (N,).

    Softmax is torch's `cross_entropy`, without class weights; others are their own formula for a single row.
    """
    choice = row.config["train"]["loss"]
    if choice["name"] == "softmax":
        return nn.CrossEntropyLoss(label_smoothing=choice["smoothing"])
    (group,) = group_rows("losses", [choice], device)
    hypers = {name: own.to(dtype) for name, own in group.hypers.items()}

    def mean(scores: Tensor, target: Tensor) -> Tensor:
        found: Tensor = group.entry.value(scores.to(dtype)[:, None], target[:, None], hypers).mean()
        return found

    return mean
