"""Each optimizer beside another implementation: `python -m benchmarks.results.optimizers`.

The net is 12-7-6-10 with sigmoids on 20 made images, all in each of 50 steps, in float64. torch.optim is the
other side where it has the rule; else the rule is written out here, on one vector of weights. The figure is
the largest |ours − theirs| / max(|theirs|, 0.001) over all weights and steps.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from benchmarks.results.five_seeds import say
from cnnlab import resolve
from cnnlab.engine.array import Array
from cnnlab.engine.net import Net
from cnnlab.layer import Mode
from cnnlab.models.mlp import Mlp

STEPS, SEARCHES, SHAPE = 50, 300, (1, 3, 4)
Objective = Callable[[Tensor], Tensor]
Path = Iterator[Tensor]
TORCH: dict[str, Callable[[list[Tensor]], torch.optim.Optimizer]] = {
    "sgd": lambda w: torch.optim.SGD(w, lr=0.1),
    "momentum": lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9),
    "momentum-v": lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9),
    "nesterov": lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9, nesterov=True),
    "nesterov-b": lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9, nesterov=True),
    "nesterov-d": lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9, nesterov=True),
    "adagrad": lambda w: torch.optim.Adagrad(w, lr=0.1),
    "rmsprop": lambda w: torch.optim.RMSprop(w, lr=0.01),
    "adam": lambda w: torch.optim.Adam(w, lr=0.01),
}
LR = {"rmsprop": 0.01, "adam": 0.01, "adam, no correction": 0.01, "newton": 1.0}


def batch() -> tuple[Tensor, Tensor]:
    """Return 20 made images (N, 1, C, H, W) and classes (N, 1)."""
    g = torch.Generator().manual_seed(1)
    x = torch.randn(20, 1, *SHAPE, generator=g, dtype=torch.float64)
    return x, torch.randint(10, (20, 1), generator=g)


def array(optimizer: dict[str, object], hidden: Sequence[int] = (7, 6)) -> Array:
    """Return an array of one trial."""
    model = {"name": "mlp", "hidden": list(hidden), "activation": "sigmoid"}
    train = {"optimizer": optimizer, "precision": "float64", "batch_size": "full", "l2": 0.01}
    config = resolve({"model": model, "data": "mnist", "train": train})
    return Array(Net(Mlp().layers(config["model"], SHAPE, 10), SHAPE), [config], [3])


def objective(one: Array) -> Objective:
    """Return loss and L2 penalty as a function of the weights (P,)."""
    x, y = batch()
    weights = one.net.weights()

    def value(w: Tensor) -> Tensor:
        scores = one.net.forward(w[None], one.buffers, x, one.context(Mode.TRAIN))
        return one.loss(scores, y).sum() + 0.005 * w[weights].square().sum()

    return value


def gradient(f: Objective, w: Tensor) -> Tensor:
    """Return the slope of f at w."""
    at = w.detach().requires_grad_()
    (slope,) = torch.autograd.grad(f(at), at)
    return slope


def by_torch(rule: Callable[[list[Tensor]], torch.optim.Optimizer], f: Objective, w: Tensor) -> Path:
    """Step with torch.optim."""
    at = w.clone().requires_grad_()
    optimizer = rule([at])
    while True:
        optimizer.zero_grad()
        torch.autograd.backward(f(at))
        optimizer.step()
        yield at.detach().clone()


def look_ahead(f: Objective, w: Tensor) -> Path:
    """Nesterov's x and v, gradient at x + 0.9 v."""
    v = torch.zeros_like(w)
    while True:
        v = 0.9 * v - 0.1 * gradient(f, w + 0.9 * v)
        w = w + v
        yield w


def adam_without_correction(f: Objective, w: Tensor) -> Path:
    """The two lines of Adam's first form."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    while True:
        g = gradient(f, w)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w = w - 0.01 * m / (v.sqrt() + 1e-8)
        yield w


def full_matrix(f: Objective, w: Tensor) -> Path:
    """AdaGrad by singular values of the sum of products."""
    total = torch.zeros(len(w), len(w), dtype=w.dtype)
    while True:
        g = gradient(f, w)
        total = total + torch.outer(g, g)
        u, s, v = torch.linalg.svd(total)
        w = w - 0.1 * v.T @ ((u.T @ g) / (s.sqrt() + 1e-4))
        yield w


def newton(f: Objective, w: Tensor) -> Path:
    """Solve with torch's own Hessian and a damping of 1; every step has length 1."""
    while True:
        matrix = torch.autograd.functional.hessian(f, w) + torch.eye(len(w), dtype=w.dtype)
        w = w - torch.linalg.solve(matrix, gradient(f, w))
        yield w


WRITTEN: dict[str, tuple[dict[str, object], Callable[[Objective, Tensor], Path]]] = {
    "nesterov-a": ({"name": "nesterov-a"}, look_ahead),
    "nesterov-c": ({"name": "nesterov-c"}, look_ahead),
    "adam, no correction": ({"name": "adam", "bias_correction": "none"}, adam_without_correction),
    "adagrad-full": ({"name": "adagrad-full"}, full_matrix),
    "newton": ({"name": "newton", "damping": 1.0, "search": "none"}, newton),
}


def difference(optimizer: dict[str, object], other: Callable[[Objective, Tensor], Path]) -> float:
    """Return the largest relative difference over all steps."""
    one = array(optimizer)
    path, (x, y) = other(objective(one), one.theta[0].clone()), batch()
    worst = 0.0
    for _ in range(STEPS):
        one.step(x, y)
        theirs = next(path)
        worst = max(worst, float(((one.theta[0] - theirs).abs() / theirs.abs().clamp(min=1e-3)).max()))
    return worst


def main() -> None:
    """Print a line for each."""
    torch.set_num_threads(1)
    for name, rule in TORCH.items():
        found = difference({"name": name, "lr": LR.get(name, 0.1)}, lambda f, w, r=rule: by_torch(r, f, w))
        say(f"| {name} | torch.optim | {found:.1e} |")
    for name, (choice, written) in WRITTEN.items():
        found = difference({**choice, "lr": LR.get(name, 0.1)}, written)
        say(f"| {name} | written out | {found:.1e} |")
    say(f"| lbfgs, softmax regression, lowest objective | torch.optim | {lowest():.1e} |")


def lowest() -> float:
    """Return how far apart the objectives are that both L-BFGS end at; their searches differ, so paths do."""
    one = array({"name": "lbfgs"}, hidden=())
    at, f = one.theta[0].clone().requires_grad_(), objective(one)
    rule = torch.optim.LBFGS(
        [at], max_iter=SEARCHES, tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        rule.zero_grad()
        value = f(at)
        torch.autograd.backward(value)
        return float(value.detach())

    rule.step(closure)
    for _ in range(SEARCHES):
        one.step(*batch())
    ours, theirs = float(f(one.theta[0])), float(f(at.detach()))
    return abs(ours - theirs) / theirs


if __name__ == "__main__":
    main()
