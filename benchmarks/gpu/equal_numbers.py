"""Equal numbers: for each entry, recorded steps beside steps that are not, and a GPU beside a processor.

And beside steps that were recorded for the array of another pack, which takes this one's numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.setting import Results, Setting
from cnnlab import registry, resolve
from cnnlab.engine.renewal import renew
from cnnlab.fit import EpochReport, Fit, Row
from cnnlab.optimizer import Rule

MLP = {"name": "mlp", "hidden": [16], "dropout": 0.3}
# 3,000 images: four batches that are recorded together, one alone, a short one, and the validation part.
BATCH, EPOCHS = 560, 3
FLOAT64_STEPS = 6  # of a net of convolutions, which a processor trains slowly
# Hyperparameters with which every schedule changes its number within three epochs.
SCHEDULES: dict[str, dict[str, Any]] = {
    "plateau": {"threshold": 0.5},
    "step": {"every": 1},
    "piecewise": {"pieces": [[1, 0.5], [2, 0.1]]},
    "linear": {"over": 4, "to": 0.001},
    "cosine": {"over": 4, "to": 0.001},
    "cosine-restarts": {"every": 2},
    "polynomial": {"over": 4, "to": 0.001},
    "sutskever": {"every": 2},
}
AUGMENTATIONS = {  # for grey images
    "brightness": 0.4, "contrast": 0.4, "cutmix": 1.0, "flip": 0.5, "mixup": 0.4, "pad-crop": 2,
    "random-erasing": 0.5,
}  # fmt: skip


@dataclass(frozen=True)
class Trained:
    """What training leaves: the reports of each epoch, and the state, each tensor (K, …) on the CPU."""

    reports: list[EpochReport]
    state: dict[str, Tensor]

    def same(self, other: Trained) -> bool:
        """Whether all curves and all of the state have the same bits."""
        # As text, so that a NaN is equal to another.
        curves = repr(self.reports) == repr(other.reports)
        return curves and all(torch.equal(own, other.state[name]) for name, own in self.state.items())


def cases() -> dict[str, dict[str, Any]]:
    """Return a config for each entry whose step can be recorded."""
    found: dict[str, dict[str, Any]] = {}
    for name in registry.names("optimizers"):
        entry = registry.get("optimizers", name)
        if issubclass(entry, Rule) and entry.max_parameters is None:
            found[f"optimizer {name}"] = {"train": {"optimizer": name}}
    for name in registry.names("schedules"):
        schedule = {"name": name, **SCHEDULES.get(name, {})}
        field = "momentum_schedule" if name == "sutskever" else "schedule"
        found[f"schedule {name}"] = {"train": {field: schedule, "optimizer": "momentum"}}
    for name in registry.names("regularizers"):
        found[f"penalty {name}"] = {"train": {name: 0.001}}
    weights = {"class_weights": "balanced"}
    for name, train in {
        "clipping": {"clip_norm": 0.1, "clip_value": 0.05},
        "mean of weights": {"ema": 0.9, "warmup": {"steps": 3}},
        "accumulated gradients": {"accumulate": 2},
        "loss softmax": {"loss": {"name": "softmax", "smoothing": 0.1, **weights}},
        "loss focal": {"loss": {"name": "focal", **weights}},
    }.items():
        found[name] = {"train": train}
    for name, amount in AUGMENTATIONS.items():
        found[f"augmentation {name}"] = {"data": {"name": "fashion-mnist-mini", name: amount}}
    for name in registry.names("activations"):
        found[f"activation {name}"] = {"model": {**MLP, "activation": name}}
    for statistics in ("ema", "population"):
        model = {**MLP, "norm": "batch", "norm_statistics": statistics}
        found[f"normalization {statistics}"] = {"model": model}
    for name in (
        "lenet5",
        "lenet5-1998",
        "maxout-conv",
        "cnn",
        {"name": "cifar-resnet", "depth": 8},
        {"name": "wide-resnet", "depth": 10, "widen": 1},
    ):
        found[f"model {name if isinstance(name, str) else name['name']}"] = {"model": name}
    return found


def fit_of(
    config: dict[str, Any],
    device: str,
    precision: str,
    recorded: bool,
    ways: dict[str, str],
    seeds: tuple[int, int] = (1, 2),
) -> Fit:
    """Return two trials of a case on a device, ready to train.

    `ways` are those of convolutions that are chosen already; what is chosen now is added.
    """
    body = {"model": MLP, **config}
    data = body.get("data", {"name": "fashion-mnist-mini"})
    body["data"] = {**data, "validation": 0.5}
    body["train"] = {"batch_size": BATCH, **body.get("train", {}), "precision": precision}
    fit = Fit([Row(resolve(body), seed) for seed in seeds], device)
    fit.recorder.records &= recorded
    ways |= fit.choose_ways(ways)
    return fit


def trained(fit: Fit, until: int = EPOCHS) -> Trained:
    """Train to the end of an epoch; RuntimeError where something was not recorded."""
    reports = [report for _ in range(fit.epoch, until) for report in fit.run_epoch() or []]
    if fit.recorder.refused:
        raise RuntimeError("; ".join(fit.recorder.refused.values()))
    return Trained(reports, fit.state())


def in_another_s_place(config: dict[str, Any], device: str, ways: dict[str, str]) -> Trained:
    """Train two trials in the array of two others, with the recordings of these."""
    kept = fit_of(config, device, "float32", True, ways, seeds=(11, 12))
    trained(kept, until=1)
    renew(kept, fit_of(config, device, "float32", True, ways))
    return trained(kept)


def in_float64(config: dict[str, Any], device: str) -> Tensor:
    """Return the parameters of two trials in float64, (2, P), of a net of convolutions after few steps."""
    fit = fit_of(config, device, "float64", True, {})
    if fit.array.configs[0]["model"]["name"] == MLP["name"]:
        return trained(fit).state["theta"]
    fit._steps.begin(1)
    for _ in range(FLOAT64_STEPS):
        fit._steps.advance(BATCH // 4)
    return fit.array.theta.cpu()


def equality(setting: Setting) -> Results:
    """Compare recorded, kept, uncaptured and processor for each entry; in short only a few, of small nets."""
    found: Results = {}
    chosen = [*cases().items()]
    few = [(name, config) for name, config in chosen if not name.startswith("model ")]
    for name, config in few[:: len(few) // 6] if setting.short else chosen:
        try:
            ways: dict[str, str] = {}  # the same for both
            recorded, eager = (
                trained(fit_of(config, setting.device, "float32", each, ways)) for each in (True, False)
            )
            kept = in_another_s_place(config, setting.device, ways)
            there, here = (in_float64(config, device) for device in (setting.device, "cpu"))
        except Exception as error:
            found[name] = {"error": f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"}
            continue
        scale = here.abs().max().clamp(min=1e-30)
        found[name] = {
            "recorded is eager": recorded.same(eager),
            "kept is recorded": kept.same(recorded),
            "float64 from a processor": float((there - here).abs().max() / scale),
        }
    return found
