"""Running means of a gradient and of its square, and the step that Adam and its kin take by them."""

from collections.abc import Mapping

from torch import Tensor


def corrected(h: Mapping[str, Tensor], t: Tensor) -> dict[str, Tensor]:
    """Return what `descend` needs at step t = 1, 2, …, with both means corrected for starting at 0.

    h has lr, beta1, beta2 and eps. Everything is float64 (k, 1): in float32 1 − β₂^t would have few correct
    digits.
    """
    return {
        "rate": h["lr"] / (1 - h["beta1"] ** t),
        "root": (1 - h["beta2"] ** t).rsqrt(),
        "eps": h["eps"],
        "beta2": h["beta2"],
        "fresh1": 1 - h["beta1"],
        "fresh2": 1 - h["beta2"],
    }


def gather(g: Tensor, m: Tensor, v: Tensor, c: Mapping[str, Tensor]) -> None:
    """Add a gradient to both means: m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²."""
    m.lerp_(g, c["fresh1"])
    v.mul_(c["beta2"]).add_((g * g).mul_(c["fresh2"]))


def descend(w: Tensor, g: Tensor, m: Tensor, v: Tensor, c: Mapping[str, Tensor]) -> None:
    """Add a gradient to both means, then w ← w − rate · m / (root · √v + eps); all are (k, P)."""
    gather(g, m, v, c)
    w.addcdiv_(m * c["rate"], v.sqrt().mul_(c["root"]).add_(c["eps"]), value=-1)
