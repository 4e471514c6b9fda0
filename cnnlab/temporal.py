"""Series, (N, K, C, T): how many steps windows leave, and operations on images applied to series."""

from collections.abc import Callable

from torch import Tensor

from cnnlab.errors import ConfigError
from cnnlab.layer import Shape, over_maps


def windows(shape: Shape, kernel: int, stride: int | None = None, padding: int = 0) -> Shape:
    """Return (C, T′) of windows of k steps; ConfigError at "model" if no window fits.

    T′ = ⌊(T + 2·padding − k)/stride⌋ + 1. Without a stride the windows touch.
    """
    maps, time = shape
    room = time + 2 * padding - kernel
    if room < 0:
        raise ConfigError("model", f"a window of {kernel} steps does not fit series of {time}")
    return maps, room // (stride or kernel) + 1


def over_series(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a function of (N, maps, 1, T), independent for each map, to (N, K, C, T).

    Series become images one pixel high, because torch keeps channels innermost only in images: for many
    narrow rows on a CPU that halves the time.
    """
    return over_maps(function, x.unsqueeze(3)).squeeze(3)
