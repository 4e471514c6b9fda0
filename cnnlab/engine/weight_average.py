"""Means of weights over the steps of training, which are evaluated in their place."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


class WeightAverage:
    """The exponential means of an array's rows, (K, P): of a row without one, its weights themselves.

    mean ← mean + (1 − d)/(1 − d^t)·(w − mean) after step t = 1, 2, …, d = `train.ema`: the sum of the weights
    (1 − d)·d^(t−s)·w_s over the steps s, divided by that of the factors, as Adam corrects its means. The
    first mean is thus w after the first step; one that begins at the first weights would keep d^t of them.
    Biases and normalization have means too; buffers have none, as in torch's AveragedModel. If no row has a
    mean, there is nothing here.
    Source: B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by averaging" (1992).
    """

    TAKEN = ("_rows",)  # no recording reads it (engine/renewal.py)

    def __init__(self, configs: Sequence[Mapping[str, Any]], theta: Tensor) -> None:
        decay = [config["train"]["ema"] for config in configs]
        self._decay = torch.tensor(decay, dtype=torch.float64, device=theta.device)[:, None]  # (K, 1)
        self._rows = [row for row, own in enumerate(decay) if own]
        self._mean = theta.clone() if self._rows else None

    @property
    def tensors(self) -> list[Tensor]:
        """Return what `add` changes in place: the means, if there are any."""
        return [] if self._mean is None else [self._mean]

    def weights(self, theta: Tensor) -> Tensor:
        """Return the weights that are evaluated where training has those, both (K, P)."""
        return theta if self._mean is None else self._mean

    def add(self, theta: Tensor, steps: Tensor) -> None:
        """Take in the weights (K, P) after a step; `steps` counts it, int32 (K,)."""
        if self._mean is None:
            return
        share = ((1 - self._decay) / (1 - self._decay ** steps[:, None].double())).to(theta.dtype)
        # Where the mean is the weight itself, to the last bit, and also after one that was not finite.
        self._mean.copy_(torch.where(share < 1, self._mean.lerp(theta, share), theta))

    def kept(self, index: Tensor, configs: Sequence[Mapping[str, Any]], theta: Tensor) -> "WeightAverage":
        """Return the means of some rows, in this order; configs and weights are theirs."""
        return WeightAverage(configs, theta if self._mean is None else self._mean[index])

    def copied(self, configs: Sequence[Mapping[str, Any]], theta: Tensor) -> "WeightAverage":
        """Return a copy that stays as it is while training goes on."""
        return WeightAverage(configs, self.weights(theta))

    def places(self, row: int) -> dict[str, Tensor]:
        """Return what a state must have for a row, each tensor (K, …), by name."""
        return {} if self._mean is None or row not in self._rows else {"average": self._mean}

    def state(self) -> dict[str, Tensor]:
        """Return what belongs to an array's state, by name."""
        return {} if self._mean is None else {"average": self._mean}

    def follow(self, row: int, theta: Tensor) -> None:
        """Take the weights, (K, P), of a row that has no mean and was loaded."""
        if self._mean is not None and row not in self._rows:
            self._mean[row] = theta[row]
