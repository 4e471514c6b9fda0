"""One array of mixed trials equals plain torch, trial by trial, after fifty steps in float64."""

from itertools import product

import packing
import pytest
import reference
import torch

from cnnlab import registry, resolve
from cnnlab.engine.array import Array
from cnnlab.engine.net import Net
from cnnlab.engine.weight_average import WeightAverage
from cnnlab.layers.dropout import Dropout

STEPS, IMAGES = 50, 6
FAMILIES = {
    "lenet5": ({}, (1, 28, 28), reference.Lenet),
    "mlp": ({"hidden": [7, 6]}, (1, 3, 4), reference.Mlp),
}
PENALTIES = ({}, {"l1": 1e-3}, {"l2": {"strength": 1e-2, "scope": "all"}})
# Small steps: batch normalization of six images makes chaos of rounding within fifty large ones.
LR = dict.fromkeys(("adam", "adamw", "nadam", "radam", "rmsprop"), 5e-4)
# What torch has no like of: nesterov-a and -c store the weights where torch stores the look-ahead point;
# its L-BFGS has another line search; full matrices and lion it has not, and its muon iterates in bfloat16.
# test_optimizers.py, test_muon.py, test_second_order.py.
ELSEWHERE = {"nesterov-a", "nesterov-c", "lbfgs", "lion", "muon", "newton", "adagrad-full"}

torch.set_num_threads(1)


def trials(model, hypers, norm):
    """Every optimizer × penalty × dropout; the loss alternates, so that runs of rows are short."""
    for i, (rule, penalty, dropout) in enumerate(product(reference.OPTIMIZERS, PENALTIES, (0.0, 0.5))):
        yield resolve(
            {
                "model": {"name": model, "norm": norm, "dropout": dropout, **hypers},
                "data": "mnist",
                "train": {
                    "optimizer": {"name": rule, "lr": LR.get(rule, 2e-3)},
                    "loss": ("softmax", "svm")[i % 2],
                    "precision": "float64",
                    **penalty,
                },
            }
        )


def test_the_reference_covers_every_optimizer():
    assert {*reference.OPTIMIZERS, *ELSEWHERE} == {*registry.names("optimizers")}


@pytest.mark.long
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("model", FAMILIES)
def test_mixed_trials_equal_torch(model, norm, monkeypatch):
    hypers, shape, plain = FAMILIES[model]
    # Of the large net every fifth: each optimizer, and every penalty with and without dropout.
    configs = list(trials(model, hypers, norm))[:: 5 if model == "lenet5" else 1]
    assert {c["train"]["optimizer"]["name"] for c in configs} == {*reference.OPTIMIZERS}
    net = Net(registry.get("models", model)().layers(configs[0]["model"], shape, 10), shape)
    array = Array(net, configs, range(len(configs)))
    starts = [net.named(array.theta[k], array.buffers[k]) for k in range(len(configs))]

    made = []
    honest = Dropout.factors

    def recording(self, x, context):
        made.append(honest(self, x, context))
        return made[-1]

    monkeypatch.setattr(Dropout, "factors", recording)
    dropouts = sum(isinstance(layer, Dropout) for layer in net.layers.values())
    generator = torch.Generator().manual_seed(1)
    batches, masks = [], []
    for _ in range(STEPS):
        x = torch.randn(IMAGES, *shape, generator=generator, dtype=torch.float64)
        y = torch.randint(10, (IMAGES,), generator=generator)
        batches.append((x, y))
        made.clear()
        array.step(x[:, None].expand(-1, len(array), *shape), y[:, None].expand(-1, len(array)))
        ones = [torch.ones(1, len(array), dtype=torch.float64)] * (dropouts - len(made))
        masks.append([*ones, *made])  # an idle dropout, on the input of an mlp, makes no mask

    for k, config in enumerate(configs):
        own = [[mask[:, k] for mask in step] for step in masks]
        expected = reference.train(plain(norm == "batch"), starts[k], batches, own, config["train"])
        for name, value in net.named(array.theta[k], array.buffers[k]).items():
            torch.testing.assert_close(
                value, expected[name], rtol=0, atol=1e-10, msg=lambda m, n=name, c=config: f"{n} {c}: {m}"
            )
        assert all((expected[n] - starts[k][n]).abs().max() > 1e-6 for n in starts[k] if "weight" in n)


def test_a_mean_of_weights_is_torchs_with_a_share_that_is_corrected():
    """And in the long run with torch's own share, 1 − d."""
    model = torch.nn.Linear(3, 2, bias=False).double()

    def corrected(old, new, count):
        return old + (new - old) * (1 - 0.9) / (1 - 0.9 ** (int(count) + 1))

    def uncorrected(old, new, count):
        return 0.9 * old + (1 - 0.9) * new

    averaged = torch.optim.swa_utils.AveragedModel
    theirs, plain = (averaged(model, avg_fn=rule) for rule in (corrected, uncorrected))
    own = WeightAverage([packing.config(ema=0.9)], model.weight.detach().view(1, 6))
    for step in range(1, 301):
        with torch.no_grad():
            model.weight.add_(torch.randn(2, 3, dtype=torch.float64))
        for each in (theirs, plain):
            each.update_parameters(model)
        own.add(model.weight.detach().view(1, 6), torch.tensor([step], dtype=torch.int32))
        found = own.weights(torch.zeros(1, 6)).view(2, 3)
        torch.testing.assert_close(found, theirs.module.weight.detach(), rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(found, plain.module.weight.detach(), rtol=1e-9, atol=1e-9)
