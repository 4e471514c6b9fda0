"""The one door from the control plane to the training library; torch is loaded when it is first used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from typing import Any

from services.domain.config import Config
from services.domain.catalogue import ConfigFault, Facts

Descriptions = dict[str, dict[str, dict[str, Any]]]


class Library:
    """The training library as the plan's Catalogue, and as a reference for people."""

    def load(self) -> None:
        """Load torch now, so that the first submit does not wait for it."""
        import_module("cnnlab.check")

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

    def inspect(self, config: Mapping[str, Any]) -> Facts:
        """Build on paper."""
        from cnnlab import check

        with _faults():
            facts = check.inspect(config)
        return Facts(facts.parameters, facts.flops, facts.bytes_per_row)

    def training_images(self, config: Mapping[str, Any]) -> int:
        """Images that one epoch trains on: the training set without its validation part."""
        from cnnlab.data import data_set

        data = config["data"]
        with _faults():
            images = data_set(data).info(data).train
        validation: float = data["validation"]
        return round(images * (1 - validation))

    @cached_property
    def descriptions(self) -> Descriptions:
        """Every kind, every entry: a summary, the documentation and the hyperparameters."""
        from cnnlab import registry

        return registry.describe()


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
