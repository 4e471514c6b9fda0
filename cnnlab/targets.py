"""What an image should give: one target for each row, or two with their shares where images are mixed."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class MixedTargets:
    """Two targets of each image, (N, K): `main` has the larger `share`, from 0.5 to 1, `other` the rest."""

    main: Tensor
    other: Tensor
    share: Tensor

    def __getitem__(self, index: Any) -> "MixedTargets":
        return MixedTargets(self.main[index], self.other[index], self.share[index])


Targets = Tensor | MixedTargets


def mixed_targets(own: Tensor, other: Tensor, share: Tensor) -> MixedTargets:
    """Return the targets of images that are `own` by a share from 0 to 1, all (N, K)."""
    mine = share >= 0.5
    return MixedTargets(
        torch.where(mine, own, other), torch.where(mine, other, own), torch.where(mine, share, 1 - share)
    )


def main_targets(y: Targets) -> Tensor:
    """Return the one target that metrics count, (N, K): of a mixed image that of its larger share."""
    return y if isinstance(y, Tensor) else y.main
