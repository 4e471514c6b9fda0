"""Newton's method: the step that would reach the minimum if the objective were quadratic."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from cnnlab import line_search
from cnnlab.hyper import Choice, Number
from cnnlab.optimizer import Optimizer, Step
from cnnlab.registry import register
from cnnlab.rowwise import dot

SUFFICIENT, CURVATURE = 1e-4, 0.9


@register
class Newton(Optimizer):
    """Solve for the step with the matrix of second derivatives plus a multiple of the identity.

    d = −(H + λI)⁻¹·g, w ← w + t·d, λ = `damping`; the system is solved in float64, nothing is inverted. With
    λ = 0 and t = 1 one step ends at a quadratic's minimum. `search: wolfe` searches for a t that meets the
    strong Wolfe conditions, trying lr first, and along −g where d does not descend. `search: none` is the
    textbook's step, t = lr: it climbs where H + λI has negative eigenvalues, so that it may end at a saddle,
    and diverges where that matrix is singular, as with λ = 0 and softmax scores, which may all shift by the
    same amount. H has P × P numbers for P parameters and takes P backward passes: P is at most 2,000. One
    step per epoch, on all images: needs train.batch_size full, and nothing random in the net.
    In the notes: no damping and no bound; H of a million parameters would take 3,725 GiB in float32.
    Source: J. Nocedal and S. Wright, "Numerical optimization" (2006), chapter 3; the damping: K. Levenberg,
    "A method for the solution of certain non-linear problems in least squares" (1944).
    """

    full_batch = True
    max_parameters = 2000
    lr: ClassVar = Number(default=1.0, low=1e-8, high=100.0, log=True)
    damping: ClassVar = Number(default=1e-3, low=0.0, high=1e6, log=True)
    search: ClassVar = Choice(default="wolfe", options=("wolfe", "none"), row=True)

    def workspace(self, parameters: int) -> int:
        """Return P² once in the trial's own precision, and twice in float64."""
        return 5 * parameters**2

    def step(self, w: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> Step:
        """Solve, search for the length, and move w."""
        at = yield w
        # Row by row: how many systems at once are rounded may depend on how many they are.
        systems = zip(at.hessian().double(), at.gradient.double(), c["damping"].double(), strict=True)
        d = -torch.stack([_solve(matrix, g, damping) for matrix, g, damping in systems]).to(w.dtype)
        plain = c["search"] == self.search.index("none")
        descends = dot(d, at.gradient) < 0
        sought = torch.where(descends, d, -at.gradient).masked_fill(plain, 0)
        one = torch.ones_like(c["lr"])
        found = yield from line_search.search(w, sought, at, c["lr"], SUFFICIENT * one, CURVATURE * one)
        w.add_(torch.where(plain, c["lr"] * d, found.length * sought))


def _solve(matrix: Tensor, g: Tensor, damping: Tensor) -> Tensor:
    """Return (H + λI)⁻¹·g, (P,); NaN where the matrix is singular."""
    matrix.diagonal().add_(damping)
    solved, fault = torch.linalg.solve_ex(matrix, g)
    return solved if not fault else torch.full_like(g, torch.nan)
