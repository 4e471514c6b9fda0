"""Conformance of every optimizer; test_against_torch.py compares each with torch's."""

import numpy as np
import packing
import pytest
import reference
import torch

from cnnlab import registry
from cnnlab.engine.row_groups import group_rows
from cnnlab.errors import ConfigError
from cnnlab.optimizer import Evaluation

NAMES = registry.names("optimizers")
TORCH = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "momentum-v": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "nesterov-b": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "nesterov-d": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1),
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.1),
    "radam": lambda p: torch.optim.RAdam(p, lr=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.1),
}


# Their defaults move less than 1 in 2,000 steps of about equal length.
SLOW = {"lion": {"lr": 0.001}, "muon": {"adam_share": 0.1}, "radam": {"lr": 0.002}}
WHOLE = [name for name in NAMES if registry.get("optimizers", name).full_batch]


def look(objective, w):
    """Evaluate objective(w) -> (K,) and its derivatives."""
    with torch.enable_grad():
        w = w.detach().requires_grad_()
        value = objective(w)
        (gradient,) = torch.autograd.grad(value.sum(), w)

    def hessian():
        full = torch.autograd.functional.hessian(lambda w: objective(w).sum(), w.detach())
        return torch.stack([full[k, :, k] for k in range(len(w))])

    return Evaluation(value.detach(), gradient, hessian)


def move(entry, w, slots, c, objective):
    """Take one step and return how often the objective was asked for."""
    turn = entry.step(w, slots, c)
    point, asked = next(turn), 0
    while True:
        asked += 1
        try:
            point = turn.send(look(objective, point))
        except StopIteration:
            return asked


def run(name, h, objective, w, steps):
    """Minimize from w, (K, P), by a rule and return the path, (steps, K, P)."""
    entry, w, path = registry.get("optimizers", name)(), w.clone(), []
    choice = {n: float(value.max()) for n, value in h.items()}
    slots = [torch.zeros_like(w) for _ in range(entry.slot_count(choice, w.shape[1]))]
    for t in range(1, steps + 1):
        c = entry.constants(h, torch.full((len(w), 1), float(t), dtype=torch.float64))
        move(entry, w, slots, c, objective)
        path.append(w.clone())
    return torch.stack(path)


def numbers(name, **given):
    choice = registry.resolve("optimizers", {"name": name, **given}, "p")
    (one,) = group_rows("optimizers", [choice], torch.device("cpu"))
    return {n: value[:, None] for n, value in one.hypers.items()}


@pytest.mark.parametrize("name", TORCH)
def test_the_defaults_are_torchs(name):
    """On a quadratic, with the learning rate alone given."""
    curvature = torch.tensor([[1.0, 0.1, 3.0]], dtype=torch.float64)
    start = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    path = run(name, numbers(name, lr=0.1), lambda w: (curvature * w * w / 2).sum(1), start, 30)
    w = start.clone().requires_grad_()
    rule = TORCH[name]([w])
    for step in range(30):
        rule.zero_grad()
        (curvature * w * w / 2).sum().backward()
        with reference.in_double():
            rule.step()
        torch.testing.assert_close(path[step], w.detach(), rtol=0, atol=1e-13)


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_it_descends(name):
    """Methods that look along a line are soon there, and take long for a step that is none."""
    start = torch.tensor([[1.0, -1.0]], dtype=torch.float64)
    steps = 100 if name in ("lbfgs", "newton") else 2000
    path = run(name, numbers(name, **SLOW.get(name, {})), lambda w: (w * w / 2).sum(1), start, steps)
    assert path[-1].abs().max() < 0.1


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_packing_does_not_matter(name):
    others = [other for other in NAMES if other != name and (name in WHOLE) == (other in WHOLE)]
    same, steps = name in WHOLE, steps_of(name)
    packing.assert_packing_does_not_matter([choice(o) for o in (name, name, *others, name)], steps, same=same)
    packing.assert_packing_does_not_matter([choice(name), choice(name, lr=0.01)], steps, same=same)


def steps_of(name):
    """How many steps show that it is what it is alone: without memory one step is like another."""
    return 2 if name == "newton" else 8


def choice(name, precision="float64", **more):
    """A net's config with an optimizer; full-batch methods get all images."""
    given = {"name": name, **packing.CALM.get(name, {}), **more}
    size = {"batch_size": "full"} if name in WHOLE else {}
    return packing.config(precision=precision, optimizer=given, **size)


@pytest.mark.long
@pytest.mark.parametrize("name", WHOLE)
def test_rules_of_one_gradient_may_stand_beside(name):
    """What takes one look waits for what takes several; each is what it is alone."""
    rules = [packing.config(batch_size="full", optimizer=o) for o in ("sgd", "adam", "nesterov-a")]
    packing.assert_packing_does_not_matter(
        [rules[0], choice(name), *rules[1:], choice(name)], steps_of(name), same=True
    )


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_do_not_matter(name):
    others = WHOLE if name in WHOLE else NAMES
    own, *others = [choice(o, "float32") for o in (name, name, *others[:2], name)]
    packing.assert_neighbours_do_not_matter(own, others, same=name in WHOLE)


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_row_goes_on_bit_for_bit(name):
    """In float32, in an array that has other rows and other slots beside it."""
    hypers = {} if name in WHOLE else {"dropout": 0.5, "norm": "batch"}
    size, same = ({"batch_size": "full"}, True) if name in WHOLE else ({}, False)

    def of(o):
        return packing.config(
            "mlp", "float32", hypers, optimizer={"name": o, **packing.CALM.get(o, {})}, **size
        )

    kin = [o for o in NAMES if (o in WHOLE) == (name in WHOLE)]
    others = [of(o) for o in [*kin, *kin, *kin][:4]]
    straight = packing.make([of(name), *others[:3]])
    packing.train(straight, 3, same=same)
    saved = {n: tensor[0] for n, tensor in straight.state().items()}
    packing.train(straight, 3, first=3, same=same)
    resumed = packing.make([of(name), *others[1:]])
    packing.train(resumed, 1, same=same)
    resumed.load_row(0, saved)
    packing.train(resumed, 3, first=3, same=same)
    assert torch.equal(resumed.theta[0], straight.theta[0])
    assert torch.equal(resumed.buffers[0], straight.buffers[0])


SLOPE = torch.tensor([[1.0, 0.2, -0.1]], dtype=torch.float64)
START = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)


def wavy(w):
    """A function that is no quadratic."""
    return (SLOPE * w * w / 2 - 0.1 * w.cos()).sum(1)


def slope(w):
    """Its gradient."""
    return SLOPE * w + 0.1 * w.sin()


def path_of(name, steps=50, **given):
    return run(name, numbers(name, lr=0.1, **given), wavy, START, steps)


def moved(numbers_at, name, steps):
    """Return the path of a rule whose lr and μ are given for each step, μ one step further too."""
    entry, w, path = registry.get("optimizers", name)(), START.clone(), []
    slots = [torch.zeros_like(w) for _ in range(entry.slots)]
    for t in range(steps):
        lr, mu = numbers_at(t)
        given = {"lr": lr, "momentum": mu, "momentum_next": numbers_at(t + 1)[1]}
        h = {n: torch.tensor([[v]], dtype=torch.float64) for n, v in given.items()}
        c = entry.constants(h, torch.full((1, 1), t + 1.0, dtype=torch.float64))
        move(entry, w, slots, c, wavy)
        path.append(w.clone())
    return torch.stack(path), slots


def test_momentums_two_forms_are_one_while_lr_is_constant():
    torch.testing.assert_close(path_of("momentum-v"), path_of("momentum"), rtol=1e-12, atol=1e-13)


def test_after_a_drop_of_the_rate_the_two_forms_differ():
    """d is rescaled at once, v goes on: the first step after a drop to 0 is none, and μ times the last."""

    def drops(t):
        return (0.1 if t < 8 else 0.0, 0.9)

    d, _ = moved(drops, "momentum", 9)
    v, _ = moved(drops, "momentum-v", 9)
    torch.testing.assert_close(v[:8], d[:8], rtol=1e-12, atol=1e-13)
    assert torch.equal(d[8], d[7])
    torch.testing.assert_close(v[8] - v[7], 0.9 * (v[7] - v[6]), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["nesterov-b", "nesterov-d"])
def test_forms_that_store_the_look_ahead_point_are_one(name):
    torch.testing.assert_close(path_of(name), path_of("nesterov"), rtol=1e-12, atol=1e-13)


def test_forms_that_store_the_weights_are_one():
    torch.testing.assert_close(path_of("nesterov-c"), path_of("nesterov-a"), rtol=1e-12, atol=1e-13)


def test_what_nesterov_stores_is_the_look_ahead_point():
    x = path_of("nesterov-a")
    velocity = torch.diff(torch.cat([START[None], x]), dim=0)
    torch.testing.assert_close(path_of("nesterov"), x + 0.9 * velocity, rtol=1e-12, atol=1e-13)


def test_only_form_b_follows_the_look_ahead_point_when_rate_and_momentum_move():
    def moves(t):
        return (0.1 if t < 10 else 0.02, 0.5 + 0.02 * t)

    x, _ = moved(moves, "nesterov-a", 20)
    velocity = torch.diff(torch.cat([START[None], x]), dim=0)
    following = torch.tensor([moves(t + 1)[1] for t in range(20)], dtype=torch.float64)[:, None, None]
    ahead = x + following * velocity
    torch.testing.assert_close(moved(moves, "nesterov-b", 20)[0], ahead, rtol=1e-12, atol=1e-13)
    for other in ("nesterov", "nesterov-d"):
        assert (moved(moves, other, 20)[0] - ahead).abs().max() > 1e-3
    assert (moved(moves, "nesterov-c", 20)[0] - x).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("name", "given", "length"),
    [
        ("sgd", {}, 0.1),
        ("momentum", {}, 0.1),
        ("momentum-v", {}, 0.1),
        ("nesterov", {}, 0.1 * 1.9),
        ("nesterov-a", {}, 0.1),
        ("nesterov-b", {}, 0.1 * 1.9),
        ("nesterov-c", {}, 0.1),
        ("nesterov-d", {}, 0.1 * 1.9),
        ("adagrad", {"eps": 0.5}, 0.1 / 4.5),
        ("adagrad-full", {"eps": 0.5}, 0.1 / 4.5),
        ("rmsprop", {"rho": 0.91, "eps": 0.5}, 0.1 / (0.3 * 4 + 0.5)),
        ("adam", {"eps": 0.5}, 0.1 / 4.5),
        ("adamw", {"eps": 0.5}, 0.1 / 4.5),
        ("radam", {"eps": 0.5}, 0.1),
        ("lion", {}, 0.1 / 4),
        ("adam", {"eps": 0.5, "bias_correction": "none"}, 0.1 * 0.1 / (0.001**0.5 * 4 + 0.5)),
    ],
)
def test_the_first_step(name, given, length):
    """Against a gradient of −4: `length` is the step as a multiple of its size; eps is outside the root."""
    w = torch.zeros(1, 1, dtype=torch.float64)
    step = run(name, numbers(name, lr=0.1, **given), lambda w: -4 * w.sum(1), w, 1)
    assert float(step[0]) == pytest.approx(4 * length, rel=1e-14)


def test_without_bias_correction_adams_first_step_is_longer():
    free = path_of("adam", 1, bias_correction="none", eps=1e-16) - START
    full = path_of("adam", 1, eps=1e-16) - START
    torch.testing.assert_close(free / full, torch.full_like(free, 0.1 / 0.001**0.5), rtol=1e-11, atol=0)


def test_adam_without_bias_correction_is_the_two_line_rule():
    w, m, v = START.clone(), 0.0, 0.0
    for at in path_of("adam", bias_correction="none"):
        g = slope(w)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w = w - 0.1 * m / (v.sqrt() + 1e-8)
        torch.testing.assert_close(at, w, rtol=1e-12, atol=1e-13)


def test_adams_with_and_without_bias_correction_are_rows_of_one_array():
    choices = [{"name": "adam", "bias_correction": o} for o in ("full", "none", "full")]
    packing.assert_packing_does_not_matter([packing.config(optimizer=o) for o in choices])


SGD = torch.optim.SGD
LIKE_TORCH = {
    "sgd": [
        ({"momentum": 0.9}, lambda p: SGD(p, lr=0.1, momentum=0.9)),
        ({"momentum": 0.9, "nesterov": True}, lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True)),
        ({"momentum": 0.9, "dampening": 0.4}, lambda p: SGD(p, lr=0.1, momentum=0.9, dampening=0.4)),
        ({"dampening": 0.4}, lambda p: SGD(p, lr=0.1, dampening=0.4)),
    ],
    "adamw": [
        (
            {"beta1": 0.8, "beta2": 0.95, "eps": 1e-3, "weight_decay": 0.3},
            lambda p: torch.optim.AdamW(p, lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3),
        )
    ],
    "nadam": [
        (
            {"beta1": 0.8, "beta2": 0.95, "momentum_decay": decay},
            lambda p, decay=decay: torch.optim.NAdam(p, lr=0.1, betas=(0.8, 0.95), momentum_decay=decay),
        )
        for decay in (0.0, 0.004, 0.5, 10.0)
    ],
    "radam": [
        (
            {"beta1": beta1, "beta2": beta2},
            lambda p, betas=(beta1, beta2): torch.optim.RAdam(p, lr=0.1, betas=betas),
        )
        for beta1, beta2 in ((0.9, 0.99), (0.5, 0.3), (0.9, 0.7))
    ],
}


@pytest.mark.parametrize(
    ("name", "given", "rule"), [(name, *case) for name, cases in LIKE_TORCH.items() for case in cases]
)
def test_numbers_of_its_own_are_torchs(name, given, rule):
    own, w = path_of(name, 30, **given), START.clone().requires_grad_()
    theirs = rule([w])
    for step in range(30):
        theirs.zero_grad()
        wavy(w).sum().backward()
        with reference.in_double():
            theirs.step()
        torch.testing.assert_close(own[step], w.detach(), rtol=1e-12, atol=1e-13)


def test_a_thousand_factors_of_nadams_product_are_torchs():
    """The product of all steps comes from a series, not from the step before."""
    own, w = path_of("nadam", 1000), START.clone().requires_grad_()
    theirs = torch.optim.NAdam([w], lr=0.1)
    for _ in range(1000):
        theirs.zero_grad()
        wavy(w).sum().backward()
        with reference.in_double():
            theirs.step()
    torch.testing.assert_close(own[-1], w.detach(), rtol=1e-10, atol=1e-12)


def test_lion_is_its_formula():
    w, m = START.numpy().copy(), np.zeros((1, 3))
    given = {"beta1": 0.8, "beta2": 0.95, "weight_decay": 0.2}
    for at in path_of("lion", 25, **given):
        g = SLOPE.numpy() * w + 0.1 * np.sin(w)
        c = 0.8 * m + (1 - 0.8) * g
        w = w - 0.1 * (np.sign(c) + 0.2 * w)
        m = 0.95 * m + (1 - 0.95) * g
        np.testing.assert_allclose(at.numpy(), w, rtol=1e-12, atol=1e-14)


def test_rows_of_sgd_may_differ_in_all_that_torchs_has():
    """One of them keeps nothing, beside others that keep a sum."""
    choices = [
        {"name": "sgd"},
        {"name": "sgd", "momentum": 0.9},
        {"name": "sgd", "momentum": 0.9, "nesterov": "yes"},
        {"name": "sgd", "momentum": 0.8, "dampening": 0.5},
        {"name": "sgd", "lr": 0.01},
    ]
    packing.assert_packing_does_not_matter([packing.config(optimizer=o) for o in choices])
    plain, kept = (packing.config(precision="float32", optimizer=o) for o in choices[:2])
    alone, beside = packing.make([plain, plain], [1, 2]), packing.make([plain, kept], [1, 2])
    for array in (alone, beside):
        packing.train(array, 4)
    assert (len(alone.slots), len(beside.slots)) == (0, 1)
    assert torch.equal(alone.theta[0], beside.theta[0])


@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        ({"nesterov": True}, "nesterov", "must be no where momentum is 0, got yes"),
        ({"nesterov": "yes", "momentum": 0.9, "dampening": 0.1}, "dampening", "must be 0 with nesterov: yes"),
    ],
)
def test_torch_refuses_it_and_so_does_sgd(given, path, words):
    with pytest.raises(ConfigError, match=words) as caught:
        registry.get("optimizers", "sgd")().check(
            registry.resolve("optimizers", {"name": "sgd", **given}, "p")
        )
    assert caught.value.path == path
    with pytest.raises(ValueError, match="Nesterov"):
        torch.optim.SGD([START], **given | {"nesterov": True})
