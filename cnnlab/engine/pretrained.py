"""Published weights: a state dict of torch, read into a row."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from cnnlab.engine.net import Net
from cnnlab.errors import CnnlabError

# Means and deviations of red, green and blue, 0 … 1, that the published CIFAR nets use: those of ImageNet.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def read(path: Path | str) -> dict[str, Tensor]:
    """Return the tensors of a file by name; the state dict is the file itself or its entry "state_dict".

    No code in the file is run. CnnlabError if it is not such a file.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises different errors for foreign files
        raise CnnlabError(f"{path} cannot be read as weights: {error}") from error
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CnnlabError(f"{path} must hold a state dict, tensors by name; got something else")
    return {str(name): value for name, value in state.items()}


def own_name(name: str) -> str:
    """Return the name in a cifar-resnet of a parameter of Y. Idelbayev's CIFAR ResNets.

    module.layer2.0.bn1.weight → stage2.block1.norm1.weight: layers are stages, blocks count from 1, bn is
    norm, and in a shortcut (option B) 0 is conv and 1 is norm.
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

    These nets have shortcut A and padding half; pixels are (x/255 − MEAN)/DEVIATION. Counts of batches are
    skipped. CnnlabError for a name or shape that the net does not have, or that is missing.
    """
    own = {own_name(name): value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    expected = {part.name: part.shape for part in net.table}
    expected |= {part.name: part.shape for part in net.buffers}
    if unknown := sorted(own.keys() - expected):
        raise CnnlabError(
            f"the net has no parameter {unknown[0]}; {len(unknown)} names of the file are unknown"
        )
    for name, shape in expected.items():
        if name not in own or own[name].shape != shape:
            came = tuple(own[name].shape) if name in own else "nothing"
            raise CnnlabError(f"{name} must have shape {shape}, got {came}")
    empty = torch.zeros(0)
    theta = torch.cat([empty, *(own[part.name].flatten() for part in net.table)])
    return theta, torch.cat([empty, *(own[part.name].flatten() for part in net.buffers)])
