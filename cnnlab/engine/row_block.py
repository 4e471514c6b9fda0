"""Neighbouring rows of an array that pass through its net together: all of them, or one alone."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cnnlab.engine.net import Net
from cnnlab.engine.row_groups import group_rows
from cnnlab.kernels.way_choices import WayChoices
from cnnlab.layer import Context, Kept, Mode, shared
from cnnlab.loss import Loss
from cnnlab.metric import Metric, Totals, measure
from cnnlab.precision import Precision
from cnnlab.targets import Targets, main_targets


class Result(NamedTuple):
    """What a batch gave each row: the mean loss without penalties, (K,), and the totals of each metric."""

    loss: Tensor
    measured: Totals


class Passed(NamedTuple):
    """A result, and the loss with the auxiliary ones, (K,), whose gradient training follows."""

    result: Result
    total: Tensor


class RowBlock:
    """Some neighbouring rows of an array, `rows`, and what a pass of theirs reads besides parameters.

    `losses` are their choices of a loss, `ways` those of their convolutions. `hypers`, `seed` and `steps` are
    the whole array's, (K,), and the parameters, buffers, images and targets of every method too: each method
    takes its rows of them.
    """

    LEFT = ("_kept",)  # made again by `renewed` (engine/renewal.py)

    def __init__(
        self,
        net: Net,
        rows: slice,
        losses: Sequence[Mapping[str, Any]],
        metrics: Mapping[str, Metric],
        hypers: Mapping[str, Tensor],
        all_zero: frozenset[str],
        seed: Tensor,
        steps: Tensor,
        precision: Precision,
        ways: WayChoices,
    ) -> None:
        self._net, self.rows, self._metrics, self._all_zero = net, rows, metrics, all_zero
        self._alone = rows.stop - rows.start < len(seed)
        self._hypers = {path: values[rows] for path, values in hypers.items()}
        self._seed, self._steps = seed[rows], steps[rows]  # views: the steps count on
        self._precision, self._device, self._ways = precision, seed.device, ways
        self._losses: list[tuple[slice, Loss, dict[str, Tensor]]] = [
            (
                group.rows,
                group.entry,
                {name: own.to(precision.rows) for name, own in group.hypers.items()},
            )
            for group in group_rows("losses", losses[rows], seed.device)
        ]
        self._kept: dict[Hashable, Kept] = {}

    def context(self, mode: Mode, first: int = 0) -> Context:
        """Return what the net's layers may read during one pass; a new one for every pass."""
        return Context(
            self._hypers,
            self._all_zero,
            self._seed,
            self._steps,
            mode,
            first,
            kept=self._kept,
            ways=self._ways,
        )

    def renewed(self) -> None:
        """Make again what passes keep, once hyperparameters and seeds have changed in place."""
        self.context(Mode.TRAIN).renew_kept()

    @torch.enable_grad()
    def differentiate(
        self, point: Tensor, buffers: Tensor, x: Tensor, y: Targets, first: int, gradient: Tensor
    ) -> Passed:
        """Train on a batch: return its losses at a point, (K, P), and write their gradient there, (K, P).

        `first` is the index in the batch of the first image.
        """
        # Leaves of their own: no split in the graph, and no gradient of the whole point for each of them.
        parameters = [part.requires_grad_() for part in self._net.views(point[self.rows].detach())]
        passed = self.forward(parameters, buffers, x, y, first)
        # Of the sum, because the gradient of each row depends only on that row. Given a vector of ones, torch
        # would import sympy to compare shapes, which takes a third of a second before the first epoch.
        slopes = torch.autograd.grad(
            passed.total.sum(), parameters, allow_unused=True, materialize_grads=True
        )
        for place, slope in zip(self._net.views(gradient[self.rows]), slopes, strict=True):
            place.copy_(slope)
        (loss, measured), total = passed
        return Passed(Result(loss.detach(), measured), total.detach())

    def total(self, point: Tensor, buffers: Tensor, x: Tensor, y: Targets, first: int) -> Tensor:
        """Return the losses with auxiliary ones, (k,), as a function of this block's point, (k, P)."""
        return self.forward(self._net.views(point), buffers, x, y, first).total

    def forward(
        self, parameters: Sequence[Tensor], buffers: Tensor, x: Tensor, y: Targets, first: int
    ) -> Passed:
        """Return the losses of a batch in training, as a function of each layer's parameters, (k, …)."""
        context, target = self.context(Mode.TRAIN, first), y[:, self.rows]
        scores = self._apply(parameters, buffers, x, context)
        loss = total = self.loss(scores, target)
        for weight, aside in context.auxiliary:
            total = total + weight * self.loss(aside.to(self._precision.rows), target)
        return Passed(Result(loss, measure(self._metrics, scores, main_targets(target))), total)

    def scores(self, theta: Tensor, buffers: Tensor, x: Tensor, mode: Mode) -> Tensor:
        """Return the scores, (N, k, classes), outside of training."""
        parameters = self._net.views(theta[self.rows])
        return self._apply(parameters, buffers, x, self.context(mode))

    def _apply(self, parameters: Sequence[Tensor], buffers: Tensor, x: Tensor, context: Context) -> Tensor:
        """Return the scores in the type of the rows, whatever the products before them have."""
        with self._precision.casts(self._device):
            scores = self._net.apply(parameters, buffers[self.rows], self._images(x), context)
        return scores.to(self._precision.rows)

    def evaluate(self, theta: Tensor, buffers: Tensor, x: Tensor, y: Tensor) -> Result:
        """Return loss and metrics of predictions."""
        scores, target = self.scores(theta, buffers, x, Mode.PREDICT), y[:, self.rows]
        return Result(self.loss(scores, target), measure(self._metrics, scores, target))

    def _images(self, x: Tensor) -> Tensor:
        own = x[:, self.rows]
        if not self._alone or shared(x):
            return own
        # As dense as a row that is the only one, so that nothing depends on how many rows there are. A clone,
        # because contiguous() keeps odd strides where there is one channel.
        inner = own.permute(0, 1, 3, 4, 2).clone(memory_format=torch.contiguous_format)
        return inner.permute(0, 1, 4, 2, 3)

    def loss(self, scores: Tensor, y: Targets) -> Tensor:
        """Return each row's mean loss (k,) of scores (N, k, classes) against targets (N, k).

        Of a mixed image it is the mean of those against its two targets, weighted by their shares.
        """
        if scores.requires_grad:
            # How many losses there are may change the layout of the gradient, and with it how products are
            # rounded.
            scores.register_hook(Tensor.contiguous)  # type: ignore[no-untyped-call]
        parts = [_value(entry, scores[:, rows], y[:, rows], hypers) for rows, entry, hypers in self._losses]
        # A row's losses are neighbours in memory: else the rounding of a mean depends on the number of rows.
        return torch.cat([part.t() for part in parts]).contiguous().mean(1)


def _value(entry: Loss, scores: Tensor, y: Targets, hypers: Mapping[str, Tensor]) -> Tensor:
    """Return the loss of each image, (N, k)."""
    if isinstance(y, Tensor):
        return entry.value(scores, y, hypers)
    main, other = (entry.value(scores, target, hypers) for target in (y.main, y.other))
    return y.share * main + (1 - y.share) * other


def joined(parts: Sequence[Passed]) -> Passed:
    """Return what the blocks of one array found, block after block."""
    if len(parts) == 1:
        return parts[0]
    return Passed(joined_results([part.result for part in parts]), torch.cat([part.total for part in parts]))


def joined_results(parts: Sequence[Result]) -> Result:
    """Return the results of the blocks of one array as one."""
    if len(parts) == 1:
        return parts[0]
    measured = {name: torch.cat([part.measured[name] for part in parts]) for name in parts[0].measured}
    return Result(torch.cat([part.loss for part in parts]), measured)
