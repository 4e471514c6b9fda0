"""Weights that others have trained: a state dict of torch, read into a row."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from cnnlab.engine.net import Net
from cnnlab.errors import CnnlabError

# Means and deviations of the pixels of CIFAR-10, of 0 … 1, for red, green, blue, as its published nets use
# them: those of ImageNet.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def read(path: Path | str) -> dict[str, Tensor]:
    """Return the tensors of a file by their names in it, the state dict itself or under "state_dict".

    Nothing in the file is run. CnnlabError for what is no such file.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch has no one error for a file that is none of its own
        raise CnnlabError(f"{path} cannot be read as weights: {error}") from error
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CnnlabError(f"{path} holds no state dict: must be tensors by name")
    return {str(name): value for name, value in state.items()}


def own_name(name: str) -> str:
    """Return what a parameter of Y. Idelbayev's CIFAR ResNets is called in a cifar-resnet.

    module.layer2.0.bn1.weight → stage2.block1.norm1.weight: layers are stages, blocks count from 1, bn is
    norm, and of a shortcut's 0 and 1 (option B) one is conv and one norm.
    """
    parts = name.removeprefix("module.").split(".")
    if parts[0].startswith("layer") and len(parts) > 2:
        parts[:2] = [f"stage{parts[0].removeprefix('layer')}", f"block{int(parts[1]) + 1}"]
    for i, part in enumerate(parts):
        if part.startswith("bn"):
            parts[i] = f"norm{part.removeprefix('bn')}"
        elif i and parts[i - 1] == "shortcut":
            parts[i] = {"0": "conv", "1": "norm"}.get(part, part)
    return ".".join(parts)


def row(net: Net, state: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the parameters (P,) and buffers (Q,) of a cifar-resnet, from a published state dict.

    The nets of this origin have shortcut A and padding half; pixels are (x/255 − MEAN)/DEVIATION. Counts of
    batches are passed over. CnnlabError for a name or shape that the net has not, or that is missing.
    """
    own = {own_name(name): value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    expected = {part.name: part.shape for part in net.table}
    expected |= {part.name: part.shape for part in net.buffers}
    if unknown := sorted(own.keys() - expected):
        raise CnnlabError(f"the net has no {unknown[0]}, and {len(unknown) - 1} more of the file's names")
    for name, shape in expected.items():
        if name not in own or own[name].shape != shape:
            came = tuple(own[name].shape) if name in own else "nothing"
            raise CnnlabError(f"{name} must have shape {shape}, got {came}")
    empty = torch.zeros(0)
    theta = torch.cat([empty, *(own[part.name].flatten() for part in net.table)])
    return theta, torch.cat([empty, *(own[part.name].flatten() for part in net.buffers)])
