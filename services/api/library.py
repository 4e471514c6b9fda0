"""The only way from the control plane to the training library; torch is loaded at its first use."""

from __future__ import annotations

import gc
import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.domain.config import Config
from services.domain.errors import ParameterError, StateForbids
from services.domain.planning.catalog import ConfigFault, DryBuild
from services.domain.spec.objective import MetricFacts

if TYPE_CHECKING:
    from cnnlab.data import Task
    from cnnlab.metric import Metric
    from cnnlab.predictions import ClassPrediction, Predictor

log = logging.getLogger(__name__)
Descriptions = dict[str, dict[str, dict[str, Any]]]


class Library:
    """The training library as the Catalog that planning asks, and as the reference that people read."""

    def __init__(self) -> None:
        self._kept_images: dict[str, dict[str, int]] = {}  # by the section data, as a page asks often
        self._predicting = threading.Lock()
        self._predictor: tuple[str, Predictor] | None = None  # the last one, as several images follow

    def load(self) -> None:
        """Load torch now, so that the first submit need not wait for it, and log faults of plug-ins."""
        import_module("cnnlab.engine.cost")
        freeze_loaded_objects()
        for problem in self.plugin_problems:
            log.warning("plug-ins: %s", problem)

    def elsewhere(self, name: str) -> str:
        """Where something is that others call by this name, as a sentence; empty if nothing is known."""
        from cnnlab.errors import elsewhere

        return elsewhere(name)

    def resolve(self, config: Mapping[str, Any]) -> Config:
        """Complete and check a config."""
        from cnnlab import config as language

        with self._faults(config):
            return language.resolve(config)

    def is_row(self, config: Mapping[str, Any], path: str) -> bool:
        """Whether trials that differ in this path may be rows of one array."""
        from cnnlab import config as language

        with self._faults(config):
            return language.is_row(config, path)

    def paths(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Every dotted path of a resolved config."""
        from cnnlab import config as language

        return language.paths(config)

    def shape_key(self, config: Mapping[str, Any]) -> str:
        """A short name for everything that the rows of one array must share."""
        from cnnlab import config as language

        return language.shape_key(config)

    def inspect(self, config: Mapping[str, Any]) -> DryBuild:
        """Build the net without allocating its parameters: its size, its cost, and whether its parts fit."""
        from cnnlab.engine import cost

        with self._faults(config):
            facts = cost.inspect(config)
        metrics, misfits = _metrics(facts.task, facts.classes)
        return DryBuild(
            facts.parameters,
            facts.flops,
            facts.bytes_per_row,
            metrics,
            misfits,
            facts.bytes_shared,
            facts.bytes_data,
            facts,
            images=self._images(config),
            class_names=facts.class_names,
            notes=facts.notes,
            compiled=facts.compiled,
            alone=facts.alone,
        )

    def point(self, config: Mapping[str, Any], facts: DryBuild) -> int:
        """The bytes that one point of an architecture needs; `ConfigFault` if its choices clash."""
        from cnnlab.engine import cost

        with self._faults(config):
            return cost.point(config, facts.built)

    def gpu_bytes_per_row(self, config: Mapping[str, Any], most: int) -> int:
        """The bytes that a row of a shape takes on a GPU; elsewhere its points take `most` at most."""
        from cnnlab.engine import cost, step_memory

        with self._faults(config):
            facts = cost.inspect(config)
            return step_memory.gpu_bytes_per_row(config, facts) + max(0, most - facts.bytes_per_row)

    def row_state(self, config: Mapping[str, Any], facts: DryBuild) -> Mapping[str, str]:
        """What training keeps of a trial besides its weights, by the path of the entry that keeps it."""
        from cnnlab.engine import cost

        return cost.row_state(config, facts.built)

    def training_images(self, config: Mapping[str, Any]) -> int:
        """How many images an epoch trains on: the training set without its validation part."""
        return self._images(config)["train"]

    def _images(self, config: Mapping[str, Any]) -> Mapping[str, int]:
        """How many images there are in the parts that trials are ranked on."""
        from cnnlab.batching.validation_part import sizes
        from cnnlab.data import data_set

        data = config["data"]
        key = json.dumps(data, sort_keys=True)  # with the content's digest: the number never changes
        if key not in self._kept_images:
            with self._faults(config):
                self._kept_images[key] = sizes(data_set(data).info(data), data)._asdict()
        return self._kept_images[key]

    def predict(self, weights: Path, config: Mapping[str, Any], image: bytes) -> Sequence[ClassPrediction]:
        """The classes of an image file, best first, by a file of best weights; one image at a time.

        `ParameterError` if it is no image, `StateForbids` if these weights cannot predict files.
        """
        from cnnlab.data import DamagedData
        from cnnlab.errors import CnnlabError
        from cnnlab.predictions import Predictor

        key = json.dumps([str(weights), weights.stat().st_mtime_ns, config], sort_keys=True)
        with self._predicting:
            if self._predictor is None or self._predictor[0] != key:
                self._predictor = None  # frees the last net before the next one is read
                try:
                    self._predictor = key, Predictor(weights, config)
                except CnnlabError as error:
                    raise StateForbids(f"this model cannot look at image files: {error}") from None
            try:
                return self._predictor[1].predict(image, "the image")
            except DamagedData as error:
                raise ParameterError(str(error)) from None

    def plugins_of(self, plan: Mapping[str, Any]) -> str:
        """The digest of the plug-ins if a plan, as JSON, contains the name of one; otherwise "".

        The name may mean something else there: a digest too many costs less than a missing one.
        """
        from cnnlab import registry

        return registry.plugins_digest() if self._plugin_names & set(_texts(plan)) else ""

    @cached_property
    def code(self) -> dict[str, str]:
        """Digests of the code of all entries by name, and at "" of all other code; see `Plan.code`."""
        from cnnlab import code_digest

        return {"": code_digest.shared_code(), **code_digest.entries()}

    def code_of(self, plan: Mapping[str, Any]) -> dict[str, str]:
        """The digests of the entries that a plan, as JSON, contains the name of, and of all other code."""
        named = {part for text in _texts(plan) for part in text.split(".")}
        return {name: digest for name, digest in self.code.items() if not name or name in named}

    @contextmanager
    def _faults(self, config: Mapping[str, Any]) -> Iterator[None]:
        """Raise what the library refuses as `ConfigFault`, the exception that planning expects.

        So is whatever fails while the config names plug-ins: it is their author's to mend, with the line.
        """
        from cnnlab.data import DataError
        from cnnlab.errors import ConfigError
        from cnnlab.plugin_failure import describe_failure

        try:
            yield
        except ConfigError as error:
            first, *others = (ConfigFault(each.path, each.message) for each in error.all)
            raise ConfigFault(first.path, first.detail, others) from None
        except DataError as error:
            raise ConfigFault("data.path", str(error)) from None
        except Exception as error:
            named = sorted(self._plugin_names & set(_texts(config)))
            message = describe_failure(error)
            if not message and not named:
                raise
            log.exception("a plug-in failed")
            message = (
                message or f"one of the plug-ins {', '.join(named)} failed: {type(error).__name__}: {error}"
            )
            raise ConfigFault("", message) from None

    @cached_property
    def _plugin_names(self) -> frozenset[str]:
        from cnnlab import registry

        return frozenset(
            name for kind in registry.KINDS for name in registry.names(kind) if registry.is_plugin(kind, name)
        )

    @cached_property
    def plugin_problems(self) -> list[str]:
        """What is wrong with files in the plug-in folder, a sentence each."""
        from cnnlab import registry

        return registry.plugin_problems()

    @cached_property
    def descriptions(self) -> Descriptions:
        """Every entry by kind and name: its summary, its documentation and its hyperparameters."""
        from cnnlab import registry

        return registry.describe()


def _metrics(task: Task, classes: int) -> tuple[list[MetricFacts], dict[str, str]]:
    """The metrics that data have, the default one first, and why they do not have the others."""
    from cnnlab import metric as contract
    from cnnlab import registry
    from cnnlab.errors import RegistryError

    found, misfits = [], {}
    default = contract.DEFAULTS[task]
    for name in (default, *(other for other in registry.names("metrics") if other != default)):
        try:
            entry = registry.get("metrics", name)
        except RegistryError as broken:
            misfits[name] = str(broken)
            continue
        if why := contract.misfit(name, task, classes):
            misfits[name] = why
        else:
            found += _facts(name, entry(classes))
    return found, misfits


def _facts(name: str, metric: Metric) -> list[MetricFacts]:
    """What a sweep has of a metric under each of its names."""
    whole = MetricFacts(
        name=name, goal=metric.goal, label=metric.label, error=metric.error, unranked=metric.unranked
    )
    if not metric.each_class:
        return [whole]
    labels = {each: f"{metric.label} of class {number}" for number, each in enumerate(metric.names(name))}
    return [
        whole.model_copy(update={"name": each, "label": label, "entry": name})
        for each, label in labels.items()
    ]


def _texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


@cache
def freeze_loaded_objects() -> None:
    """Exempt what is loaded from garbage collection, once in a process.

    A full collection would go through torch's million objects each time, while nothing else runs.
    """
    gc.freeze()
