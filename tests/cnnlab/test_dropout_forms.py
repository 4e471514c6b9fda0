"""Dropout in its first form: nothing scaled while training, everything when predicting."""

import packing
import pytest
import torch

from cnnlab.layer import Context, Mode
from cnnlab.layers.dropout import Dropout

RATES = torch.tensor([0.0, 0.5, 0.2, 1.0], dtype=torch.float64)


def passed(scale, training):
    seeds = torch.arange(4, dtype=torch.int32)
    context = Context(
        {"rate": RATES},
        frozenset(),
        seeds,
        torch.full_like(seeds, 3),
        Mode.TRAIN if training else Mode.PREDICT,
    )
    x = torch.randn(50, 4, 10, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return x, Dropout("rate", scale).forward(x, [], [], context)


def test_training_only_drops_and_predicting_scales():
    x, y = passed("predict", training=True)
    assert ((y == x) | (y == 0)).all()
    assert torch.equal(y[:, 0], x[:, 0])
    assert (y[:, 3] == 0).all()
    x, y = passed("predict", training=False)
    torch.testing.assert_close(y, x * (1 - RATES[:, None]), rtol=1e-15, atol=0)


def test_both_forms_have_the_same_masks():
    _, y = passed("predict", training=True)
    _, inverted = passed("train", training=True)
    torch.testing.assert_close(inverted[:, :3] * (1 - RATES[:3, None]), y[:, :3], rtol=1e-14, atol=0)
    assert (inverted[:, 3] == 0).all()


@pytest.mark.parametrize("model", ["mlp", "maxout"])
def test_rows_of_the_first_form_do_not_meet(model):
    rates = [{"dropout": p, "input_dropout": p / 2, "dropout_scale": "predict"} for p in (0.0, 0.5, 0.2)]
    packing.assert_packing_does_not_matter([packing.config(model, hypers=own) for own in rates], steps=4)


def test_plain_sgd_links_both_forms():
    """The first form with weights W and rate lr is the usual one with (1 − p)·W and (1 − p)²·lr."""
    keep, steps, nets = 0.6, 5, {}
    for scale in ("predict", "train"):
        hypers = {"hidden": [], "input_dropout": 1 - keep, "dropout_scale": scale}
        lr = 0.1 if scale == "predict" else 0.1 * keep**2
        array = packing.make([packing.config(hypers=hypers, optimizer={"name": "sgd", "lr": lr})])
        weights = array.net.weights()
        if scale == "train":
            array.theta[:, weights] *= keep
        for i in range(steps):
            array.theta[:, ~weights] = 0  # a bias is not dropped, and has no part in the link
            packing.train(array, 1, first=i)
        nets[scale] = array.theta[:, weights]
    torch.testing.assert_close(nets["train"], nets["predict"] * keep, rtol=0, atol=1e-12)
