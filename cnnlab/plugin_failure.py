"""Where a plug-in failed: file, line and what its contract asks, for a message that its author can act on."""

import inspect
import traceback
from typing import Any

from cnnlab import registry
from cnnlab.plugins import PACKAGE, plugins


def describe_failure(error: BaseException) -> str:
    """Return which line of which plug-in an exception came from, and its contract; "" if from none."""
    folder = plugins().folder
    inside = f"{folder}/" if folder else None
    frames = traceback.extract_tb(error.__traceback__) if inside else []
    frames = [frame for frame in frames if frame.filename.startswith(str(inside))]
    if not frames:
        return ""
    last = frames[-1]
    file = last.filename.removeprefix(str(inside))
    text = f"the plug-in {file} failed in line {last.lineno}, {last.name}: {type(error).__name__}: {error}"
    # The contract of the outermost function: a helper of the file has none.
    contracts = (_contract(frame.filename.removeprefix(str(inside)), frame.name) for frame in frames)
    contract = next(filter(None, contracts), "")
    return f"{text}. {contract}" if contract else text


def where(thing: Any, owner: type) -> str:
    """Return class, file and line of an attribute of an entry's class, as far as they are known."""
    module, _, stem = owner.__module__.rpartition(".")
    file = f"{module.rpartition('.')[2]}/{stem}.py"
    code = getattr(thing, "__code__", None)
    line = f", line {code.co_firstlineno}" if code else ""
    return f"{owner.__qualname__} ({'the plug-in ' if module.startswith(PACKAGE) else ''}{file}{line})"


def _contract(file: str, function: str) -> str:
    """Return `Model.layers(config, shape, classes): Return the chain …` for a function of a contract."""
    kind, _, name = file.removesuffix(".py").rpartition("/")
    entry = registry.loaded(kind, name.replace("_", "-"))
    for base in entry.__mro__[1:] if entry else ():
        method = vars(base).get(function)
        if base.__module__.startswith("cnnlab.") and callable(method) and method.__doc__:
            arguments = ", ".join(list(inspect.signature(method).parameters)[1:])
            doc = " ".join(method.__doc__.split("\n\n")[0].split())
            return f"{base.__qualname__}.{function}({arguments}): {doc}"
    return ""
