"""Entry files of an operator's, and a way to put them into the folder of plug-ins."""

from pathlib import Path

from cnnlab import plugins

SOFTPLUS = '''
"""Softplus."""
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.activation import Activation
from cnnlab.hyper import Number
from cnnlab.registry import register


@register
class TriedSoftplus(Activation):
    """Bend smoothly: f(x) = log(1 + e^(bx))/b. Source: C. Dugas et al. (2001)."""

    b: ClassVar = Number(default=1.0, low=0.01, high=100.0)

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        return (h["b"] * x).logaddexp(x.new_zeros(())) / h["b"]
'''
SIGN = '''
"""Sign descent."""
from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class TriedSign(Rule):
    """Step by the gradient's sign: w ← w − lr·sign(g). Source: Riedmiller and Braun (1993)."""

    lr: ClassVar = Number(default=1e-3, low=1e-8, high=1.0, log=True)

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        w.addcmul_(g.sign(), c["lr"], value=-1)
'''


def add(folder: Path, name: str, text: str) -> None:
    """Write a file of the folder, which is read anew."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    plugins.read.cache_clear()
