"""The one door from the control plane to the training library; torch is loaded when it is first used."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from typing import Any

from services.domain.config import Config
from services.domain.planning.catalog import ConfigFault, DryBuild

log = logging.getLogger(__name__)
Descriptions = dict[str, dict[str, dict[str, Any]]]


class Library:
    """The training library as the plan's Catalog, and as a reference for people."""

    def load(self) -> None:
        """Load torch now, so that the first submit does not wait for it, and tell what plug-ins lack."""
        import_module("cnnlab.engine.cost")
        for words in self.plugin_problems:
            log.warning("plug-ins: %s", words)

    def resolve(self, config: Mapping[str, Any]) -> Config:
        """Complete and check a config."""
        from cnnlab import config as language

        with _faults():
            return language.resolve(config)

    def is_row(self, config: Mapping[str, Any], path: str) -> bool:
        """Whether trials that differ in this path may be rows of one array."""
        from cnnlab import config as language

        with _faults():
            return language.is_row(config, path)

    def paths(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Every dotted path of a resolved config."""
        from cnnlab import config as language

        return language.paths(config)

    def shape_key(self, config: Mapping[str, Any]) -> str:
        """A short name for everything that rows of one array must share."""
        from cnnlab import config as language

        return language.shape_key(config)

    def inspect(self, config: Mapping[str, Any]) -> DryBuild:
        """Build on paper."""
        from cnnlab.engine import cost

        try:
            with _faults():
                facts = cost.inspect(config)
        except ConfigFault:
            raise
        except Exception as error:
            if not self._plugin_names:
                raise
            log.exception("a plug-in failed")
            raise ConfigFault("", f"a plug-in failed: {type(error).__name__}: {error}") from None
        from cnnlab.task import METRICS

        return DryBuild(
            facts.parameters,
            facts.flops,
            facts.bytes_per_row,
            facts.bytes_shared,
            METRICS[facts.task],
            facts,
        )

    def point(self, config: Mapping[str, Any], facts: DryBuild) -> int:
        """The bytes that a point of an architecture takes; `ConfigFault` where its choices clash."""
        from cnnlab.engine import cost

        with _faults():
            return cost.point(config, facts.built)

    def training_images(self, config: Mapping[str, Any]) -> int:
        """Images that one epoch trains on: the training set without its validation part."""
        from cnnlab.data import data_set

        data = config["data"]
        with _faults():
            images = data_set(data).info(data).train
        validation: float = data["validation"]
        return round(images * (1 - validation))

    def plugins_of(self, plan: Mapping[str, Any]) -> str:
        """The digest of the plug-ins if a plan, as JSON, can name one of them; "" if it cannot.

        A name that an entry and something else share counts: one digest too many costs less than one missing.
        """
        from cnnlab import registry

        return registry.plugins_digest() if self._plugin_names & set(_texts(plan)) else ""

    @cached_property
    def _plugin_names(self) -> frozenset[str]:
        from cnnlab import registry

        return frozenset(
            name for kind in registry.KINDS for name in registry.names(kind) if registry.is_plugin(kind, name)
        )

    @cached_property
    def plugin_problems(self) -> list[str]:
        """What is wrong with files in the folder of plug-ins, in words."""
        from cnnlab import registry

        return registry.plugin_problems()

    @cached_property
    def descriptions(self) -> Descriptions:
        """Every kind, every entry: a summary, the documentation and the hyperparameters."""
        from cnnlab import registry

        return registry.describe()


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


@contextmanager
def _faults() -> Iterator[None]:
    """Say in the plan's words what the library refuses."""
    from cnnlab.data import DataError
    from cnnlab.errors import ConfigError

    try:
        yield
    except ConfigError as error:
        raise ConfigFault(error.path, error.message) from None
    except DataError as error:
        raise ConfigFault("data.path", str(error)) from None
