"""What a config is: a nested dict of a model, its data and how to train it."""

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

from cnnlab import registry
from cnnlab.augmentation import Augmentation
from cnnlab.data import Task, data_set
from cnnlab.errors import ConfigError, Faults, RegistryError, UnknownName
from cnnlab.files import index_file
from cnnlab.hyper import Bound, Choice, EntryOf, Hyper, Int, Number, Size, Span, declared
from cnnlab.metric import LOSS

Config = dict[str, Any]

SECTIONS = ("model", "data", "train")
MAX_FOLDS = 100
INDICES = "validation_indices"
DATA_FIELDS: Mapping[str, Hyper] = {  # in addition to the data set's own hyperparameters
    "validation": Number(default=0.1, low=0.0, high=0.5, row=False),
    "folds": Int(default=0, low=0, high=MAX_FOLDS),
    "fraction": Number(default=1.0, low=1e-6, high=1.0, row=False),
    "label_noise": Number(default=0.0, low=0.0, high=1.0, row=False),
    "resize": Int(default=0, low=0, high=1024),
    "batches": Choice(default="shuffled", options=("shuffled", "balanced")),
    "stream": Choice(default="replicate", options=("replicate", "trial")),
}
DEFAULT_LOSSES: Mapping[Task, str] = {"classification": "softmax", "regression": "square"}
TRAIN_FIELDS: Mapping[str, Hyper | EntryOf] = {
    "epochs": Int(default=10, low=1, high=10_000),
    "batch_size": Size(default=128, high=65_536),
    "loss": EntryOf(kind="losses", default="softmax", row=True),
    "optimizer": EntryOf(kind="optimizers", default="momentum", row=True),
    "schedule": EntryOf(kind="schedules", default="constant", row=True),
    "momentum_schedule": EntryOf(kind="schedules", default="constant", row=True),
    "warmup": Span(most_epochs=10_000.0, most_steps=1_000_000_000),
    "clip_value": Bound(low=1e-12, high=1e12),
    "clip_norm": Bound(low=1e-12, high=1e12),
    "accumulate": Int(default=1, low=1, high=4096),
    "ema": Number(default=0.0, low=0.0, high=0.999999),
    "initial_scale": Number(default=1.0, low=0.0, high=1e3, log=True),
    "precision": Choice(
        default="float32",
        options=("float32", "float64", "tf32", "bfloat16"),
    ),
    "test": Choice(default="never", options=("never", "best", "each-epoch")),
}


def resolve(config: Mapping[str, Any]) -> Config:
    """Return a config complete and checked: every default filled in, every value in its canonical form.

    model and data are a name or an object; a regularizer in train is its strength or an object.
    One ConfigError with everything that is wrong, each at its dotted path.
    """
    if not isinstance(config, Mapping):
        raise ConfigError("", f"a config must be an object with {', '.join(SECTIONS)}, got {config!r}")
    faults, resolved = Faults(), Config()
    faults.found += _unknown(config, SECTIONS, "", "section")
    with faults:
        resolved["model"] = registry.resolve("models", _required(config, "model", "models"), "model")
    task: Task = "classification"
    with faults:
        resolved["data"] = _data(_required(config, "data", "datasets"))
        task = registry.get("datasets", resolved["data"]["name"]).task
    with faults:
        resolved["train"] = _train(config.get("train", {}), task)
    faults.check()
    return resolved


def _required(config: Mapping[str, Any], section: str, kind: str) -> Any:
    if section not in config:
        raise ConfigError(section, f"is missing; name one of {', '.join(registry.names(kind))}")
    return config[section]


def _data(choice: Any) -> Config:
    """Resolve the section data: fields of every data set, of augmentations, and the entry's own."""
    augmentations = registry.names("augmentations")
    fields = (*DATA_FIELDS, INDICES, *augmentations)
    given: Mapping[str, Any] = choice if isinstance(choice, Mapping) else {}
    if given:
        choice = {name: value for name, value in given.items() if name not in fields}
    faults, resolved = Faults(), Config()
    try:
        resolved = registry.resolve("datasets", choice, "data")
        resolved = data_set(resolved).complete(resolved)
    except ConfigError as wrong:
        faults.found += [_as_field_of_data(each, given, fields) for each in wrong.all]
    for name in (*DATA_FIELDS, *augmentations):
        with faults:
            hyper = DATA_FIELDS[name] if name in DATA_FIELDS else _amount(name)
            resolved[name] = hyper.check(f"data.{name}", given.get(name, hyper.default))
    with faults:
        if resolved.get("folds") == 1:
            raise ConfigError("data.folds", f"must be 0, for none, or from 2 to {MAX_FOLDS}; got 1")
    with faults:
        if (file := given.get(INDICES)) is not None:
            resolved[INDICES] = index_file.complete(file)  # no field without a file
    faults.check()
    return resolved


def _as_field_of_data(wrong: ConfigError, given: Mapping[str, Any], fields: tuple[str, ...]) -> ConfigError:
    """Name the fields of every data set too where a field is none of this one's."""
    field = wrong.path.removeprefix("data.")
    if not isinstance(wrong, UnknownName) or field not in given:
        return wrong  # no such data set, or a wrong value
    if field in declared(registry.get("datasets", given["name"])):
        return wrong  # an error inside a field
    return UnknownName(wrong.path, "field of data", field, {"name", *fields, *wrong.known})


def _amount(name: str) -> Hyper:
    """Return what the field of an augmentation may hold."""
    try:
        entry: type[Augmentation] = registry.get("augmentations", name)
    except RegistryError as broken:
        raise ConfigError(f"data.{name}", str(broken)) from broken
    return entry.amount


def _train(section: Any, task: Task) -> Config:
    if not isinstance(section, Mapping):
        raise ConfigError("train", f"must be an object, got {section!r}")
    penalties = registry.names("regularizers")
    faults, resolved = Faults(), Config()
    faults.found += _unknown(section, (*TRAIN_FIELDS, "metrics", *penalties), "train.", "field of train")
    usual = {name: hyper.default for name, hyper in TRAIN_FIELDS.items()} | {"loss": DEFAULT_LOSSES[task]}
    for name, hyper in TRAIN_FIELDS.items():
        value, path = section.get(name, usual[name]), f"train.{name}"
        with faults:
            if isinstance(hyper, EntryOf):
                resolved[name] = registry.resolve(hyper.kind, value, path)
            else:
                resolved[name] = hyper.check(path, value)
    if "optimizer" in resolved and "momentum_schedule" in resolved:
        with faults:
            _check_momentum(resolved)
    if resolved.get("batch_size") == "full" and resolved.get("accumulate", 1) > 1:
        many = resolved["accumulate"]
        wrong = f"must be 1 with batch_size: full, which is all images in one step already; got {many}"
        faults.found.append(ConfigError("train.accumulate", wrong))
    for name in penalties:
        with faults:
            resolved[name] = _penalty(name, section.get(name, {}))
    with faults:
        if metrics := _metrics(section.get("metrics", [])):
            resolved["metrics"] = metrics  # no field without any: the shape key of most has none of it
    faults.check()
    return resolved


def _metrics(names: Any) -> list[str]:
    """Check the names of what is measured besides; whether the data allow it shows when these are known."""
    if not isinstance(names, list | tuple):
        raise ConfigError("train.metrics", f"must be a list of metrics such as [balanced-acc], got {names!r}")
    for place, name in enumerate(names):
        path = f"train.metrics.{place}"
        if name == LOSS:
            raise ConfigError(path, "loss is always measured; leave it out")
        if not isinstance(name, str):
            raise ConfigError(path, f"must be one of {', '.join(registry.names('metrics'))}; got {name!r}")
        if name in names[:place]:
            raise ConfigError(path, f"{name} is in the list twice")
        try:
            registry.get("metrics", name, path)
        except RegistryError as broken:
            raise ConfigError(path, str(broken)) from broken
    return list(names)


def _check_momentum(train: Config) -> None:
    """Refuse a momentum schedule where the rule has no momentum, or where it goes outside of its range."""
    rule, schedule = train["optimizer"]["name"], train["momentum_schedule"]
    entry = registry.get("optimizers", rule)
    momentum = declared(entry).get("momentum")
    if schedule["name"] == "constant":
        return
    kept = entry().slot_count(train["optimizer"], 1)
    if not isinstance(momentum, Number) or not kept:
        what = "has no momentum" if momentum is None else "has momentum 0 and keeps none"
        raise ConfigError(
            "train.momentum_schedule", f"must be constant: {rule} {what}; got {schedule['name']}"
        )
    if "to" in schedule:
        momentum.check("train.momentum_schedule.to", schedule["to"])
    first = train["optimizer"]["momentum"] / schedule.get("div", 1.0)
    if not momentum.low <= first <= momentum.high:
        raise ConfigError(
            "train.momentum_schedule.div",
            f"must leave the first momentum, momentum/div, at most {momentum.high:g}; "
            f"got {schedule['div']:g}, which makes it {first:g}",
        )


def _penalty(name: str, value: Any) -> Config:
    """Resolve a penalty: a plain number is its strength; an object may leave out the name."""
    given = value if isinstance(value, Mapping) else {"strength": value}
    if given.get("name", name) != name:
        raise ConfigError(f"train.{name}.name", f"must be {name!r} or left out, got {given['name']!r}")
    resolved = registry.resolve("regularizers", {**given, "name": name}, f"train.{name}")
    del resolved["name"]
    return resolved


def _unknown(section: Mapping[str, Any], known: tuple[str, ...], prefix: str, what: str) -> list[ConfigError]:
    """List the fields that a section does not have."""
    return [UnknownName(f"{prefix}{name}", what, str(name), known) for name in section if name not in known]


def is_row(config: Mapping[str, Any], path: str) -> bool:
    """Whether trials that differ at a path of this resolved config may be rows of one array.

    ConfigError, with the nearest paths, for a path that the config does not have.
    """
    if path not in (known := paths(config)):
        raise UnknownName(path, "path", path, known)
    return _is_row(config, path)


def _is_row(config: Mapping[str, Any], path: str) -> bool:
    """Whether it may be a row's, of a path that the config has: to look for it in all paths takes longer."""
    section, *rest = path.split(".")
    if section == "train" and rest:
        return rest[0] in registry.names("regularizers") or (
            rest[0] in TRAIN_FIELDS and TRAIN_FIELDS[rest[0]].row
        )
    if section != "model":
        return False
    hyper: Hyper | EntryOf = EntryOf(kind="models", default="")
    choice = config["model"]
    for part in rest:
        if part == "name":
            return False
        assert isinstance(hyper, EntryOf)  # only entries have paths below them
        hyper = declared(registry.get(hyper.kind, choice["name"]))[part]
        choice = choice[part]
    return hyper.row and not isinstance(choice, list)


def paths(config: Mapping[str, Any]) -> list[str]:
    """Return every dotted path of a resolved config: sections, entries in them and their values."""
    return [path for path, _ in _walk(config)]


def _walk(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        yield f"{prefix}{name}", value
        if isinstance(value, Mapping):
            yield from _walk(value, f"{prefix}{name}.")


def shape_key(config: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that identify everything the rows of one array must share."""
    shape = {
        path: value
        for path, value in _walk(config)
        if not isinstance(value, Mapping) and not _is_row(config, path)
    }
    return blake2b(json.dumps(shape, sort_keys=True).encode(), digest_size=8).hexdigest()


def row_numbers(config: Mapping[str, Any]) -> dict[str, float]:
    """Return the model's numbers in which rows may differ, by path: dropout rates, slopes.

    Those of a list, in which they do not, are numbers of each row, too: path.0, path.1, …
    """
    found = {}
    for path, value in _walk(config):
        if not path.startswith("model."):
            continue
        if isinstance(value, float) and _is_row(config, path):
            found[path] = value
        elif isinstance(value, list) and all(isinstance(each, float) for each in value):
            found |= {f"{path}.{i}": each for i, each in enumerate(value)}
    return found
