"""Class weights that data decide: balanced ones by the training part, lists by the number of classes."""

import numpy as np
import packing
import pytest
import torch

from cnnlab import resolve
from cnnlab.engine import class_weights
from cnnlab.engine.cost import inspect, point
from cnnlab.engine.step_memory import gpu_bytes_per_row
from cnnlab.errors import ConfigError
from cnnlab.fit import Fit, Row


def test_balanced_weights_have_the_mean_1_over_all_images():
    weights = class_weights.balanced([60, 30, 10])
    assert weights == pytest.approx([100 / 180, 100 / 90, 100 / 30])
    assert sum(n * w for n, w in zip([60, 30, 10], weights, strict=True)) == pytest.approx(100)
    assert class_weights.balanced([4, 0]) == [0.5, 2.0]


def test_other_configs_stay_the_same_object():
    for loss in ("softmax", "svm", {"name": "focal", "class_weights": [1] * 10}):
        config = packing.config(loss=loss)
        assert class_weights.counted(config, [1] * 10) is config


@pytest.fixture
def uneven(tmp_path, monkeypatch):
    """A data set of the user's: 40, 20 and 10 images of three classes."""
    labels = np.repeat([0, 1, 2], [40, 20, 10])
    pixels = np.random.default_rng(1).integers(0, 255, (70, 6, 6), dtype=np.uint8)
    np.savez(tmp_path / "uneven.npz", train_x=pixels, train_y=labels)
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    return {"name": "npz", "path": "uneven.npz", "validation": 0.25}


def config(data, loss, **train):
    return resolve(
        {
            "model": {"name": "mlp", "hidden": [4]},
            "data": data,
            "train": {"loss": loss, "batch_size": 16, "epochs": 2, "precision": "float64", **train},
        }
    )


@pytest.mark.parametrize("name", ["softmax", "focal"])
def test_balanced_rows_train_as_rows_with_those_weights(uneven, name):
    """The training part has 30, 15 and 8 images; what the validation part holds out does not count."""
    by_hand = [53 / (3 * count) for count in (30, 15, 8)]
    losses = [{"name": name, "class_weights": weights} for weights in ("balanced", by_hand, "none")]
    fit = Fit([Row(config(uneven, loss), 1) for loss in losses])
    reports = [fit.run_epoch() for _ in range(2)]
    assert torch.equal(fit.array.theta[0], fit.array.theta[1])
    assert (fit.array.theta[0] - fit.array.theta[2]).abs().max() > 1e-4
    for one, same, other in reports:
        assert one.metrics == same.metrics
        assert one.metrics["val/loss"] != other.metrics["val/loss"]


def test_wrong_targets_on_purpose_change_no_weight(uneven):
    fit = Fit(
        [Row(config(uneven | {"label_noise": 0.5}, {"name": "softmax", "class_weights": "balanced"}), 1)]
    )
    assert fit.array.configs[0]["train"]["loss"]["class_weights"] == pytest.approx(
        [53 / (3 * count) for count in (30, 15, 8)]
    )


@pytest.mark.parametrize("weights", [[1, 2], [1] * 11])
def test_a_list_of_the_wrong_length_is_refused_with_the_number_of_classes(weights):
    given = packing.config(loss={"name": "softmax", "class_weights": weights})
    with pytest.raises(ConfigError) as caught:
        point(given, inspect(given))
    assert caught.value.path == "train.loss.class_weights"
    assert caught.value.message == (
        f"must have 10 weights, one for each class of the data; got {len(weights)}"
    )


def test_memory_is_counted_with_weights_that_no_data_have_decided():
    own = packing.config(precision="float32", loss={"name": "softmax", "class_weights": "balanced"})
    assert gpu_bytes_per_row(own, inspect(own)) > 0
