"""Train convolutional networks, one or many side by side: the library, without any service."""

from cnnlab.config import resolve
from cnnlab.fit import fit

__all__ = ["fit", "resolve"]
