"""Muon: momentum whose step is made orthogonal, matrix by matrix."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import ClassVar

import torch
from torch import Tensor

from cnnlab import moments
from cnnlab.hyper import Number
from cnnlab.layer import Parameter
from cnnlab.optimizer import Rule
from cnnlab.registry import register

A, B, C = 3.4445, -4.7750, 2.0315  # of the iteration: the slope at 0 is as large as it can be
ITERATIONS = 5
LEAST_NORM = 1e-7


@register
class Muon(Rule):
    """Step along the orthogonal matrix next to the momentum, so that no direction of a layer is left behind.

    For each weight of a hidden layer, as a matrix (units, inputs):
    m ← μ·m + (1 − μ)·g;  u = (1 − μ)·g + μ·m;  W ← W − lr·λ·W − lr·√max(1, units/inputs) · NS(u),
    NS(u): X = u/‖u‖_F, then five times X ← aX + (bS + cS²)X, S = XXᵀ, (a, b, c) = (3.4445, −4.7750, 2.0315)
    (the transpose, where units > inputs): singular values become 0.7 to 1.2. A filter of a convolution is
    one line of its matrix. Biases, normalization and the last weight, the output layer, take AdamW's step
    with rate `adam_share`·lr, so that one schedule moves both: the defaults are its author's 0.02 and 0.0003.
    λ = `weight_decay` is of all parameters, with the rate of each. The author iterates in bfloat16; here it
    is the precision of the rows.
    Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024).
    """

    slots = 2
    lr: ClassVar = Number(default=0.02, low=1e-8, high=100.0, log=True)
    momentum: ClassVar = Number(default=0.95, low=0.0, high=0.9999)
    weight_decay: ClassVar = Number(default=0.0, low=0.0, high=100.0, log=True)
    adam_share: ClassVar = Number(default=0.015, low=1e-6, high=1e3, log=True)
    beta1: ClassVar = Number(default=0.9, low=0.0, high=0.9999)
    beta2: ClassVar = Number(default=0.95, low=0.0, high=0.999999)
    eps: ClassVar = Number(default=1e-10, low=1e-16, high=1.0, log=True)

    def __init__(self, table: Sequence[Parameter] = ()) -> None:
        hidden = [own for own in table if own.role == "weight" and len(own.shape) > 1][:-1]
        self._matrices = [(_columns(own), own) for own in hidden]
        ends = [0, *(edge for cut, _ in self._matrices for edge in (cut.start, cut.stop)), None]
        self._others = [slice(start, stop) for start, stop in zip(ends[::2], ends[1::2], strict=True)]

    def of_net(self, table: Sequence[Parameter]) -> "Muon":
        """Return Muon for a net: its matrices are in the table; without one there are none."""
        return Muon(table)

    def workspace(self, parameters: int) -> int:
        """Return three numbers for each: the matrix, its product, and the next one."""
        return 3 * parameters

    def constants(self, h: Mapping[str, Tensor], t: Tensor) -> Mapping[str, Tensor]:
        """Return both rates and what they leave of w, and AdamW's numbers."""
        slow = h["lr"] * h["adam_share"]
        return moments.corrected({**h, "lr": slow}, t) | {
            "lr": h["lr"],
            "momentum": h["momentum"],
            "fresh": 1 - h["momentum"],
            "kept": 1 - h["lr"] * h["weight_decay"],
            "kept_slow": 1 - slow * h["weight_decay"],
        }

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move w, m and v; v of a matrix stays 0."""
        m, v = slots
        for cut in self._others:
            w[:, cut].mul_(c["kept_slow"])
            moments.descend(w[:, cut], g[:, cut], m[:, cut], v[:, cut], c)
        for cut, own in self._matrices:
            m[:, cut].lerp_(g[:, cut], c["fresh"])
            ahead = g[:, cut].lerp(m[:, cut], c["momentum"])
            # Row by row: how a product of many matrices is rounded may depend on how many they are.
            steps = torch.stack([_step(each, own) for each in ahead])
            w[:, cut].mul_(c["kept"]).addcmul_(steps, c["lr"], value=-1)


def _columns(own: Parameter) -> slice:
    return slice(own.offset, own.offset + prod(own.shape))


def _step(ahead: Tensor, own: Parameter) -> Tensor:
    """Return √max(1, units/inputs)·NS of one parameter of one row, (numbers,)."""
    by_unit = ahead.view(own.shape).movedim(own.unit_axis, 0)
    # A copy begins at an even address, as that of a row alone does: see cnnlab/rowwise.py.
    matrix = by_unit.flatten(1).clone(memory_format=torch.contiguous_format)
    units, inputs = matrix.shape
    found = orthogonal(matrix) * max(1, units / inputs) ** 0.5
    step: Tensor = found.view(by_unit.shape).movedim(0, own.unit_axis).flatten()
    return step


def orthogonal(u: Tensor) -> Tensor:
    """Return NS(u) of a matrix, near U·Vᵀ of its singular value decomposition U·Σ·Vᵀ; 0 for 0."""
    wide = u if u.shape[0] <= u.shape[1] else u.T
    x = wide / torch.linalg.vector_norm(wide).clamp(min=LEAST_NORM)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = A * x + (B * square + C * (square @ square)) @ x
    found: Tensor = x if u.shape[0] <= u.shape[1] else x.T
    return found
