"""Activate: an activation as a layer."""

from collections.abc import Sequence

from torch import Tensor

from cnnlab import registry
from cnnlab.activation import Activation
from cnnlab.hyper import declared
from cnnlab.layer import Context, Layer, Shape
from cnnlab.plain_code import PlainCode, TrainedLayer
from cnnlab.registry import register


@register
class Activate(Layer):
    """Apply the activation `name`, whose hyperparameters are in the config under `path`.

    y = f(x), elementwise
    Source: D. Rumelhart, G. Hinton and R. Williams, "Learning representations by back-propagating
    errors" (1986).
    """

    def __init__(self, name: str, path: str) -> None:
        entry = registry.get("activations", name)
        self.activation: Activation = entry()
        self.paths = {hyper: f"{path}.{hyper}" for hyper in declared(entry)}

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls("sigmoid", "act"), (2, 3, 4)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return f(x), shaped as x."""
        ones = (1,) * (x.dim() - 2)
        return self.activation.value(
            x, {name: context.hypers[path].view(-1, *ones) for name, path in self.paths.items()}
        )

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return the activation's."""
        return self.activation.to_torch({name: trained.hypers[path] for name, path in self.paths.items()})
