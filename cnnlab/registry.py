"""Names for everything a config can choose: a kind is a folder, an entry is a file."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from typing import Any, TypeVar

from cnnlab.errors import ConfigError, RegistryError, UnknownName
from cnnlab.hyper import EntryOf, declared

KINDS = (
    "activations",
    "initializers",
    "layers",
    "losses",
    "regularizers",
    "optimizers",
    "models",
    "datasets",
)
SINGULAR = {kind: kind[:-1] for kind in KINDS} | {"losses": "loss", "datasets": "data set"}

T = TypeVar("T")
_entries: dict[tuple[str, str], type] = {}


def register(entry: type[T]) -> type[T]:
    """Register a class under its file's name, in the kind of its folder; used as a decorator.

    A file's `_` is a `-` in the entry's name. A second class in a file, or a file outside a kind's
    folder, is a RegistryError.
    """
    *_, kind, module = ("", *entry.__module__.split("."))
    name = module.replace("_", "-")
    if kind not in KINDS:
        raise RegistryError(
            f"{entry.__qualname__} is registered in {entry.__module__}, which is in no kind's folder; "
            f"an entry is a file in one of {', '.join(KINDS)}"
        )
    if (kind, name) in _entries:
        other = _entries[kind, name].__qualname__
        raise RegistryError(
            f"{entry.__module__} registers {entry.__qualname__} after {other}; a file holds one entry"
        )
    _entries[kind, name] = entry
    return entry


def names(kind: str) -> tuple[str, ...]:
    """Return the names of a kind, in order, without importing a file of it."""
    package = importlib.import_module(f"cnnlab.{_known_kind(kind)}")
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(package.__path__)))


def get(kind: str, name: str, path: str = "") -> type[Any]:
    """Return an entry, importing its file and no other; UnknownName if there is none."""
    if name not in names(kind):
        raise UnknownName(path, SINGULAR[kind], name, names(kind))
    module = f"cnnlab.{kind}.{name.replace('-', '_')}"
    importlib.import_module(module)
    if (kind, name) not in _entries:
        raise RegistryError(f"{module} defines no entry: decorate one class of it with @register")
    return _entries[kind, name]


def resolve(kind: str, choice: Any, path: str) -> dict[str, Any]:
    """Return a choice complete: {"name": …, every hyperparameter checked or at its default}.

    A choice is a name, or an object with a name and some hyperparameters. ConfigError at the path
    of whatever is wrong.
    """
    if isinstance(choice, str):
        choice = {"name": choice}
    if not isinstance(choice, Mapping):
        raise ConfigError(path, f'must be a name or an object {{"name": …}}, got {choice!r}')
    if "name" not in choice:
        raise ConfigError(path, f"must have a name, one of {', '.join(names(kind))}; got {dict(choice)!r}")
    name = choice["name"]
    if not isinstance(name, str):
        raise ConfigError(f"{path}.name", f"must be a name, one of {', '.join(names(kind))}; got {name!r}")
    hypers = declared(get(kind, name, path))
    for field in choice:
        if field != "name" and field not in hypers:
            raise UnknownName(f"{path}.{field}", f"hyperparameter of {name}", str(field), hypers)
    resolved: dict[str, Any] = {"name": name}
    for field, hyper in hypers.items():
        value, at = choice.get(field, hyper.default), f"{path}.{field}"
        resolved[field] = (
            resolve(hyper.kind, value, at) if isinstance(hyper, EntryOf) else hyper.check(at, value)
        )
    return resolved


def describe() -> dict[str, dict[str, dict[str, Any]]]:
    """Return all kinds, all entries: a summary, the documentation and the hyperparameters, as JSON."""
    return {kind: {name: _describe(get(kind, name)) for name in names(kind)} for kind in KINDS}


def _describe(entry: type) -> dict[str, Any]:
    doc = inspect.getdoc(entry) or ""
    return {
        "summary": doc.partition("\n")[0],
        "doc": doc,
        "hypers": {name: hyper.describe() for name, hyper in declared(entry).items()},
    }


def _known_kind(kind: str) -> str:
    if kind not in KINDS:
        raise UnknownName("", "kind", kind, KINDS)
    return kind
