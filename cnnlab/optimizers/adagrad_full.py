"""AdaGrad with its full matrix: gradients that occur together are scaled together."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class AdagradFull(Rule):
    """Divide the gradient by the root of the matrix of all products of gradients so far.

    G ← G + g·gᵀ;  w ← w − lr·(G^(1/2) + eps·I)⁻¹·g
    The root has the eigenvectors of G and the roots of its eigenvalues; it is computed in float64. A
    direction that never had a gradient has eigenvalue 0, up to rounding, and no gradient now either: eps
    avoids 0/0, and must be larger than `adagrad`'s, because eigenvectors mix the rounding errors of all
    weights. `adagrad` keeps only the diagonal of G. G has P × P numbers for P parameters, and each step
    computes all its eigenvectors: P is at most 1,000.
    In the notes: G is defined as this matrix, then only its diagonal is used; its inverse root is 0/0 where
    there never was a gradient.
    Source: J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods" (2011), section 1.1.
    """

    max_parameters = 1000
    lr: ClassVar = Number(default=0.05, low=1e-8, high=100.0, log=True)
    eps: ClassVar = Number(default=1e-4, low=1e-16, high=1.0, log=True)

    def slot_count(self, choice: Mapping[str, Any], parameters: int) -> int:
        """Return P: slot j is column j of G."""
        return parameters

    def workspace(self, parameters: int) -> int:
        """Return P² once in the trial's own precision, and twice in float64."""
        return 5 * parameters**2

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move G and w."""
        for column, own in zip(slots, g.unbind(1), strict=True):
            column.addcmul_(g, own[:, None])
        matrices = torch.stack(tuple(slots), 1).double()  # (k, P, P)
        # Row by row: how a product of many matrices is rounded may depend on how many they are.
        parts = zip(matrices, g.double(), c["eps"].double(), strict=True)
        # Copies begin at an even address, as those of a row alone do: see cnnlab/rowwise.py.
        steps = [_over_root(matrix, own.clone(), eps) for matrix, own, eps in parts]
        w.addcmul_(torch.stack(steps).to(w.dtype), c["lr"], value=-1)


def _over_root(matrix: Tensor, g: Tensor, eps: Tensor) -> Tensor:
    """Return (G^(1/2) + eps·I)⁻¹·g, (P,); NaN for a row that has diverged."""
    if not matrix.isfinite().all():
        return torch.full_like(g, torch.nan)
    values, vectors = torch.linalg.eigh(matrix)
    step: Tensor = vectors @ ((vectors.mT @ g) / (values.clamp(min=0).sqrt() + eps))
    return step
