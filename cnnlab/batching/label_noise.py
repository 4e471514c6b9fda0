"""Label noise: wrong targets, on purpose, for a fraction of the training part."""

import torch
from torch import Tensor

from cnnlab import rng

OUTLIER_RANGE = 3  # wrong numbers are within ± this many times the largest true one


def mislabel(targets: Tensor, train: Tensor, share: float, classes: int, data_seed: int) -> Tensor:
    """Return the targets of the training part, (T,), round(share·T) of them wrong.

    targets (N,) are those of the whole data set, `train` the indices of the part. A class becomes any other
    class, all equally likely; a number becomes an outlier, uniform in ±3·max|target|. Which targets change,
    and to what, depends only on data seed and index, so that a larger share includes that of a smaller one.
    Source: for classes C. Zhang et al., "Understanding deep learning requires rethinking generalization"
    (2017), where the true class may be drawn again.
    """
    seed = rng.fold(data_seed)
    order = rng.permutation(seed, rng.TARGETS, 0, len(targets))
    inside = torch.zeros(len(targets), dtype=torch.bool)
    inside[train] = True
    wrong = order[inside[order]][: round(share * len(train))]
    row, at = (torch.tensor([value], dtype=torch.int32) for value in (seed, 1))
    u = rng.uniform(row, rng.TARGETS, at, len(targets))[0, wrong]
    noisy = targets.clone()
    if targets.is_floating_point():
        noisy[wrong] = ((2 * u - 1) * OUTLIER_RANGE * targets[train].abs().max()).to(targets.dtype)
    else:
        noisy[wrong] = (targets[wrong] + 1 + (u * (classes - 1)).long()) % classes
    return noisy[train]
