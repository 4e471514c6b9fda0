"""What an object holds: the walks through an array and all below it."""

from collections.abc import Mapping
from functools import partial
from types import MethodType
from typing import Any


def parts(one: object) -> dict[Any, Any] | None:
    """Return what an object holds, by name, key or place; None where that cannot be seen."""
    if isinstance(one, Mapping):
        # Objects as keys have no name: they count by their place.
        names = [key if isinstance(key, str | int | tuple) else place for place, key in enumerate(one)]
        return dict(zip(names, one.values(), strict=True))
    if isinstance(one, list | tuple):
        return dict(enumerate(one))
    if isinstance(one, partial):
        return {"function": one.func, "arguments": one.args, "keywords": one.keywords}
    if isinstance(one, MethodType):
        return {"function": one.__func__, "owner": one.__self__}
    slots = [name for owner in type(one).__mro__ for name in getattr(owner, "__slots__", ())]
    held = {name: getattr(one, name) for name in slots if hasattr(one, name)}
    if not held and not hasattr(one, "__dict__"):
        return None
    return held | getattr(one, "__dict__", {})
