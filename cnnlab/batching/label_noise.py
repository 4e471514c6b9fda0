"""Wrong targets on purpose: what a net does with a share of the training part that lies."""

import torch
from torch import Tensor

from cnnlab import rng

OUTLIER_RANGE = 3  # false numbers lie in ± this many times the largest true one


def mislabel(targets: Tensor, train: Tensor, share: float, classes: int, data_seed: int) -> Tensor:
    """Return the targets of the training part, (T,), round(share·T) of them false.

    targets (N,) are those of the whole data set, `train` the indices of the part. A class becomes any other
    one, each as likely; a number becomes an outlier, uniform in ±3·max|target|. Which ones and what they
    become depends on the data seed and their index alone, so that a larger share holds the smaller one's.
    Source: for classes C. Zhang et al., "Understanding deep learning requires rethinking generalization"
    (2017), where the true class may come out again.
    """
    seed = rng.fold(data_seed)
    order = rng.permutation(seed, rng.TARGETS, 0, len(targets))
    inside = torch.zeros(len(targets), dtype=torch.bool)
    inside[train] = True
    false = order[inside[order]][: round(share * len(train))]
    row, at = (torch.tensor([value], dtype=torch.int32) for value in (seed, 1))
    u = rng.uniform(row, rng.TARGETS, at, len(targets))[0, false]
    told = targets.clone()
    if targets.is_floating_point():
        told[false] = ((2 * u - 1) * OUTLIER_RANGE * targets[train].abs().max()).to(targets.dtype)
    else:
        told[false] = (targets[false] + 1 + (u * (classes - 1)).long()) % classes
    return told[train]
