"""Stochastic gradient descent: the plain rule that all others modify, and its forms with momentum."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from cnnlab.errors import ConfigError
from cnnlab.hyper import Choice, Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class Sgd(Rule):
    """Step against the gradient of a mini-batch, or, with momentum, against a fading sum of gradients.

    w ← w − lr·g;  with μ = `momentum` > 0: d ← μ·d + (1 − `dampening`)·g, at the first step d ← g, and
    w ← w − lr·d;  with `nesterov: yes` w ← w − lr·(g + μ·d)
    All is torch's SGD, by its names, in which rows may differ; with the defaults it is the plain rule.
    `momentum` and `nesterov` are entries of their own, too, the same rules without dampening.
    In the notes: SGD strictly means one image a step, but mostly mini-batches are meant. Both are available,
    and gradient descent on all images too: `train.batch_size` 1, k or full.
    Source: H. Robbins and S. Monro, "A stochastic approximation method" (1951); torch.optim.SGD.
    """

    lr: ClassVar = Number(default=0.1, low=1e-8, high=100.0, log=True)
    momentum: ClassVar = Number(default=0.0, low=0.0, high=0.9999)
    dampening: ClassVar = Number(default=0.0, low=0.0, high=1.0)
    nesterov: ClassVar = Choice(default="no", options=("no", "yes"), row=True)

    def check(self, choice: Mapping[str, Any]) -> None:
        """Refuse what torch refuses: Nesterov's step without momentum or with dampening."""
        if choice["nesterov"] == "yes" and not choice["momentum"]:
            raise ConfigError("nesterov", "must be no where momentum is 0, got yes")
        if choice["nesterov"] == "yes" and choice["dampening"]:
            raise ConfigError("dampening", f"must be 0 with nesterov: yes, got {choice['dampening']:g}")

    def slot_count(self, choice: Mapping[str, Any], parameters: int) -> int:
        """Return 1 for d; 0 where there is no momentum."""
        return int(choice["momentum"] > 0)

    def constants(self, h: Mapping[str, Tensor], t: Tensor) -> Mapping[str, Tensor]:
        """Return the factors of the gradient and of d, in d and in the step."""
        ahead = h["nesterov"] == self.nesterov.index("yes")
        # torch dampens neither the first gradient nor, where there is no momentum, any.
        whole = (t == 1) | (h["momentum"] == 0)
        return {
            "lr": h["lr"],
            "momentum": h["momentum"],
            "fresh": torch.where(whole, 1.0, 1 - h["dampening"]),
            "of_gradient": ahead.to(h["lr"]),
            "of_sum": torch.where(ahead, h["momentum"], 1.0),
        }

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move w, and d if any row of the group has momentum: without it, d is g to the last bit."""
        if not slots:
            w.addcmul_(g, c["lr"], value=-1)
            return
        (d,) = slots
        d.mul_(c["momentum"]).addcmul_(g, c["fresh"])
        w.addcmul_((d * c["of_sum"]).addcmul_(g, c["of_gradient"]), c["lr"], value=-1)
