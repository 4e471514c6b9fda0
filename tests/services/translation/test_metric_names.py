"""services/translation/metric_names.py."""

from __future__ import annotations

import pytest
from planned_spec import library

from services.translation.metric_names import MEASURES, objective

MINI = {"model": "mlp", "data": "fashion-mnist-mini"}


@pytest.mark.parametrize(
    ("metric", "goal", "found", "words"),
    [
        ("val_acc", "maximize", "val/acc", ""),
        ("Validation-accuracy", "maximize", "val/acc", ""),
        ("val/top-5 acc", "maximize", "val/top5-acc", ""),
        ("valid.loss", "minimize", "val/loss", ""),
        ("train_loss", "minimize", "train/loss", ""),
        ("bestValAcc", "maximize", "val/acc", ""),
        ("eval/acc@1", "maximize", "val/acc", ""),
        ("valid_f1", "maximize", "val/macro-f1", ""),
        ("accuracy", "maximize", "val/acc", "does not say of which images"),
        ("loss", "", "val/loss", "does not say of which images"),
        ("test_accuracy", "maximize", "val/acc", "test images decide nothing here"),
        ("val_error", "minimize", "val/acc", "the least error is the greatest accuracy"),
        ("val_acc", "minimize", "val/acc", "the file has it minimized; val/acc can only be maximized"),
        ("val_loss", "maximize", "val/loss", "the file has it maximized; val/loss can only be minimized"),
        ("val_error", "maximize", "val/acc", "the file has it minimized; val/acc can only be maximized"),
        ("auroc", "maximize", "val/acc", "'auroc' is not known"),
        ("", "", "val/acc", "'' is not known"),
    ],
)
def test_a_metric_and_what_is_said_of_it(metric: str, goal: str, found: str, words: str) -> None:
    name, notes = objective(metric, goal)
    assert name == found
    assert words in " ".join(notes)
    assert bool(words) == bool(notes)


def test_every_measure_is_a_metric_of_the_library() -> None:
    config = library().resolve(MINI)
    known = {metric.name for metric in library().inspect(config).metrics} | {"loss"}
    assert set(MEASURES.values()) <= known
