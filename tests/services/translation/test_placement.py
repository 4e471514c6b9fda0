"""services/translation/placement.py: where parameters go, by the entries of the sweep."""

from __future__ import annotations

from typing import Any

import pytest

from services.translation.compose import compose
from services.translation.draft import Draft
from services.translation.foreign import ForeignSweep
from services.translation.parameter import Fixed, ForeignParameter, Interval, OneOfValues


def composed(**parameters: Any) -> Draft:
    """A list is a listed parameter, a pair a range, anything else one value."""
    domains = {list: lambda v: OneOfValues(tuple(v)), tuple: lambda v: Interval(*v)}
    found = [
        ForeignParameter(name, domains.get(type(value), Fixed)(value)) for name, value in parameters.items()
    ]
    return compose(ForeignSweep("W&B", parameters=found, search="random"), "a")


def test_a_parameter_of_the_only_optimizer_stands_beside_it() -> None:
    draft = composed(optimizer="sgd", momentum=0.9, lr=[0.1, 0.2])
    assert draft.fields["train"]["optimizer"] == {"name": "sgd", "momentum": 0.9}
    assert draft.space == {"train.optimizer.lr": [0.1, 0.2]}
    assert draft.lost == []


def test_a_parameter_of_some_optimizers_has_a_condition() -> None:
    draft = composed(momentum=[0.8, 0.9], optimizer=["sgd", "adam", "nesterov"], lr=0.1)
    assert draft.space["train.optimizer.momentum"] == {
        "choice": [0.8, 0.9],
        "when": {"train.optimizer": ["sgd", "nesterov"]},
    }
    assert draft.space["train.optimizer.lr"] == 0.1
    assert draft.lost == [("momentum", "momentum is no hyperparameter of adam; the others have it")]


def test_weight_decay_goes_where_torch_applies_it() -> None:
    decay = {"weight_decay": (0.0, 0.1)}
    assert composed(optimizer="adamw", **decay).space == {
        "train.optimizer.weight_decay": {"uniform": [0.0, 0.1]}
    }
    adam = composed(optimizer="adam", **decay)
    assert adam.space == {"train.l2.strength": {"uniform": [0.0, 0.1]}}
    assert adam.value("train.l2") == {"scope": "all"}
    assert composed(optimizer="sgd", weight_decay=0.1).value("train.l2") == {"strength": 0.1, "scope": "all"}
    assert composed(optimizer="sgd", l2=0.1).value("train.l2") == {"strength": 0.1}
    both = composed(optimizer=["adamw", "sgd"], **decay)
    assert both.space["train.l2.strength"]["when"] == {"train.optimizer": "sgd"}
    assert both.space["train.optimizer.weight_decay"]["when"] == {"train.optimizer": "adamw"}
    assert "biases" in both.notes["train.l2.strength"][0]
    assert both.value("train.l2") == {"scope": "all"}
    assert "train.optimizer.weight_decay" not in both.notes


def test_what_no_optimizer_has_is_named() -> None:
    draft = composed(optimizer="adam", momentum=0.9)
    assert draft.lost == [("momentum", "momentum is no hyperparameter of adam")]
    assert draft.fields["train"]["optimizer"] == "adam"


def test_models_of_an_axis_and_their_hyperparameters() -> None:
    draft = composed(model=["cnn", "resnet20"], num_filters=32, num_layers=[2, 3, 20], dropout=(0.0, 0.5))
    assert draft.space["model"] == ["cnn", {"name": "cifar-resnet", "depth": 20}]
    assert draft.space["model.filters"] == {"choice": [32], "when": {"model": "cnn"}}
    assert draft.space["model.blocks"] == {"choice": [2, 3], "when": {"model": "cnn"}}
    assert draft.space["model.depth"] == {"choice": [20], "when": {"model": "cifar-resnet"}}
    assert "model.hidden" not in draft.space
    assert draft.space["model.dropout"] == {"uniform": [0.0, 0.5], "when": {"model": "cnn"}}


@pytest.mark.parametrize(
    ("parameters", "model", "words"),
    [
        ({"num_filters": 16}, "cnn", "cnnlab catalog models"),
        ({"num_layers": [2, 3]}, "mlp", "a number of layers"),
        ({"num_layers": [2, 3], "kernel_size": 3}, "cnn", "cnnlab catalog models"),
        ({"widen_factor": [1, 2], "depth": 16}, "wide-resnet", "most of the file's parameters"),
        ({"lr": 0.1}, "cnn", "cnnlab catalog models"),
    ],
)
def test_the_model_of_a_file_that_names_none_fits_its_parameters(
    parameters: dict[str, Any], model: str, words: str
) -> None:
    draft = composed(**parameters)
    written = draft.fields["model"]
    assert (written["name"] if isinstance(written, dict) else written) == model
    assert words in draft.notes["model"][0]


def test_an_activation_stands_in_the_model() -> None:
    assert composed(activation="tanh").fields["model"] == {
        "name": "cnn",
        "activation": {"name": "tangent-sigmoid", "b": 2},
    }
    assert composed(activation=["relu", "gelu", "mish"]).space == {"model.activation": ["relu", "gelu"]}


def test_a_schedule_lasts_as_long_as_training() -> None:
    draft = composed(scheduler=["cosine", "one_cycle", "step"], gamma=0.5, epochs=20)
    assert draft.space["train.schedule"] == [
        {"name": "cosine", "unit": "fraction"},
        {"name": "one-cycle"},
        "step",
    ]
    assert draft.space["train.schedule.factor"] == {"choice": [0.5], "when": {"train.schedule": "step"}}
    assert composed(scheduler="cosine", t_max=7, epochs=20).fields["train"]["schedule"]["over"] == 7
    varied = composed(scheduler="cosine", epochs=[10, 20], warmup_steps=500)
    assert varied.fields["train"]["schedule"] == {"name": "cosine", "unit": "fraction"}
    assert varied.fields["train"]["warmup"] == "500 steps"
    assert not any("over" in note for notes in varied.notes.values() for note in notes)


def test_a_factor_without_a_schedule_is_that_of_steps() -> None:
    draft = composed(gamma=(0.1, 0.9))
    assert draft.fields["train"]["schedule"] == {"name": "step", "every": 1}
    assert draft.space == {"train.schedule.factor": {"uniform": [0.1, 0.9]}}
    assert any("schedule: the file does not name it" in note for note in draft.notes["train"])


def test_a_loss_that_the_file_does_not_name_is_written_with_its_field() -> None:
    assert composed(label_smoothing=0.1).fields["train"]["loss"] == {"name": "softmax", "smoothing": 0.1}
    assert composed(loss="hinge", label_smoothing=0.1).lost == [
        ("label_smoothing", "smoothing is no hyperparameter of svm")
    ]


def test_where_the_number_of_layers_varies_one_size_is_given() -> None:
    assert composed(num_conv_layers=[1, 2]).fields["model"] == {"name": "cnn", "filters": 16}
    assert composed(num_layers=[1, 2]).fields["model"] == {"name": "mlp", "hidden": 128}
    assert composed(num_conv_layers=2, num_filters=8).fields["model"] == {
        "name": "cnn",
        "blocks": 2,
        "filters": 8,
    }
    both = composed(model=["cnn", "mlp"], num_layers=[1, 2])
    assert both.space["model.filters"] == {"choice": [16], "when": {"model": "cnn"}}
    assert both.space["model.hidden"] == {"choice": [128], "when": {"model": "mlp"}}
    assert "the file does not say how many; 16 is chosen here" in both.notes["model.filters"][0]


@pytest.mark.parametrize(
    ("model", "depths", "written", "words"),
    [
        ("resnet50", [2, 3], None, "resnet has 18, 34, 50, 101 or 152 of them; [2, 3] in the file"),
        ("resnet50", [50, 101, 20], [50, 101], ""),
        ("wrn_28_10", [16, 20, 22], [16, 22], ""),
        ("wrn_28_10", (15, 29), [16, 22, 28], ""),
        ("resnet20", 20, 20, ""),
        ("resnet20", 18, 20, "cifar-resnet has 6n + 2, as 20, 32 or 56 of them; 18 in the file"),
    ],
)
def test_a_depth_is_one_that_the_model_can_have(model: str, depths: Any, written: Any, words: str) -> None:
    if isinstance(depths, tuple):
        depths = list(range(*depths))
    draft = composed(model=model, depth=depths)
    assert draft.space.get("model.depth") == (written if isinstance(written, list) else None)
    if isinstance(written, int):
        assert draft.value("model.depth") == written
    assert words in " ".join(why for _, why in draft.lost)
    assert bool(draft.lost) is bool(words)
    if words == "" and isinstance(written, list):
        assert any("only those that it can be" in note for note in draft.notes["model.depth"])


def test_a_name_that_is_not_translated_is_not_called_missing() -> None:
    draft = composed(scheduler="cyclic", gamma=0.5, arch="densenet", optimizer="lookahead")
    notes = " ".join([*draft.notes["train"], *draft.notes["model"]])
    assert "does not name" not in notes.replace("the file does not say", "")
    assert notes.count("none of those in the file is translated") == 3


def test_exponential_decay_is_a_step_after_each_epoch() -> None:
    draft = composed(scheduler="ExponentialLR", gamma=[0.9, 0.95])
    assert draft.fields["train"]["schedule"] == {"name": "step", "every": 1}
    assert draft.space == {"train.schedule.factor": [0.9, 0.95]}
    assert any("after each epoch" in note for note in draft.notes["train"])
