"""What each parameter of a module is: a weight, a bias, or the scale or shift of a normalization."""

from math import prod

from torch import Tensor, nn

from cnnlab.layer import Parameter, Role

NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def parameter_of(module: nn.Module, name: str, part: Tensor) -> Parameter:
    """Return the entry of a net's table for a parameter of a module, by its name.

    The module that holds it decides its role: of a normalization it is scale or shift; elsewhere it is a bias
    where "bias" is part of its name, a scale where it has at most one axis, and else a weight.
    """
    holder, _, own = name.rpartition(".")
    owner, shape = module.get_submodule(holder), tuple(part.shape)
    transposed = isinstance(owner, TRANSPOSED) and len(shape) > 2
    unit = 1 if transposed else 0
    fan_in = prod(shape) // shape[unit] if len(shape) > 1 else 1
    return Parameter(name, shape, _role(owner, own, shape), fan_in, "", unit)


def _role(owner: nn.Module, name: str, shape: tuple[int, ...]) -> Role:
    if isinstance(owner, NORMS):
        return "shift" if name == "bias" else "scale"
    if "bias" in name:
        return "bias"
    return "weight" if len(shape) > 1 else "scale"
