"""Equal numbers: for each entry, recorded steps beside steps that are not, and a GPU beside a processor."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.gpu.setting import Results, Setting
from cnnlab import registry, resolve
from cnnlab.fit import Fit, Row
from cnnlab.optimizer import Rule

MLP = {"name": "mlp", "hidden": [16], "dropout": 0.3}


def cases() -> dict[str, dict[str, Any]]:
    """Return a config for each entry whose step can be recorded."""
    found: dict[str, dict[str, Any]] = {}
    for name in registry.names("optimizers"):
        entry = registry.get("optimizers", name)
        if issubclass(entry, Rule) and entry.max_parameters is None:
            found[f"optimizer {name}"] = {"train": {"optimizer": name}}
    for name in registry.names("schedules"):
        found[f"schedule {name}"] = {"train": {"schedule": name, "optimizer": "momentum"}}
    for name in registry.names("regularizers"):
        found[f"penalty {name}"] = {"train": {name: 0.001}}
    for name, amount in (("flip", 0.5), ("pad-crop", 2)):
        found[f"augmentation {name}"] = {"data": {"name": "fashion-mnist-mini", name: amount}}
    for name in registry.names("activations"):
        found[f"activation {name}"] = {"model": {**MLP, "activation": name}}
    for name in ("lenet5", "lenet5-1998", "maxout-conv", {"name": "cifar-resnet", "depth": 8}):
        found[f"model {name if isinstance(name, str) else name['name']}"] = {"model": name}
    return found


def trained(
    config: dict[str, Any], device: str, precision: str, recorded: bool, steps: int, ways: dict[str, str]
) -> torch.Tensor:
    """Return the parameters of two trials, (2, P), after some steps.

    `ways` are those of convolutions that are chosen already; what is chosen now is added.
    """
    body = {"model": MLP, "data": "fashion-mnist-mini", **config}
    body["train"] = {**body.get("train", {}), "precision": precision}
    fit = Fit([Row(resolve(body), seed) for seed in (1, 2)], device)
    fit.recorder.records &= recorded
    ways |= fit.choose_ways(ways)
    fit._steps.begin(1)
    for _ in range(steps):
        fit._steps.advance(128)
    if fit.recorder.refused:
        raise RuntimeError(fit.recorder.refused)
    return fit.array.theta.cpu()


def equality(setting: Setting) -> Results:
    """Compare recorded, uncaptured and processor for each entry; in short only a few."""
    found: Results = {}
    chosen = [*cases().items()]
    single, double = (3, 2) if setting.short else (12, 6)  # steps
    for name, config in chosen[:: len(chosen) // 6] if setting.short else chosen:
        try:
            ways: dict[str, str] = {}  # the same for both
            recorded, eager = (
                trained(config, setting.device, "float32", each, single, ways) for each in (True, False)
            )
            there, here = (
                trained(config, device, "float64", True, double, {}) for device in (setting.device, "cpu")
            )
        except Exception as error:
            found[name] = {"error": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
            continue
        scale = here.abs().max().clamp(min=1e-30)
        found[name] = {
            "recorded is eager": torch.equal(recorded, eager),
            "float64 from a processor": float((there - here).abs().max() / scale),
        }
    return found
