"""L-BFGS: steps that use the curvature along the last few, on all images."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from cnnlab import line_search
from cnnlab.hyper import Int, Number
from cnnlab.optimizer import Optimizer, Step
from cnnlab.registry import register
from cnnlab.rowwise import dot, size


@register
class Lbfgs(Optimizer):
    """Step along −H·g, H an inverse Hessian built from the last m steps s and changes y of the gradient.

    H_{i+1} = (I − ρ s yᵀ) H_i (I − ρ y sᵀ) + ρ s sᵀ, ρ = 1/sᵀy, oldest pair first, H_0 = (sᵀy/yᵀy)·I of the
    newest; the two-loop recursion computes H·g without ever forming H. A line search for the strong Wolfe
    conditions, each trial its own, finds the length; it tries lr first (lr·min(1, 1/‖g‖₁) without any pair).
    A pair with sᵀy ≤ 0 is skipped. A direction that does not descend, or a search that finds nothing lower,
    makes the row drop its pairs and begin again along −g. One step per epoch, on all images: needs
    train.batch_size full, and nothing random in the net.
    Source: J. Nocedal, "Updating quasi-Newton matrices with limited storage" (1980); D. Liu and J. Nocedal,
    "On the limited memory BFGS method for large scale optimization" (1989).
    """

    full_batch = True
    lr: ClassVar = Number(default=1.0, low=1e-8, high=100.0, log=True)
    pairs: ClassVar = Int(default=10, low=1, high=100, row=True)
    sufficient: ClassVar = Number(default=1e-4, low=1e-8, high=0.5, log=True)
    curvature: ClassVar = Number(default=0.9, low=0.01, high=0.9999)

    def slot_count(self, choice: Mapping[str, Any], parameters: int) -> int:
        """Return 2m: slot 2i is the step, slot 2i + 1 the change of the gradient, i = 0 being the newest."""
        return 2 * int(choice["pairs"])

    def step(self, w: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> Step:
        """Search along the direction, then keep the pair."""
        at = yield w
        kept = list(zip(slots[0::2], slots[1::2], strict=True))
        # A row may keep fewer pairs than its neighbours: older ones then count as missing.
        products = [dot(s, y) * (i < c["pairs"]) for i, (s, y) in enumerate(kept)]
        direction = -_times_inverse_hessian(at.gradient, kept, products)
        lost = dot(direction, at.gradient) >= 0
        direction = torch.where(lost, -at.gradient, direction)
        fresh = lost | (products[0] == 0)
        first = (1 / size(at.gradient)).clamp(max=1)
        length = c["lr"] * torch.where(fresh, first, 1)
        found = yield from line_search.search(w, direction, at, length, c["sufficient"], c["curvature"])
        s, y = found.length * direction, found.gradient - at.gradient
        w.addcmul_(found.length, direction)  # the same arithmetic as in the search, to the last bit
        product, limits = dot(s, y), torch.finfo(w.dtype)
        # A product that is only rounding says nothing about curvature, and a tiny one cannot be divided by.
        good = (product > limits.eps * (dot(s, s) * dot(y, y)).sqrt()) & (product > limits.tiny / limits.eps)
        for older, newer in zip(reversed(slots[2:]), reversed(slots[:-2]), strict=True):
            older.copy_(torch.where(good, newer, older))
        slots[0].copy_(torch.where(good, s, slots[0]))
        slots[1].copy_(torch.where(good, y, slots[1]))
        for slot in slots:
            slot.masked_fill_(lost | (found.length == 0), 0)


def _times_inverse_hessian(
    g: Tensor, pairs: Sequence[tuple[Tensor, Tensor]], products: Sequence[Tensor]
) -> Tensor:
    """Return H·g by two loops over the pairs, newest first; `products` are sᵀy, 0 for pairs to skip."""
    rhos = [torch.where(product > 0, 1 / product, 0) for product in products]
    shares: list[Tensor] = []
    for (s, y), rho in zip(pairs, rhos, strict=True):
        shares.append(rho * dot(s, g))
        g = g - shares[-1] * y
    newest = dot(pairs[0][1], pairs[0][1])
    g = g * torch.where(products[0] > 0, products[0] / newest, 1)
    for (s, y), rho, share in zip(reversed(pairs), reversed(rhos), reversed(shares), strict=True):
        g = g + s * (share - rho * dot(y, g))
    return g
