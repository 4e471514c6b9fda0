"""The same bits again: an array that is trained twice, and once more from its own state."""

from __future__ import annotations

from typing import Any

from benchmarks.gpu.equal_numbers import EPOCHS, MLP, Trained, fit_of, trained
from benchmarks.gpu.setting import Results, Setting

NETS: dict[str, dict[str, Any]] = {
    "mlp": {**MLP, "norm": "batch", "norm_statistics": "population"},
    "lenet5": {"name": "lenet5", "dropout": 0.3, "norm": "batch"},
    "maxout-conv": {"name": "maxout-conv"},
    "cifar-resnet": {"name": "cifar-resnet", "depth": 8},
}
DATA = {"name": "fashion-mnist-mini", "pad-crop": 2}
TRAIN = {"optimizer": "adam", "schedule": {"name": "plateau", "threshold": 0.5}, "l2": 0.001}


def again(setting: Setting) -> Results:
    """Compare three trainings of each net bit for bit, in short of the smallest: curves, weights and states.

    The second one is as the first. The third one ends after an epoch, and a new array goes on from its state,
    as after the death of a runner.
    """
    found: Results = {}
    for name, model in NETS.items() if not setting.short else [*NETS.items()][:1]:
        config, ways = {"model": model, "data": DATA, "train": TRAIN}, dict[str, str]()

        def make(config: dict[str, Any] = config, ways: dict[str, str] = ways) -> Any:
            return fit_of(config, setting.device, "float32", True, ways)

        first, second = trained(make()), trained(make())
        begun, resumed = make(), make()
        before = trained(begun, until=1)
        for row in resumed.live:
            resumed.load_row(row, {key: tensor[row] for key, tensor in before.state.items()}, epoch=1)
        rest = trained(resumed)
        found[name] = {
            "epochs": EPOCHS,
            "again": first.same(second),
            "from its state": first.same(Trained(before.reports + rest.reports, rest.state)),
        }
    return found
