"""Methods that ask for the objective more than once, or for more than its gradient."""

import math

import packing
import pytest
import torch
from test_optimizers import look, move, numbers, run

from cnnlab import registry
from cnnlab.engine import array
from cnnlab.layer import Mode
from cnnlab.optimizers import lbfgs

D = torch.float64


def rosenbrock(w):
    """Σ 100(w_{i+1} − w_i²)² + (1 − w_i)²: a curved valley whose floor is at 1."""
    return (100 * (w[:, 1:] - w[:, :-1] ** 2) ** 2 + (1 - w[:, :-1]) ** 2).sum(1)


def regression(x, y, strength=0.1):
    """Softmax regression of three classes with an L2 penalty; a row of w is a 3 × 4 matrix."""

    def objective(w):
        scores = x @ w.view(-1, 3, 4).mT
        each = torch.nn.functional.cross_entropy(scores.flatten(0, 1), y.repeat(len(w)), reduction="none")
        return each.view(len(w), -1).mean(1) + strength / 2 * w.square().sum(1)

    return objective


def problem():
    g = torch.Generator().manual_seed(4)
    x = torch.randn(40, 4, generator=g, dtype=D) * torch.tensor([1.0, 10.0, 0.1, 3.0], dtype=D)
    return regression(x, torch.randint(3, (40,), generator=g)), torch.randn(2, 12, generator=g, dtype=D)


def test_lbfgs_finds_the_floor_of_a_curved_valley_from_several_places():
    start = torch.tensor([[-1.2, 1.0], [2.0, 2.0], [0.0, -3.0]], dtype=D)
    path = run("lbfgs", {n: v.expand(3, 1) for n, v in numbers("lbfgs").items()}, rosenbrock, start, 40)
    torch.testing.assert_close(path[-1], torch.ones_like(start), rtol=0, atol=1e-8)


def test_lbfgs_ends_where_torchs_does():
    objective, start = problem()
    ours = run("lbfgs", {n: v.expand(2, 1) for n, v in numbers("lbfgs").items()}, objective, start, 100)[-1]
    for k in range(2):
        w = start[k : k + 1].clone().requires_grad_()
        rule = torch.optim.LBFGS(
            [w], max_iter=300, tolerance_grad=1e-13, tolerance_change=0, line_search_fn="strong_wolfe"
        )

        def closure(w=w, rule=rule):
            rule.zero_grad()
            value = objective(w).sum()
            value.backward()
            return value

        rule.step(closure)
        theirs = look(objective, w)
        torch.testing.assert_close(look(objective, ours[k : k + 1]).value, theirs.value, rtol=0, atol=1e-10)
        torch.testing.assert_close(ours[k : k + 1], w.detach(), rtol=0, atol=1e-5)
    assert look(objective, ours).gradient.abs().max() < 1e-7


def test_its_first_step_goes_along_the_gradient_and_every_one_meets_both_conditions():
    objective, start = problem()
    entry, w = registry.get("optimizers", "lbfgs")(), start.clone()
    c = {n: v.expand(2, 1) for n, v in numbers("lbfgs").items()}
    slots = [torch.zeros_like(w) for _ in range(20)]
    for t in range(12):
        before, old = look(objective, w), w.clone()
        move(entry, w, slots, c, objective)
        after, step = look(objective, w), w - old
        if t == 0:
            cosine = torch.nn.functional.cosine_similarity(step, -before.gradient)
            torch.testing.assert_close(cosine, torch.ones(2, dtype=D))
        slope, new_slope = (step * before.gradient).sum(1), (step * after.gradient).sum(1)
        assert (after.value <= before.value + 1e-4 * slope).all()
        assert (new_slope.abs() <= 0.9 * slope.abs()).all()


def test_two_loops_are_the_matrix_formula():
    """H built by its definition, oldest pair first; a pair with sᵀy ≤ 0 counts as not there."""
    g = torch.Generator().manual_seed(1)
    s, y = (torch.randn(4, 5, generator=g, dtype=D) for _ in range(2))  # newest first
    y = torch.where((s * y).sum(1, keepdim=True) > 0, y, -y)
    y[2] = -y[2]
    gradient = torch.randn(5, generator=g, dtype=D)
    h = (s[0] @ y[0] / (y[0] @ y[0])) * torch.eye(5, dtype=D)
    for i in (3, 1, 0):
        rho = 1 / (s[i] @ y[i])
        left = torch.eye(5, dtype=D) - rho * torch.outer(s[i], y[i])
        h = left @ h @ left.T + rho * torch.outer(s[i], s[i])
    pairs = [(s[i][None], y[i][None]) for i in range(4)]
    products = [(a * b).sum(1, keepdim=True) for a, b in pairs]
    found = lbfgs._times_inverse_hessian(gradient[None], pairs, products)
    torch.testing.assert_close(found[0], h @ gradient, rtol=1e-12, atol=1e-13)


def test_a_trial_with_fewer_pairs_is_what_it_is_alone():
    objective, start = problem()
    h = {n: v.expand(2, 1).clone() for n, v in numbers("lbfgs").items()}
    h["pairs"][1] = 2
    together = run("lbfgs", h, objective, start, 12)
    alone = run("lbfgs", {n: v[1:] for n, v in h.items()}, objective, start[1:], 12)
    torch.testing.assert_close(together[:, 1:], alone, rtol=0, atol=1e-10)


def test_newton_needs_one_step_on_a_quadratic():
    g = torch.Generator().manual_seed(2)
    a = torch.randn(5, 5, generator=g, dtype=D)
    matrix = a @ a.T + torch.eye(5, dtype=D)
    target, start = torch.randn(5, generator=g, dtype=D), torch.randn(1, 5, generator=g, dtype=D)

    def objective(w):
        return ((w - target) @ matrix * (w - target)).sum(1) / 2

    (at,) = run("newton", numbers("newton", damping=0), objective, start, 1)
    torch.testing.assert_close(at[0], target, rtol=0, atol=1e-12)
    (at,) = run("newton", numbers("newton", damping=2.0, lr=0.5, search="none"), objective, start, 1)
    expected = start[0] - 0.5 * torch.linalg.solve(
        matrix + 2 * torch.eye(5, dtype=D), matrix @ (start[0] - target)
    )
    torch.testing.assert_close(at[0], expected, rtol=0, atol=1e-12)


def test_newton_walks_to_a_saddle_and_damping_or_a_search_turns_it_away():
    def saddle(w):
        return w[:, 0] ** 2 - w[:, 1] ** 2 / 2

    start = torch.tensor([[0.01, 1.0]], dtype=D)  # where the way to the saddle climbs

    def stepped(**given):
        return run("newton", numbers("newton", **given), saddle, start, 1)[0]

    assert stepped(damping=0, search="none").abs().max() < 1e-15
    assert saddle(stepped(damping=3.0, search="none")) < saddle(start)
    assert saddle(stepped(damping=0)) < saddle(start)


def test_newtons_search_shortens_a_step_that_would_go_too_far():
    """On √(1 + w²) the textbook's step from 2 is to −8, and on from there ever farther."""

    def bowl(w):
        return (1 + w[:, 0] ** 2).sqrt()

    start = torch.tensor([[2.0]], dtype=D)
    (far,) = run("newton", numbers("newton", damping=0, search="none"), bowl, start, 1)
    assert float(far) == pytest.approx(-8)
    path = run("newton", numbers("newton", damping=0), bowl, start, 8)
    assert (path.diff(dim=0).abs().flatten()[:1] > 0).all()
    assert path[-1].abs().max() < 1e-8


def test_a_singular_matrix_is_nan_in_its_own_row_and_a_search_does_without():
    def objective(w):
        return (w * torch.tensor([[1.0, 0.0], [1.0, 2.0], [1.0, 0.0]], dtype=D)[: len(w)]).square().sum(1)

    start = torch.ones(3, 2, dtype=D)
    h = {n: v.expand(3, 1).clone() for n, v in numbers("newton", damping=0, search="none").items()}
    h["search"][2] = 0
    (at,) = run("newton", h, objective, start, 1)
    assert at[0].isnan().all()
    assert at[1].abs().max() < 1e-15
    assert objective(at)[2] < 1


def full(**more):
    return packing.config(batch_size="full", **more)


def test_an_arrays_matrix_is_that_of_its_objective():
    """Loss, L2 and L1, against torch's own Hessian of each row alone; the sigmoid has a curvature."""
    hypers = {"activation": "sigmoid"}
    rows = [full(optimizer=o, l2=0.3, l1=0.1, hypers=hypers) for o in ("newton", "sgd", "newton", "newton")]
    whole = packing.make(rows)
    x, y = packing.batch(whole, 0)
    found = whole._hessian(slice(2, 4), whole.theta, x, y)
    for k in (2, 3):
        alone = packing.make(rows[k : k + 1], [10 + k])

        def objective(w, alone=alone):
            scores = alone.net.forward(w[None], alone.buffers, x[:, :1], alone.context(Mode.TRAIN))
            penalized = w[alone.net.weights()]
            return alone.loss(scores, y[:, :1]).sum() + 0.15 * penalized.square().sum()

        expected = torch.autograd.functional.hessian(objective, alone.theta[0])
        torch.testing.assert_close(found[k - 2], expected, rtol=0, atol=1e-11)


def test_all_images_in_parts_are_all_images_at_once(monkeypatch):
    """Value, gradient and matrix; with dropout too, because a mask belongs to a place in the batch."""
    rows = [full(optimizer="sgd", l2=0.3, hypers={"dropout": 0.5, "activation": "sigmoid"})] * 3
    once, parts = packing.make(rows), packing.make(rows)
    x, y = packing.batch(once, 0)
    matrix = once._hessian(slice(0, 3), once.theta, x, y)
    result = once.step(x, y)
    monkeypatch.setattr(array, "MAX_KEPT_ACTIVATIONS", 3 * 4 * parts.net.work.activations)
    assert [cut.stop - cut.start for cut in parts._cuts(packing.IMAGES)] == [4, 2]
    torch.testing.assert_close(parts._hessian(slice(0, 3), parts.theta, x, y), matrix, rtol=0, atol=1e-12)
    partwise = parts.step(x, y)
    torch.testing.assert_close(parts.theta, once.theta, rtol=0, atol=1e-13)
    torch.testing.assert_close(partwise.loss, result.loss, rtol=0, atol=1e-13)
    assert torch.equal(partwise.measured, result.measured)


def test_mini_batches_and_normalized_nets_are_never_cut(monkeypatch):
    monkeypatch.setattr(array, "MAX_KEPT_ACTIVATIONS", 1)
    assert packing.make([packing.config(optimizer="sgd")])._cuts(100) == [slice(0, 100)]
    assert packing.make([full(hypers={"norm": "batch"})])._cuts(100) == [slice(0, 100)]


def evaluations(rows, steps, monkeypatch, forget=False):
    """Train on one batch, and count passes over it."""
    made, count = packing.make(rows), [0]
    honest = array.Array._pass

    def counting(self, *args):
        count[0] += 1
        return honest(self, *args)

    monkeypatch.setattr(array.Array, "_pass", counting)
    for _ in range(steps):
        made._last_objective = None if forget else made._last_objective
        packing.train(made, 1, same=True)
    monkeypatch.setattr(array.Array, "_pass", honest)
    return count[0], made.theta


def test_a_point_is_evaluated_once_and_evaluating_it_again_changes_no_bit(monkeypatch):
    """A step begins where the last one ended; a resumed array has to evaluate that point again."""
    rows = [full(optimizer="lbfgs", precision="float32")] * 3
    few, straight = evaluations(rows, 10, monkeypatch)
    forgetting, theta = evaluations(rows, 10, monkeypatch, forget=True)
    assert forgetting == few + 9
    assert torch.equal(straight, theta)
    beside = [*rows[:2], full(optimizer="sgd", precision="float32")]
    many, mixed = evaluations(beside, 10, monkeypatch)
    assert many >= 20  # whoever steps once moves on, so nothing can be kept
    assert torch.equal(mixed[:2], straight[:2])


def test_full_matrix_adagrad_is_its_formula():
    """Against the inverse root by singular values, on a coupled quadratic."""
    g = torch.Generator().manual_seed(3)
    a = torch.randn(4, 4, generator=g, dtype=D)
    matrix, w = a @ a.T, torch.randn(1, 4, generator=g, dtype=D)
    path = run("adagrad-full", numbers("adagrad-full", lr=0.1), lambda w: (w @ matrix * w).sum(1) / 2, w, 12)
    total, w = torch.zeros(4, 4, dtype=D), w[0]
    for at in path:
        gradient = matrix @ w
        total = total + torch.outer(gradient, gradient)
        u, s, v = torch.linalg.svd(total)
        w = w - 0.1 * v.T @ ((u.T @ gradient) / (s.sqrt() + 1e-4))
        torch.testing.assert_close(at[0], w, rtol=0, atol=1e-9)


def test_where_gradients_never_mix_the_full_matrix_is_the_diagonal():
    """One coordinate at a time has a gradient, so all products of two are 0."""
    w = torch.tensor([[1.0, -2.0, 0.5]], dtype=D)
    paths = {}
    for name in ("adagrad", "adagrad-full"):
        entry, at, paths[name] = registry.get("optimizers", name)(), w.clone(), []
        slots = [torch.zeros_like(w) for _ in range(entry.slot_count({}, 3))]
        for t in range(9):
            move(entry, at, slots, numbers(name, lr=0.1, eps=1e-4), lambda w, i=t % 3: w[:, i] ** 2)
            paths[name].append(at.clone())
    torch.testing.assert_close(
        torch.stack(paths["adagrad-full"]), torch.stack(paths["adagrad"]), rtol=0, atol=1e-9
    )


def test_a_parameter_that_never_had_a_gradient_stays():
    w = torch.tensor([[1.0, 7.0]], dtype=D)
    path = run("adagrad-full", numbers("adagrad-full"), lambda w: w[:, 0] ** 2, w, 5)
    assert (path[:, 0, 1] == 7).all()
    assert path[-1, 0, 0] < 1


def test_lbfgs_needs_few_steps_where_gradient_descent_needs_many():
    """On a narrow valley: condition 1000, full steps of the best length for descent."""
    scale = torch.tensor([[1.0, 1000.0]], dtype=D)
    start = torch.tensor([[1.0, 1.0]], dtype=D)

    def narrow(w):
        return (scale * w * w).sum(1) / 2

    fast = run("lbfgs", numbers("lbfgs"), narrow, start, 10)[-1]
    slow = run("sgd", numbers("sgd", lr=2 / 1001), narrow, start, 10)[-1]
    assert float(narrow(fast)) < 1e-4 * float(narrow(slow))
    assert math.isfinite(float(narrow(fast)))


def test_an_objective_that_fades_to_nothing_keeps_numbers():
    """In float32 products of steps and slopes underflow before the minimum, 0, is reached."""
    w = torch.tensor([[1.0, -0.5]])
    h = {n: v.float() for n, v in numbers("lbfgs").items()}
    path = run("lbfgs", h, lambda w: w.square().square().sum(1), w, 100)
    assert path.isfinite().all()
    assert path[-1].abs().max() < 1e-3


def test_a_row_that_finds_nothing_lower_forgets_its_pairs():
    """At the floor, to the last bit, the gradient is 0 and no direction descends."""
    w = torch.tensor([[1.0, -2.0], [1.0, 3.0]], dtype=D)
    entry, slots = registry.get("optimizers", "lbfgs")(), [torch.zeros(2, 2, dtype=D) for _ in range(20)]
    c = {n: v.expand(2, 1) for n, v in numbers("lbfgs").items()}

    def bowl(w):
        return (w * w * torch.tensor([1.0, 3.0], dtype=D)).sum(1)

    for _ in range(4):
        move(entry, w, slots, c, bowl)
    assert all(slots[0].abs().sum(1) > 0)
    w[0] = 0
    move(entry, w, slots, c, bowl)
    assert all(not slot[0].any() for slot in slots)
    assert slots[0][1].any()


def test_penalties_are_in_the_objective_of_a_search():
    """Its value is loss and penalties, and its gradient the slope of that value."""
    rows = [full(optimizer="lbfgs", l2=0.3, l1={"strength": 0.1, "scope": "all"}), full(optimizer="lbfgs")]
    made = packing.make(rows)
    x, y = packing.batch(made, 0)
    at = made._evaluate_objective([made.theta], x, y)
    weights = made.theta[0, made.net.weights()]
    penalty = 0.15 * weights.square().sum() + 0.1 * made.theta[0].abs().sum()
    torch.testing.assert_close(at.value[0], at.result.loss[0] + penalty, rtol=1e-14, atol=0)
    assert at.value[1] == at.result.loss[1]
    step = 1e-6 * torch.randn(made.theta.shape, generator=torch.Generator().manual_seed(1), dtype=D)
    ahead, behind = (made._evaluate_objective([made.theta + sign * step], x, y).value for sign in (1, -1))
    torch.testing.assert_close((ahead - behind) / 2, (at.gradient * step).sum(1), rtol=1e-6, atol=0)
