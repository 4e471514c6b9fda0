"""The best epoch of each row so far, on the device: its number, its objective, and the weights after it."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from cnnlab.engine.array import Array


class BestRows:
    """The best epochs of an array's rows by an objective; `sign` is 1 to maximize it or −1 to minimize it.

    theta is (K, P), of a row with a mean of its weights that mean; buffers are (K, Q), value is
    sign·objective, float64 (K,), epoch int64 (K,): 0, and −∞ as the value, in a row without an epoch that
    counts, whose weights are those before its first one. All addresses are fixed.
    """

    def __init__(self, array: Array, sign: int) -> None:
        self._array, self._sign = array, sign
        self.theta, self.buffers = array.evaluated.clone(), array.buffers.clone()
        self.value = torch.full((len(array),), -math.inf, dtype=torch.float64, device=array.device)
        self.epoch = torch.zeros(len(array), dtype=torch.int64, device=array.device)

    @property
    def tensors(self) -> list[Tensor]:
        """Return what `note` changes in place."""
        return [*self._by_name().values()]

    def note(self, epoch: Tensor, objective: Tensor) -> None:
        """Take the rows of an epoch, int (), whose objective (K,) is better than all before it.

        A NaN never is, and the first of equals stays.
        """
        value = self._sign * objective
        better = value > self.value
        for best, now in (
            (self.value, value),
            (self.epoch, epoch.to(self.epoch)),
            (self.theta, self._array.evaluated),
            (self.buffers, self._array.buffers),
        ):
            torch.where(better.view(-1, *(1,) * (best.dim() - 1)), now, best, out=best)

    def forget(self, row: int) -> None:
        """Let only the epochs count that a row trains from now on."""
        self.theta[row], self.buffers[row] = self._array.evaluated[row], self._array.buffers[row]
        self.value[row], self.epoch[row] = -math.inf, 0

    def columns(self) -> list[Tensor]:
        """Return the epoch and the objective of each row as float64 (K,)."""
        return [self.epoch.double(), self._sign * self.value]

    def read(self) -> list[tuple[int, float, dict[str, Tensor]]]:
        """Return the epoch, the objective and the weights and buffers by name of each row, on the CPU.

        Epoch 0 and NaN in a row without an epoch that counts. Each tensor is copied once, for all rows.
        """
        rows = torch.stack(self.columns(), 1).tolist()
        return [
            (int(epoch), objective if epoch else math.nan, self._array.net.named(theta, buffers))
            for (epoch, objective), theta, buffers in zip(
                rows, self.theta.cpu(), self.buffers.cpu(), strict=True
            )
        ]

    def state(self) -> dict[str, Tensor]:
        """Return everything, each tensor (K, …) on the CPU."""
        return {name: tensor.cpu().clone() for name, tensor in self._by_name().items()}

    def load_row(self, row: int, tensors: Mapping[str, Tensor]) -> None:
        """Put one row of a state into a row of this one."""
        for name, place in self._by_name().items():
            place[row] = tensors[name].to(place)

    def _by_name(self) -> dict[str, Tensor]:
        return {
            "best.theta": self.theta,
            "best.buffers": self.buffers,
            "best.value": self.value,
            "best.epoch": self.epoch,
        }
