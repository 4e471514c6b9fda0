"""One's own nn.Module as a model: a function under a decorator, hyperparameters from its signature."""

import inspect
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from torch import nn

from cnnlab import registry
from cnnlab.hyper import Number, declared
from cnnlab.layer import Layer
from cnnlab.model import Model
from cnnlab.own.module_layer import ModuleLayer
from cnnlab.own.module_source import ModuleSource
from cnnlab.own.seeded_dropout import RowNumber
from cnnlab.own.signature import hypers_of, place

GIVEN = ("shape", "classes")
F = TypeVar("F", bound=Callable[..., Any])


class OwnModel(Model):
    """A model whose net is a torch.nn.Module: `function(hyperparameters, *, shape, classes)` returns it.

    Source: torch.nn.Module, torch.func.functional_call and torch.func.vmap.
    """

    function: Callable[..., nn.Module]

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the module as a net's only layer; ConfigError at "model" where it gives no scores of images.

        Its name is empty, so that weights have the names of the module's state dict.
        """
        own = {
            name: hyper.default if hyper.row else config[name] for name, hyper in declared(type(self)).items()
        }
        # The numbers of rows are a context's, so that all arrays of a shape have one layer.
        return {"": _layer(type(self), json.dumps(own, sort_keys=True), shape, classes)}

    def module(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int, seed: int = 0
    ) -> nn.Module:
        """Return the module itself, as its code makes it after torch.manual_seed(seed).

        It loads the best weights of a trial by load_state_dict(…, strict=False): they are without constants.
        """
        return self._source(config, shape, classes).make(seed)

    def _source(self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int) -> ModuleSource:
        function = type(self).function
        takes = inspect.signature(function).parameters
        given = {name: value for name, value in (("shape", shape), ("classes", classes)) if name in takes}
        hypers = {
            name: RowNumber(config[name], f"model.{name}") if hyper.row else config[name]
            for name, hyper in declared(type(self)).items()
        }
        return ModuleSource(function, hypers, given, shape)


@lru_cache(maxsize=64)
def _layer(entry: type[OwnModel], config: str, shape: tuple[int, int, int], classes: int) -> ModuleLayer:
    """Return the layer of a config: a module is examined once."""
    source = entry()._source(json.loads(config), shape, classes)
    numbers = {
        f"model.{name}": hyper
        for name, hyper in declared(entry).items()
        if isinstance(hyper, Number) and hyper.row
    }
    return ModuleLayer(source, shape, classes, numbers)


def own_model(function: F) -> F:
    """Register a function that returns a torch.nn.Module as a model, under its file's name.

    Each argument is a hyperparameter with its range and a default, `channels: Int[8, 64] = 16`; `shape`
    (C, H, W) and `classes` are passed where it takes them. Trials that differ in a Number share an
    array, so it may only be the rate of a dropout layer; `Number[0, 2].per_array` may be anything.
    RegistryError for another signature.
    """
    doc = inspect.getdoc(function) or f"The module of {place(function)}."
    fields = {"function": staticmethod(function), "__module__": function.__module__, "__doc__": doc}
    registry.register(type(function.__name__, (OwnModel,), {**fields, **hypers_of(function, GIVEN)}))
    return function
