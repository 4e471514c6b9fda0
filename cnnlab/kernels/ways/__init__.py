"""Ways to compute the convolutions of K rows, one file each: the same function, rounded differently.

A file registers one class under the file's name.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from typing import TypeVar

from cnnlab.errors import RegistryError, nearest
from cnnlab.kernels.convolution_way import ConvolutionWay

Way = TypeVar("Way", bound=ConvolutionWay)
_ways: dict[str, ConvolutionWay] = {}


def register(way: type[Way]) -> type[Way]:
    """Register a class under its file's name; used as a decorator."""
    _ways[way.__module__.rpartition(".")[2]] = way()
    return way


@cache
def names() -> tuple[str, ...]:
    """Return every way that has a file here."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def get(name: str) -> ConvolutionWay:
    """Return the way of that name; RegistryError if there is none."""
    if name not in names():
        near = nearest(name, names())
        meant = f"; did you mean {near[0]}?" if near else ""
        raise RegistryError(f"a way to convolve must be one of {', '.join(names())}; got {name!r}{meant}")
    if name not in _ways:
        import_module(f"{__name__}.{name}")
    return _ways[name]
