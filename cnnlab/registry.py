"""Names for everything a config can choose: a kind is a folder, an entry is a file."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from threading import RLock
from typing import Any, NamedTuple, TypeVar

from cnnlab import declarations
from cnnlab.errors import ConfigError, Faults, RegistryError, UnknownName
from cnnlab.hyper import EntryOf, declared
from cnnlab.plugins import plugins


class Kind(NamedTuple):
    """What one entry of a kind is called, and the class that it derives from, by name: it needs torch."""

    singular: str
    module: str
    base: str


KINDS: Mapping[str, Kind] = {  # by folder
    "activations": Kind("activation", "cnnlab.activation", "Activation"),
    "initializers": Kind("initializer", "cnnlab.initializer", "Initializer"),
    "layers": Kind("layer", "cnnlab.layer", "Layer"),
    "losses": Kind("loss", "cnnlab.loss", "Loss"),
    "metrics": Kind("metric", "cnnlab.metric", "Metric"),
    "regularizers": Kind("regularizer", "cnnlab.regularizer", "Regularizer"),
    "optimizers": Kind("optimizer", "cnnlab.optimizer", "Optimizer"),
    "schedules": Kind("schedule", "cnnlab.schedule", "Schedule"),
    "models": Kind("model", "cnnlab.model", "Model"),
    "datasets": Kind("data set", "cnnlab.data", "DataSet"),
    "augmentations": Kind("augmentation", "cnnlab.augmentation", "Augmentation"),
}

T = TypeVar("T")
_entries: dict[tuple[str, str], type] = {}
_loading = RLock()  # an API serves requests in threads; Python locks its own imports in the same way


def register(entry: type[T]) -> type[T]:
    """Register a class under its file's name, in the kind of its folder; used as a decorator.

    A file's `_` is a `-` in the entry's name. A second class in a file, or a file outside a kind's
    folder, is a RegistryError.
    """
    *_, kind, module = ("", *entry.__module__.split("."))
    name = module.replace("_", "-")
    if kind not in KINDS:
        raise RegistryError(
            f"{entry.__qualname__} is registered in {entry.__module__}, which is not in a kind's folder; "
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
    """Return the names of a kind, in order, plug-ins among them, without importing a file of it."""
    return tuple(sorted({*built_in(kind), *plugins().names(kind)}))


def built_in(kind: str) -> tuple[str, ...]:
    """Return the names that cnnlab has itself; a plug-in of the same name is not used."""
    package = importlib.import_module(f"cnnlab.{_known_kind(kind)}")
    return _listed(*package.__path__)


@lru_cache  # folders are listed once: planning a sweep resolves thousands of configs
def _listed(*folders: str) -> tuple[str, ...]:
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(folders)))


def get(kind: str, name: str, path: str = "") -> type[Any]:
    """Return an entry, importing only its file; UnknownName if there is none.

    A file that cannot be loaded, or holds no entry of its kind, is a RegistryError that names it.
    """
    if name in built_in(kind):
        module = f"cnnlab.{kind}.{name.replace('-', '_')}"
        importlib.import_module(module)
        if (kind, name) not in _entries:
            raise RegistryError(f"{module} defines no entry: decorate one class of it with @register")
    elif name in plugins().names(kind):
        _load_plugin(kind, name)
    else:
        raise UnknownName(path, KINDS[kind].singular, name, names(kind))
    return _entries[kind, name]


def loaded(kind: str, name: str) -> type[Any] | None:
    """Return an entry that has been imported; None for any other name."""
    return _entries.get((kind, name))


def _load_plugin(kind: str, name: str) -> None:
    """Run a plug-in's file, once; a class of another kind is refused here, before it fails elsewhere."""
    with _loading:
        if (kind, name) in _entries:
            return
        try:
            module = plugins().load(kind, name)
            if (kind, name) not in _entries:
                raise RegistryError(f"{module} defines no entry: decorate one class of it with @register")
            _check_kind(kind, module, _entries[kind, name])
        except RegistryError:
            _entries.pop((kind, name), None)
            raise


def _check_kind(kind: str, module: str, entry: type) -> None:
    _, home, base = KINDS[kind]
    contract = getattr(importlib.import_module(home), base)
    if not issubclass(entry, contract):
        raise RegistryError(f"{module} must hold one {base} (from {home}), got {entry.__qualname__}")
    unset = (name for name in contract.__annotations__ if not hasattr(entry, name))
    if missing := sorted({*getattr(entry, "__abstractmethods__", ()), *unset}):
        raise RegistryError(f"{module}: {entry.__qualname__} must define {', '.join(missing)}")
    if wrong := declarations.problem(kind, entry, names, tuple(KINDS)):
        raise RegistryError(f"{module}: {wrong}")


def is_plugin(kind: str, name: str) -> bool:
    """Whether an entry comes from the folder of plug-ins."""
    return name in plugins().names(kind) and name not in built_in(kind)


def plugins_digest() -> str:
    """Return 64 hexadecimal digits that identify all plug-ins by their content; "" without any."""
    return plugins().digest


def plugin_problems() -> list[str]:
    """Return what is wrong with plug-ins: files that are not entries, and entries that cannot be loaded."""
    problems = plugins().strays({kind: built_in(kind) for kind in KINDS})
    for kind in KINDS:
        for name in plugins().names(kind):
            try:
                get(kind, name)
            except RegistryError as error:
                problems.append(str(error))
    return problems


def resolve(kind: str, choice: Any, path: str) -> dict[str, Any]:
    """Return a choice complete: {"name": …, every hyperparameter checked or at its default}.

    A choice is a name, or an object with a name and some hyperparameters. ConfigError at the paths
    of all that is wrong.
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
    try:
        hypers = declared(get(kind, name, path))
    except RegistryError as broken:
        raise ConfigError(path, str(broken)) from broken
    faults = Faults()
    for field in choice:
        if field != "name" and field not in hypers:
            faults.found.append(
                UnknownName(f"{path}.{field}", f"hyperparameter of {name}", str(field), hypers)
            )
    resolved: dict[str, Any] = {"name": name}
    for field, hyper in hypers.items():
        value, at = choice.get(field, hyper.default), f"{path}.{field}"
        with faults:
            resolved[field] = (
                resolve(hyper.kind, value, at) if isinstance(hyper, EntryOf) else hyper.check(at, value)
            )
    faults.check()
    return resolved


def describe() -> dict[str, dict[str, dict[str, Any]]]:
    """Return all kinds, all entries: a summary, the documentation and the hyperparameters, as JSON.

    `plugin` marks an entry of the operator's; one that cannot be loaded has an `error` with the reason.
    """
    return {kind: {name: _describe(kind, name) for name in names(kind)} for kind in KINDS}


def _describe(kind: str, name: str) -> dict[str, Any]:
    plugin = is_plugin(kind, name)
    try:
        entry = get(kind, name)
    except RegistryError as broken:
        if not plugin:
            raise
        summary = "Cannot be loaded."
        return {"summary": summary, "doc": summary, "hypers": {}, "plugin": True, "error": str(broken)}
    doc = inspect.getdoc(entry) or ""
    return {
        "summary": doc.partition("\n")[0],
        "doc": doc,
        "hypers": {field: hyper.describe() for field, hyper in declared(entry).items()},
        "plugin": plugin,
        "error": None,
    }


def _known_kind(kind: str) -> str:
    if kind not in KINDS:
        raise UnknownName("", "kind", kind, KINDS)
    return kind
