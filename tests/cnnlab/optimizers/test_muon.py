"""Muon, parameter by parameter: torch's own on matrices, AdamW on everything else, alone and in rows."""

import packing
import pytest
import torch

from cnnlab import registry
from cnnlab.engine.row_groups import group_rows
from cnnlab.layer import Parameter
from cnnlab.optimizers.muon import orthogonal

# Units behind inputs, as in no layer of ours; wide, tall, a filter, and the output layer.
SHAPES = {
    "conv.weight": ((4, 2, 3, 3), "weight", 0),
    "conv.bias": ((4,), "bias", 0),
    "tall.weight": ((9, 4), "weight", 0),
    "norm.scale": ((9,), "scale", 0),
    "turned.weight": ((9, 5), "weight", 1),
    "line.weight": ((5,), "weight", 0),
    "last.weight": ((3, 5), "weight", 0),
    "last.bias": ((3,), "bias", 0),
}
MATRICES = ("conv.weight", "tall.weight", "turned.weight")
GIVEN = {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.3, "adam_share": 0.1, "eps": 1e-4}


def table():
    made, offset = [], 0
    for name, (shape, role, axis) in SHAPES.items():
        made.append(Parameter(name, shape, role, 1, "zeros", axis, offset))
        offset += torch.zeros(shape).numel()
    return made, offset


def run(steps, rows=2):
    """Take steps along random gradients; return the parameters before and after, and the gradients."""
    own, size = table()
    entry = registry.get("optimizers", "muon")().of_net(own)
    choice = registry.resolve("optimizers", {"name": "muon", **GIVEN}, "p")
    (group,) = group_rows("optimizers", [choice] * rows, torch.device("cpu"))
    h = {name: value[:, None] for name, value in group.hypers.items()}
    generator = torch.Generator().manual_seed(3)
    w = torch.randn(rows, size, generator=generator, dtype=torch.float64)
    gradients = torch.randn(steps, rows, size, generator=generator, dtype=torch.float64)
    start, slots = w.clone(), [torch.zeros_like(w) for _ in range(2)]
    for t, gradient in enumerate(gradients, 1):
        c = entry.constants(h, torch.full((rows, 1), float(t), dtype=torch.float64))
        entry.update(w, gradient, slots, c)
    return start, w, gradients, slots


def part(row, own):
    """A row's numbers of one parameter, units first."""
    size = torch.zeros(own.shape).numel()
    return row[own.offset : own.offset + size].view(own.shape).movedim(own.unit_axis, 0)


@pytest.mark.parametrize("name", SHAPES)
def test_each_parameter_takes_torchs_steps(name, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)  # torch's iterates in bfloat16
    start, end, gradients, slots = run(20)
    (own,) = (each for each in table()[0] if each.name == name)
    for k in range(2):
        w = part(start[k], own).flatten(1) if name in MATRICES else part(start[k], own)
        w = w.clone().requires_grad_()
        if name in MATRICES:
            rule = torch.optim.Muon([w], lr=0.05, weight_decay=0.3, momentum=0.8)
        else:
            rule = torch.optim.AdamW([w], lr=0.005, weight_decay=0.3, betas=(0.9, 0.95), eps=1e-4)
        for gradient in gradients[:, k]:
            w.grad = part(gradient, own).reshape(w.shape).clone()
            rule.step()
        torch.testing.assert_close(part(end[k], own).reshape(w.shape), w.detach(), rtol=1e-12, atol=1e-13)
    squares = slots[1][:, own.offset : own.offset + w.numel()]
    assert bool(squares.any()) == (name not in MATRICES)


def test_torchs_bfloat16_is_near():
    start, end, gradients, _ = run(1)
    own = table()[0][0]
    w = part(start[0], own).flatten(1).clone().requires_grad_()
    rule = torch.optim.Muon([w], lr=0.05, weight_decay=0.3, momentum=0.8)
    w.grad = part(gradients[0, 0], own).flatten(1)
    rule.step()
    torch.testing.assert_close(part(end[0], own).flatten(1), w.detach(), rtol=0, atol=2e-3)


@pytest.mark.parametrize("shape", [(4, 18), (18, 4), (6, 6), (1, 5), (5, 1)])
def test_a_step_is_nearly_orthogonal(shape):
    u = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    left, _, right = torch.linalg.svd(u, full_matrices=False)
    found = orthogonal(u)
    spread = torch.linalg.svdvals(found)
    assert spread.min() > 0.5
    assert spread.max() < 1.25
    # The singular vectors stay, whatever becomes of the values.
    within = left.T @ found @ right.T
    torch.testing.assert_close(within, within.diagonal().diag(), rtol=0, atol=1e-10)


def test_of_no_gradient_there_is_no_step():
    assert not orthogonal(torch.zeros(3, 4)).any()


def test_output_layer_and_biases_of_lenet5_take_adamws_steps():
    """Rows of muon and of adamw with the same rates: what muon leaves to adamw goes the same way."""
    share = {"name": "muon", "lr": 0.1, "adam_share": 0.01, "weight_decay": 0.0}
    same = {"name": "adamw", "lr": 0.001, "beta2": 0.95, "eps": 1e-10, "weight_decay": 0.0}
    array = packing.make([packing.config("lenet5", optimizer=o) for o in (share, same)], [1, 1])
    packing.train(array, 1)
    apart = {own.name: bool((a - b).abs().max() > 1e-9) for own, a, b in parts(array)}
    assert {name for name, differs in apart.items() if differs} == {
        f"{layer}.weight" for layer in ("conv1", "conv2", "linear3", "linear4")
    }


def parts(array):
    views = array.net.views(array.theta)
    return [(own, view[0], view[1]) for own, view in zip(array.net.table, views, strict=True)]


def test_rows_of_a_net_may_differ_in_all_of_it():
    rules = [{"name": "muon", **more} for more in ({}, GIVEN, {"momentum": 0.5, "adam_share": 1.0})]
    packing.assert_packing_does_not_matter([packing.config(optimizer=o) for o in ("sgd", *rules, "adam")])
