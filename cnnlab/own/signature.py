"""Hyperparameters from a signature: each argument is annotated with its range and has a default."""

import inspect
from collections.abc import Callable, Collection
from typing import Any

from cnnlab.errors import ConfigError, RegistryError
from cnnlab.hyper import Annotation, Hyper
from cnnlab.plugins import PACKAGE

EXAMPLE = "channels: Int[8, 64] = 16"
RESERVED = ("name", "sha256")  # of the entry itself


def hypers_of(function: Callable[..., Any], given: Collection[str], owner: str = "") -> dict[str, Hyper]:
    """Return the hyperparameters that a signature declares, by name, in its order.

    `given` are the arguments that cnnlab passes. `owner` is the class whose constructor it is. RegistryError,
    with file and line, for an argument without a range or a default, and for one of any number of values.
    """
    at = place(function, owner)
    try:
        arguments = inspect.signature(function, eval_str=True).parameters
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        raise RegistryError(f"{at}: an annotation cannot be read: {type(error).__name__}: {error}") from error
    found: dict[str, Hyper] = {}
    for name, argument in arguments.items():
        if name in given or (owner and name == "self"):
            continue
        what = f"{at}: the argument {name}"
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD, argument.POSITIONAL_ONLY):
            raise RegistryError(f"{what} must have a name of its own, such as {EXAMPLE}; got {argument}")
        if name in RESERVED:
            raise RegistryError(f"{what} must have another name: an entry has a {name} of its own")
        annotation = argument.annotation
        if not isinstance(annotation, Annotation):
            came = "no annotation" if annotation is argument.empty else inspect.formatannotation(annotation)
            raise RegistryError(f"{what} must be annotated with its range, such as {EXAMPLE}; got {came}")
        if argument.default is argument.empty:
            raise RegistryError(f"{what} must have a default, such as {EXAMPLE}; got none")
        try:
            found[name] = annotation.declared(argument.default)
        except ConfigError as wrong:
            raise RegistryError(f"{what}: {wrong.message}") from None
    return found


def place(function: Callable[..., Any], owner: str = "") -> str:
    """Return where a function is written: `models/net.py, line 9, net`."""
    name = owner or getattr(function, "__qualname__", repr(function))
    code = getattr(inspect.unwrap(function), "__code__", None)
    module = getattr(function, "__module__", "")
    file = f"{module.removeprefix(f'{PACKAGE}.').replace('.', '/')}.py"
    return f"{file}, line {code.co_firstlineno}, {name}" if code else f"{file}, {name}"
