"""A small catalog on paper, so that plans can be tested without the training library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.domain.errors import SpecError
from services.domain.plan.plan import Plan
from services.domain.planning.catalog import ConfigFault, DryBuild
from services.domain.planning.planner import make_plan
from services.domain.spec.objective import MetricFacts
from services.domain.spec.spec import Spec

ACCURACY = MetricFacts(name="acc", goal="maximize", label="accuracy", error="error")
BALANCED = MetricFacts(
    name="balanced-acc", goal="maximize", label="balanced accuracy", error="balanced_error"
)
OPTIMIZERS: dict[str, dict[str, Any]] = {"sgd": {"lr": 0.1}, "adam": {"lr": 0.001, "beta": 0.9}}


class PaperCatalog:
    """One model `net` (dropout a row, depth a shape), two optimizers, images of one size, two metrics."""

    def elsewhere(self, name: str) -> str:
        return "The learning rate is train.optimizer.lr." if name == "learning_rate" else ""

    def resolve(self, config: Mapping[str, Any]) -> dict[str, Any]:
        model, train = dict(config["model"]), dict(config.get("train", {}))
        if model.get("name") != "net":
            raise ConfigFault("model", f"no model named {model.get('name')!r}. Did you mean 'net'?")
        optimizer = train.get("optimizer", "sgd")
        optimizer = {"name": optimizer} if isinstance(optimizer, str) else dict(optimizer)
        if optimizer["name"] not in OPTIMIZERS:
            raise ConfigFault("train.optimizer", f"no optimizer named {optimizer['name']!r}")
        known = OPTIMIZERS[optimizer["name"]]
        for name in optimizer:
            if name != "name" and name not in known:
                raise ConfigFault(f"train.optimizer.{name}", f"{optimizer['name']} has no {name!r}")
        for name in model:
            if name not in ("name", "depth", "dropout"):
                raise ConfigFault(f"model.{name}", f"net has no {name!r}")
        dropout = model.get("dropout", 0.0)
        if not isinstance(dropout, int | float) or not 0 <= dropout <= 1:
            raise ConfigFault("model.dropout", f"dropout must lie in [0, 1], got {dropout!r}")
        return {
            "model": {"name": "net", "depth": model.get("depth", 2), "dropout": float(dropout)},
            "data": {
                "name": "paper",
                "validation": config["data"].get("validation", 0.1),
                **{name: config["data"][name] for name in ("folds",) if name in config["data"]},
            },
            "train": {
                "epochs": train.get("epochs", 3),
                **{name: train[name] for name in ("precision",) if name in train},
                "l2": {"strength": float(train.get("l2", 0.0))}
                if not isinstance(train.get("l2"), dict)
                else train["l2"],
                "optimizer": known | optimizer,
            },
        }

    def is_row(self, config: Mapping[str, Any], path: str) -> bool:
        return path == "model.dropout" or path.startswith(("train.optimizer", "train.l2"))

    def paths(self, config: Mapping[str, Any], above: str = "") -> list[str]:
        found: list[str] = []
        for name, value in config.items():
            path = f"{above}{name}"
            found.append(path)
            if isinstance(value, Mapping):
                found += self.paths(value, path + ".")
        return found

    def shape_key(self, config: Mapping[str, Any]) -> str:
        return f"net-{config['model']['depth']}"

    def inspect(self, config: Mapping[str, Any]) -> DryBuild:
        if config["model"]["depth"] > 8:
            raise ConfigFault("model", "net of that depth needs larger images, got 8×8")
        return DryBuild(
            parameters=10 * config["model"]["depth"],
            flops=100,
            bytes_per_row=1000,
            bytes_data=5000,
            metrics=[ACCURACY, BALANCED],
            images={"train": 900, "val": 100 if config["data"]["validation"] else 0},
        )

    def point(self, config: Mapping[str, Any], facts: DryBuild) -> int:
        """Adam and dropout above 0.9 clash on paper; adam takes 200 bytes more."""
        adam = config["train"]["optimizer"]["name"] == "adam"
        if adam and config["model"]["dropout"] > 0.9:
            raise ConfigFault(
                "model.dropout", f"must be at most 0.9 with adam, got {config['model']['dropout']}"
            )
        return facts.bytes_per_row + (200 if adam else 0)

    def row_state(self, config: Mapping[str, Any], facts: DryBuild) -> dict[str, str]:
        return {"train.optimizer": f"the state of {config['train']['optimizer']['name']}"}


def paper_spec(**changes: Any) -> Spec:
    """A small valid spec, with fields replaced."""
    fields: dict[str, Any] = {
        "name": "paper",
        "model": {"name": "net"},
        "data": {"name": "paper"},
        "space": {"model.dropout": [0.0, 0.5], "train.optimizer": ["sgd", {"name": "adam", "lr": 0.01}]},
    }
    return Spec.model_validate(fields | changes)


def paper_plan(spec: Spec, limit: int = 1000, memory: int = 1 << 30) -> Plan:
    """The spec's plan on paper."""
    return make_plan(spec, PaperCatalog(), limit=limit, memory=memory)


def refusals(limit: int = 1000, **changes: Any) -> list[tuple[str, str]]:
    """The pointers and details with which planning refuses a spec."""
    try:
        paper_plan(paper_spec(**changes), limit)
    except SpecError as error:
        return [(problem.pointer, problem.detail) for problem in error.problems]
    return []
