"""Train convolutional networks, one or many side by side: the library, without any service."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnlab.config import resolve

__all__ = ["resolve"]

# MKL, by which torch multiplies on x86-64, rounds by the addresses of the factors, and so by a row's place
# and its array's width, unless this is set before the first product of a process.
os.environ.setdefault("MKL_CBWR", "AUTO")


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that cnnlab.plugins can be imported without torch."""
    if name not in __all__:
        raise AttributeError(f"module 'cnnlab' has no attribute {name!r}")
    from cnnlab import config

    return getattr(config, name)
