"""A line search for the strong Wolfe conditions, in which every row finds its own step length."""

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab.optimizer import Evaluation
from cnnlab.rowwise import dot

MAX_EVALUATIONS = 25  # of one search: more do not help a row that rounding keeps from going lower
BRACKET_MARGIN = 0.1  # a guess stays away from both ends of a bracket by this fraction of it


@dataclass(frozen=True)
class LineSearchResult:
    """The step length of each row, (k, 1), 0 where nothing is lower, and the gradient there, (k, P)."""

    length: Tensor
    gradient: Tensor


@dataclass
class _LinePoint:
    """A step length, with value and slope of the objective along the direction, each (k, 1)."""

    t: Tensor
    value: Tensor
    slope: Tensor

    def put(self, where: Tensor, other: "_LinePoint") -> None:
        self.t = torch.where(where, other.t, self.t)
        self.value = torch.where(where, other.value, self.value)
        self.slope = torch.where(where, other.slope, self.slope)

    def copy(self) -> "_LinePoint":
        return _LinePoint(self.t, self.value, self.slope)


def search(
    w: Tensor, direction: Tensor, at: Evaluation, length: Tensor, sufficient: Tensor, curvature: Tensor
) -> Generator[Tensor, Evaluation, LineSearchResult]:
    """Yield points w + t·direction until each row has a t that meets both conditions, and return it.

    f(t) ≤ f(0) + c₁ t f′(0) and |f′(t)| ≤ c₂ |f′(0)|, c₁ `sufficient` and c₂ `curvature`. First t doubles
    from `length` until a bracket holds such a point, then the bracket shrinks by cubic interpolation. A row
    that has one stays at its point while the others continue. A row whose direction does not descend ends
    with t = 0. One whose bracket has shrunk to nothing, or that has used 25 evaluations, ends at the lowest
    point that met the first condition, which may be t = 0.
    Source: J. Nocedal and S. Wright, "Numerical optimization" (2006), algorithms 3.5 and 3.6.
    """
    slope0 = dot(direction, at.gradient)
    start = _LinePoint(torch.zeros_like(slope0), at.value[:, None], slope0)
    low, high = start.copy(), start.copy()  # until a row is bracketed, low is the previous point
    gradient_low = at.gradient
    bracketed = torch.zeros_like(slope0, dtype=torch.bool)
    done = ~(slope0 < 0)  # NaN among them: such a row does not move
    t = torch.where(done, 0, length)
    gradient = at.gradient
    # A bracket narrower than the spacing of floats holds no further point.
    reach = direction.abs().amax(1, keepdim=True)
    least = torch.finfo(w.dtype).eps * w.abs().amax(1, keepdim=True)
    for _ in range(MAX_EVALUATIONS):
        if done.all():
            break
        new = yield torch.addcmul(w, t, direction)
        now = _LinePoint(t, new.value[:, None], dot(direction, new.gradient))
        worse = ~(now.value <= start.value + sufficient * t * slope0)  # NaN is worse
        worse |= ~(now.value < low.value)
        flat = ~worse & (now.slope.abs() <= -curvature * slope0)
        past = ~worse & ~flat & (now.slope * torch.where(bracketed, high.t - low.t, 1) >= 0)
        searching = ~done
        gradient = torch.where(searching & flat, new.gradient, gradient)
        # The point replaces the high end if it is worse, else the low end; the old low end becomes the high
        # one where the slope points back at it.
        high.put(searching & worse, now)
        high.put(searching & past, low)
        low.put(searching & ~worse, now)
        gradient_low = torch.where(searching & ~worse, new.gradient, gradient_low)
        done = done | (searching & flat)
        bracketed = bracketed | (searching & (worse | past))
        tight = ~done & bracketed & ((high.t - low.t).abs() * reach <= least)
        gradient = torch.where(tight, gradient_low, gradient)
        t = torch.where(tight, low.t, t)
        done = done | tight
        t = torch.where(done, t, torch.where(bracketed, _between(low, high), 2 * t))
    t = torch.where(done, t, low.t)
    return LineSearchResult(t, torch.where(done, gradient, gradient_low))


def _between(a: _LinePoint, b: _LinePoint) -> Tensor:
    """Return the minimum of the cubic through two points and their slopes, kept away from both ends."""
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    root = (d1 * d1 - a.slope * b.slope).clamp(min=0).sqrt() * (b.t - a.t).sign()
    guess = b.t - (b.t - a.t) * (b.slope + root - d1) / (b.slope - a.slope + 2 * root)
    near, far = torch.minimum(a.t, b.t), torch.maximum(a.t, b.t)
    margin = BRACKET_MARGIN * (far - near)
    return torch.where(guess.isfinite(), guess, (near + far) / 2).clamp(near + margin, far - margin)
