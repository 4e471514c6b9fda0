"""services/translation/compose.py."""

from __future__ import annotations

from typing import Any

import pytest

from services.domain.spec.spec import Spec
from services.translation.compose import compose
from services.translation.draft import Draft
from services.translation.foreign import ForeignSweep
from services.translation.parameter import Domain, Fixed, ForeignParameter, Interval, OneOfValues


def composed(domains: dict[str, Domain], **sweep: Any) -> Draft:
    parameters = [ForeignParameter(name, domain) for name, domain in domains.items()]
    return compose(ForeignSweep("W&B", parameters=parameters, **{"search": "random", **sweep}), "file")


@pytest.mark.parametrize(
    ("given", "name", "noted"),
    [
        ("", "file", True),
        ("a b-c_1.2", "a b-c_1.2", False),
        ("two\nlines", "two-lines", True),
        ("\x1b[2J", "2J", True),
        ("x" * 200, "x" * 100, True),
        ("\n\x00", "translated", True),
    ],
)
def test_names_are_such_as_a_spec_may_have(given: str, name: str, noted: bool) -> None:
    draft = composed({}, name=given)
    assert draft.fields["name"] == name
    assert ("name" in draft.notes) is noted
    Spec.model_validate(draft.spec())


def test_a_long_description_is_cut_off() -> None:
    draft = composed({}, description="y" * 3000)
    assert len(draft.fields["description"]) == 2000
    assert draft.notes["description"] == ["cut off after 2,000 characters"]


def test_a_name_that_is_not_known_is_named_with_its_values() -> None:
    lost = dict(
        composed({"warp": OneOfValues((1, 2)), "b": Interval(0, 1), "c": Fixed("x"), "gpus": Fixed(2)}).lost
    )
    assert lost == {
        "warp": "no hyperparameter is known by this name; [1, 2] in the file",
        "b": "no hyperparameter is known by this name; 0 to 1 in the file",
        "c": "no hyperparameter is known by this name; x in the file",
        "gpus": "workers choose devices and read data by themselves; 2 in the file",
    }


def test_two_names_for_one_path_are_not_mixed() -> None:
    draft = composed({"lr": Fixed(0.1), "learning_rate": OneOfValues((0.2, 0.3))})
    assert draft.fields["train"]["optimizer"] == {"name": "momentum", "lr": 0.1}
    assert draft.lost == [("learning_rate", "train.optimizer.lr is lr already; [0.2, 0.3] in the file")]


@pytest.mark.parametrize(
    ("domain", "fields", "lost"),
    [
        (Fixed(7), {"seed": 7}, False),
        (OneOfValues((1, 2, 3)), {"seeds": 3}, False),
        (Interval(0, 99, whole=True), {}, True),
        (Fixed(-1), {}, True),
        (Fixed("x"), {}, True),
        (Fixed(True), {}, True),
    ],
)
def test_seeds(domain: Domain, fields: dict[str, int], lost: bool) -> None:
    draft = composed({"seed": domain})
    assert {key: value for key, value in draft.fields.items() if key in ("seed", "seeds")} == fields
    assert bool(draft.lost) is lost


@pytest.mark.parametrize(
    ("hint", "data"),
    [
        ("fashion-mnist cnn", "fashion-mnist"),
        ("train_cifar10.py", "cifar10"),
        ("CIFAR-10", "cifar10"),
        ("cifar100", "fashion-mnist-mini"),
        ("mnist.py", "mnist"),
        ("nothing", "fashion-mnist-mini"),
    ],
)
def test_the_data_set_of_a_file_that_names_none(hint: str, data: str) -> None:
    draft = composed({}, hints=["", hint])
    assert draft.fields["data"] == data
    assert draft.notes["data"]
    assert composed({"dataset": Fixed("cifar10")}, hints=["mnist"]).fields["data"] == "cifar10"


def test_epochs_are_those_of_the_file_else_of_its_early_stopping_else_the_default() -> None:
    assert composed({"epochs": Fixed(3)}, epochs=27).fields["train"]["epochs"] == 3
    assert composed({"epochs": OneOfValues((3, 4))}).space["train.epochs"] == [3, 4]
    early, none = composed({}, epochs=27), composed({})
    assert (early.fields["train"]["epochs"], none.fields["train"]["epochs"]) == (27, 10)
    assert any("from the early stopping" in note for note in early.notes["train"])
    assert any("does not say how many" in note for note in none.notes["train"])


@pytest.mark.parametrize(
    ("sides", "padding"),
    [
        (Fixed(3), None),
        (Fixed(4), "valid"),
        (OneOfValues((3, 5)), None),
        (OneOfValues((2, 3)), "valid"),
        (Interval(3, 7, step=2, whole=True), None),
        (Interval(3, 7, whole=True), "valid"),
    ],
)
def test_filters_of_an_even_side_have_no_padding(sides: Domain, padding: str | None) -> None:
    draft = composed({"model": Fixed("cnn"), "kernel_size": sides})
    assert draft.value("model.padding") == padding
    assert any("padding: valid" in note for note in draft.notes.get("model", [])) is (padding is not None)


def test_the_last_value_counts_where_the_file_says_so() -> None:
    assert composed({}, metric="val_loss", goal="minimize", at="last").fields["objective"] == {
        "metric": "val/loss",
        "at": "last",
    }
    assert composed({}).fields["objective"] == "val/acc"
    assert composed({}).notes["objective"]


@pytest.mark.parametrize(
    ("blocks", "kept"),
    [
        (Fixed(1), None),
        (Fixed(2), 2),
        (OneOfValues((1, 2, 3)), [2, 3]),
        (Interval(1, 4, whole=True), [2, 3, 4]),
    ],
)
def test_a_list_of_sizes_says_how_many_layers_there_are_at_least(blocks: Domain, kept: Any) -> None:
    filters = OneOfValues(([16, 32], [32, 64]))
    draft = composed({"model": Fixed("cnn"), "layers": blocks, "channels": filters})
    assert draft.space.get("model.blocks", draft.value("model.blocks")) == kept
    said = any("left out below 2" in note for notes in draft.notes.values() for note in notes)
    assert said is (kept != 2)


def test_one_mixture_of_two_images_is_kept() -> None:
    both = composed({"mixup_alpha": Fixed(0.2), "cutmix_alpha": Fixed(1.0)})
    assert (both.value("data.mixup"), both.value("data.cutmix")) == (0.2, None)
    assert both.lost == [
        (
            "cutmix_alpha",
            "data.cutmix must be 0 where data.mixup is on: an image has at most two targets; 1.0 in the file",
        )
    ]
    off = composed({"mixup_alpha": Fixed(0), "cutmix_alpha": Fixed(1.0)})
    assert (off.value("data.mixup"), off.value("data.cutmix"), off.lost) == (0, 1.0, [])


def test_grey_images_have_no_saturation() -> None:
    grey = composed({"dataset": Fixed("mnist"), "saturation": Fixed(0.2)})
    assert grey.value("data.saturation") is None
    assert grey.lost == [("saturation", "images of one channel have none; 0.2 in the file")]
    colour = composed({"dataset": Fixed("cifar10"), "saturation": Fixed(0.2)})
    assert (colour.value("data.saturation"), colour.lost) == (0.2, [])
    both = composed({"dataset": OneOfValues(("mnist", "cifar10")), "saturation": OneOfValues((0, 0.2))})
    assert "data.saturation" not in both.space


def test_folds_that_vary_are_named() -> None:
    assert composed({"folds": Fixed(5)}).value("data.folds") == 5
    varied = composed({"folds": OneOfValues((1, 5))})
    assert "data.folds" not in varied.space
    assert varied.lost == [("folds", "folds are the same for all points; [1, 5] in the file")]


def test_where_there_may_be_no_hidden_layer_their_number_is_left_out() -> None:
    draft = composed({"model": Fixed("mlp"), "depth": OneOfValues((1, 3)), "hidden": OneOfValues((0, 64))})
    assert draft.space == {"model.hidden": {"choice": ["none", 64]}}
    assert any("model.depth: left out" in note for note in draft.notes["model"])
