"""The methods that are compared: searches, and rules of early stopping, each as a spec names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from services.domain.spec.stop import Stop
from services.domain.stopping import StoppingRule

_STOP: TypeAdapter[list[StoppingRule]] = TypeAdapter(Stop)


@dataclass(frozen=True)
class Method:
    """One of the service's: a search, over all points or so many, and `stop` as in a spec."""

    title: str
    search: str = "grid"
    points: int | None = None
    stop: Sequence[Mapping[str, Any]] = ()

    @property
    def rules(self) -> list[StoppingRule]:
        """The rules of early stopping."""
        return _STOP.validate_python([dict(rule) for rule in self.stop])

    def spec(self) -> dict[str, Any]:
        """What it changes in the spec of a grid."""
        most = {} if self.points is None else {"max_trials": self.points}
        return {"search": self.search, "stop": [dict(rule) for rule in self.stop], **most}


@dataclass(frozen=True)
class LibraryMethod:
    """One of another library, in an environment of its own: the module that runs it, and its settings."""

    title: str
    module: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def _halving(**settings: int) -> Mapping[str, Any]:
    return {"name": "halving", **settings}


METHODS: dict[str, Method] = {
    "grid": Method("grid, one seed"),
    "random-9": Method("random, 9 points", "random", 9),
    "random-20": Method("random, 20 points", "random", 20),
    "random-27": Method("random, 27 points", "random", 27),
    "random-40": Method("random, 40 points", "random", 40),
    "first-epoch-5": Method("first-epoch, keep 5", stop=[{"name": "first-epoch", "keep": 5}]),
    "first-epoch-9": Method("first-epoch, keep 9", stop=[{"name": "first-epoch", "keep": 9}]),
    "halving-3": Method("halving, eta 3", stop=[_halving(eta=3)]),
    "halving-4": Method("halving, eta 4", stop=[_halving(eta=4)]),
    "hyperband-3": Method("halving, eta 3, three brackets", stop=[_halving(eta=3, brackets=3)]),
    "median": Method("median", stop=[{"name": "median"}]),
    "plateau": Method("plateau, patience 2", stop=[{"name": "plateau", "patience": 2}]),
    "tpe-20": Method("tpe, 20 points", "tpe", 20),
    "tpe-27": Method("tpe, 27 points", "tpe", 27),
    "tpe-40": Method("tpe, 40 points", "tpe", 40),
    "tpe-40-halving": Method("tpe, 40 points, halving in cohorts of 20", "tpe", 40, [_halving(cohort=20)]),
    "tpe-54-halving": Method("tpe, 54 points, halving in cohorts of 27", "tpe", 54, [_halving(cohort=27)]),
    "random-54-halving": Method(
        "random, 54 points, halving in cohorts of 27", "random", 54, [_halving(cohort=27)]
    ),
    "tpe-54-cohorts": Method("tpe, 54 points, halving (cohorts of 9 by default)", "tpe", 54, [_halving()]),
    "random-54-cohorts": Method(
        "random, 54 points, halving in cohorts of 9", "random", 54, [_halving(cohort=9)]
    ),
}

ASHA, OPTUNA = "asha", "optuna_tpe"
LIBRARIES = {ASHA: "Ray", OPTUNA: "Optuna"}  # by module
LIBRARY_METHODS: dict[str, LibraryMethod] = {
    "ray-asha-3": LibraryMethod("Ray Tune, ASHA, factor 3", ASHA, {"eta": 3}),
    "ray-asha-4": LibraryMethod("Ray Tune, ASHA, factor 4 (its default)", ASHA, {"eta": 4}),
    "optuna-20": LibraryMethod("Optuna, TPE, 20 trials, no pruner", OPTUNA, {"trials": 20, "pruner": "none"}),
    "optuna-40-median": LibraryMethod(
        "Optuna, TPE, 40 trials, median pruner", OPTUNA, {"trials": 40, "pruner": "median"}
    ),
    "optuna-40-hyperband": LibraryMethod(
        "Optuna, TPE, 40 trials, Hyperband", OPTUNA, {"trials": 40, "pruner": "hyperband"}
    ),
    "optuna-81-median": LibraryMethod(
        "Optuna, TPE, 81 trials, median pruner", OPTUNA, {"trials": 81, "pruner": "median"}
    ),
    "optuna-81-hyperband": LibraryMethod(
        "Optuna, TPE, 81 trials, Hyperband", OPTUNA, {"trials": 81, "pruner": "hyperband"}
    ),
}
TITLES = {name: each.title for name, each in (METHODS | LIBRARY_METHODS).items()}
