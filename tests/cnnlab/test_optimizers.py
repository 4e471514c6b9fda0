"""Conformance of every optimizer; test_against_torch.py compares each with torch's."""

import packing
import pytest
import torch

from cnnlab import registry
from cnnlab.optimizer import Optimizer

NAMES = registry.names("optimizers")
TORCH = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.1),
}


def run(entry, h, gradient, w, steps):
    """Minimize from w, (K, P), by a rule and return the path, (steps, K, P)."""
    w, path = w.clone(), []
    slots = [torch.zeros_like(w) for _ in range(entry.slots)]
    for t in range(1, steps + 1):
        c = entry.constants(h, torch.full((len(w), 1), float(t), dtype=torch.float64))
        entry.update(w, gradient(entry.point(w, slots, c)), slots, c)
        path.append(w.clone())
    return torch.stack(path)


def numbers(name, **given):
    hypers = registry.resolve("optimizers", {"name": name, **given}, "p")
    return {n: torch.tensor([[v]], dtype=torch.float64) for n, v in hypers.items() if n != "name"}


@pytest.mark.parametrize("name", NAMES)
def test_the_defaults_are_torchs(name):
    """On a quadratic, with the learning rate alone given."""
    curvature = torch.tensor([[1.0, 0.1, 3.0]], dtype=torch.float64)
    start = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    path = run(registry.get("optimizers", name)(), numbers(name, lr=0.1), lambda w: curvature * w, start, 30)
    w = start.clone().requires_grad_()
    rule = TORCH[name]([w])
    for step in range(30):
        rule.zero_grad()
        (curvature * w * w / 2).sum().backward()
        rule.step()
        torch.testing.assert_close(path[step], w.detach(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_it_descends(name):
    entry, start = registry.get("optimizers", name)(), torch.tensor([[1.0, -1.0]], dtype=torch.float64)
    path = run(entry, numbers(name), lambda w: w, start, 2000)
    assert path[-1].abs().max() < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_packing_does_not_matter(name):
    others = [other for other in NAMES if other != name]
    packing.assert_packing_does_not_matter(
        [packing.config(optimizer=o) for o in (name, {"name": name, "lr": 0.01}, *others, name)]
    )


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_do_not_matter(name):
    configs = [packing.config(precision="float32", optimizer=o) for o in (name, *NAMES[:2], name)]
    packing.assert_neighbours_do_not_matter(configs[0], configs[1:])


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_row_goes_on_bit_for_bit(name):
    """In float32, in an array that has other rows and other slots beside it."""
    own = packing.config(precision="float32", optimizer=name, hypers={"dropout": 0.5, "norm": "batch"})
    packing_of = [
        packing.config(precision="float32", optimizer=o, hypers={"dropout": 0.5, "norm": "batch"})
        for o in NAMES
    ]
    straight = packing.make([own, *packing_of[:3]])
    packing.train(straight, 3)
    saved = {n: tensor[0] for n, tensor in straight.state().items()}
    packing.train(straight, 3, first=3)
    resumed = packing.make([own, *packing_of[1:4]])
    packing.train(resumed, 1)
    resumed.load_row(0, saved)
    packing.train(resumed, 3, first=3)
    assert torch.equal(resumed.theta[0], straight.theta[0])
    assert torch.equal(resumed.buffers[0], straight.buffers[0])


def test_nesterov_is_the_lookahead():
    """The textbook's x_ahead, written as a rule that has its gradient taken elsewhere."""

    class LookAhead(Optimizer):
        slots = 1

        def point(self, w, slots, c):
            return w + c["momentum"] * slots[0]

        def update(self, w, g, slots, c):
            w.add_(slots[0].mul_(c["momentum"]).sub_(c["lr"] * g))

    start = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    h = numbers("nesterov", lr=0.1)
    slope = torch.tensor([[1.0, 0.2]], dtype=torch.float64)
    stored = run(registry.get("optimizers", "nesterov")(), h, lambda w: slope * w, start, 20)
    x = run(LookAhead(), h, lambda w: slope * w, start, 20)
    velocity = torch.diff(torch.cat([start[None], x]), dim=0)
    torch.testing.assert_close(stored, x + 0.9 * velocity, rtol=0, atol=1e-14)
