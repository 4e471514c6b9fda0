"""Train convolutional networks, one or many side by side: the library, without any service."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnlab.config import resolve

__all__ = ["resolve"]


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that cnnlab.plugins can be imported without torch."""
    if name not in __all__:
        raise AttributeError(f"module 'cnnlab' has no attribute {name!r}")
    from cnnlab import config

    return getattr(config, name)
