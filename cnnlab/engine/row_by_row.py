"""Which nets the rows of an array pass through one after the other instead of side by side."""

from typing import Literal

import torch

from cnnlab.engine.net import Net

# From here on one row after the other was faster: python -m benchmarks.step.
MIN_WIDE_MAPS = 16  # inputs and outputs of a filter bank
MIN_WIDE_WORK = 2**28  # multiply-adds of a batch's forward pass, in a net with such filter banks
MIN_PARAMETERS = 2**20
MIN_KEPT = 1_500_000  # numbers of a batch's activations, of rows under vmap: python -m benchmarks.own_modules


def pays(net: Net, batch: int | Literal["full"], device: torch.device) -> bool:
    """Whether one row after the other is faster, on a CPU: filter banks are wide, or parameters many.

    A net with a layer that takes only one row at a time has no choice, on no device.
    K wide convolutions are faster than one of K groups, as long as their calls cost little beside them; many
    parameters are copied to be one matrix; and what belongs to one row stays in the cache, which counts most
    under vmap. It is a function
    of the config and not of a timing, because it decides how a row is rounded: docs/decisions/0008.
    """
    if net.chain.alone:
        return True
    if device.type != "cpu":
        return False
    wide = any(len(own.shape) > 2 and min(own.shape[:2]) >= MIN_WIDE_MAPS for own in net.table)
    much = batch == "full" or batch * net.work.multiply_adds >= MIN_WIDE_WORK
    many = net.chain.by_vmap and (batch == "full" or batch * net.work.activations >= MIN_KEPT)
    return (wide and much) or many or net.parameters >= MIN_PARAMETERS
