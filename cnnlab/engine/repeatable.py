"""Operations of a GPU that give the same bits each time."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Have cuDNN take algorithms that give the same bits each time, and the same one in each process.

    Without it cuDNN may add up a gradient in an order that changes from call to call; with its timing
    (`benchmark`) it may take another algorithm in the next process. torch's other operations in a step have
    one order of adding on a GPU, which tests/cnnlab/engine/test_epoch_steps.py checks by their names. A
    plug-in's may not. What was set before comes back: a plain loop beside is not slowed down.
    Source: torch's notes on reproducibility.
    """
    if device.type != "cuda":
        yield
        return
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before
