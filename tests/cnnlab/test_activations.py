"""Conformance of every activation, and the exact values of each."""

import math

import packing
import pytest
import torch
from torch.nn.functional import max_pool2d

from cnnlab import registry
from cnnlab.config import resolve
from cnnlab.errors import UnknownName
from cnnlab.hyper import declared

NAMES = registry.names("activations")
MONOTONE = [name for name in NAMES if registry.get("activations", name).monotone]


def build(name, **given):
    """Return f with hyperparameters, as a function of x (N, K)."""
    entry = registry.get("activations", name)
    values = {n: given.get(n, h.default) for n, h in declared(entry).items()}
    return lambda x: entry().value(x, {n: torch.full((1,), v, dtype=x.dtype) for n, v in values.items()})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_large_inputs_give_numbers(name, dtype):
    x = torch.tensor([[-1000.0, -50, -0.0, 0, 50, 1000]], dtype=dtype).T.requires_grad_()
    y = build(name)(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert y.isfinite().all()
    assert slope.isfinite().all()
    assert y.dtype == dtype
    assert y[2] == y[3]


@pytest.mark.parametrize("name", NAMES)
def test_the_derivative_is_that_of_the_value(name):
    x = torch.tensor([[-2.0, -0.7, -0.1, 0.2, 0.9, 3.0]], dtype=torch.float64).T.requires_grad_()
    assert torch.autograd.gradcheck(build(name), x)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_monotone_where_pooling_may_stand_before_it(name):
    entry = registry.get("activations", name)
    ends = [{}, *({n: end} for n, h in declared(entry).items() for end in (h.low, h.high))]
    x = torch.linspace(-5, 5, 1001, dtype=torch.float64)[:, None]
    assert all((build(name, **own)(x).diff(dim=0) >= 0).all() for own in ends) == entry.monotone


@pytest.mark.parametrize("name", MONOTONE)
def test_pooling_before_it_is_pooling_after_it(name):
    """Values and gradients; only at a kink, where nothing here is, may another tie get the gradient."""
    x = torch.randn(200, 1, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2
    before, after = x.clone().requires_grad_(), x.clone().requires_grad_()
    f, weights = build(name), torch.arange(4.0, dtype=torch.float64).view(2, 2)
    first = f(max_pool2d(before, 2))
    second = max_pool2d(f(after), 2)
    assert torch.equal(first, second)
    slopes = [torch.autograd.grad((y * weights).sum(), at)[0] for y, at in ((first, before), (second, after))]
    assert torch.equal(*slopes)


@pytest.mark.parametrize("name", NAMES)
def test_packing_does_not_matter(name):
    packing.assert_packing_does_not_matter(
        [packing.config(hypers={"activation": {"name": name, **more}}) for more in spread(name)]
    )


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_do_not_matter(name):
    own, *others = [
        packing.config(precision="float32", hypers={"activation": {"name": name, **more}})
        for more in [*spread(name), {}]
    ]
    packing.assert_neighbours_do_not_matter(own, others)


def spread(name):
    """Return three choices of the hyperparameters, where there are any."""
    hypers = declared(registry.get("activations", name))
    return [{n: h.default * factor for n, h in hypers.items()} for factor in (1.0, 0.5, 2.0)]


def slope(function, at):
    x = torch.tensor([[at]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(function(x).sum(), x)
    return float(gradient)


def test_relu():
    relu = build("relu")
    assert relu(torch.tensor([[-2.0], [0.0], [3.0]])).flatten().tolist() == [0, 0, 3]
    assert [slope(relu, at) for at in (-1.0, -0.0, 0.0, 2.0)] == [0, 1, 1, 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_relu_s_slope_is_0_below_0_only(dtype):
    tiny = torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    x = torch.tensor([-math.inf, -1.0, -tiny, -0.0, 0.0, tiny, math.inf], dtype=dtype)[:, None]
    x.requires_grad_()
    (found,) = torch.autograd.grad(build("relu")(x).sum(), x)
    assert found.flatten().tolist() == [0, 0, 0, 1, 1, 1, 1]


def test_a_relu_passes_on_what_is_no_number():
    x = torch.tensor([[math.nan, 1.0]], requires_grad=True)
    y = build("relu")(x)
    (found,) = torch.autograd.grad((y * torch.tensor([[1.0, math.nan]])).sum(), x)
    assert y[0].isnan().tolist() == [True, False]
    assert found[0].isnan().tolist() == [False, True]


def test_a_relu_s_gradient_has_the_layout_of_its_maps():
    """Channels innermost, as convolutions leave them, while the slope has them outermost."""
    x = torch.randn(2, 5, 6, 3, 4).permute(0, 3, 4, 1, 2).requires_grad_()
    slope = torch.randn(2, 3, 4, 5, 6)
    before = []
    z = x * 1
    z.register_hook(before.append)
    (found,) = torch.autograd.grad(build("relu")(z), x, slope)
    assert before[0].stride() == x.stride() != slope.stride()
    assert torch.equal(found, slope * (x >= 0))


def test_a_relu_can_be_differentiated_twice():
    x = torch.tensor([[-2.0, -0.7, 0.2, 0.9, 3.0]], dtype=torch.float64).T.requires_grad_()
    relu = build("relu")
    assert torch.autograd.gradgradcheck(lambda x: relu(x) ** 3, x)
    spread = torch.randn(2, 2, 3, 2, dtype=torch.float64).transpose(1, 2).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: relu(x).sum((0, 1)) ** 2, spread)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0, 8.0])
def test_sigmoid(beta):
    sigmoid = build("sigmoid", beta=beta)
    value = float(sigmoid(torch.tensor([[0.3]], dtype=torch.float64)))
    assert value == pytest.approx(1 / (1 + math.exp(-beta * 0.3)), rel=1e-15)
    assert slope(sigmoid, 0.0) == pytest.approx(beta / 4)
    assert slope(sigmoid, 0.3) == pytest.approx(beta * value * (1 - value))


@pytest.mark.parametrize("b", [0.5, 1.0, 2.0, 3.0])
def test_tangent_sigmoid(b):
    tangent = build("tangent-sigmoid", b=b)
    value = float(tangent(torch.tensor([[0.3]], dtype=torch.float64)))
    power = math.exp(-b * 0.3)
    assert value == pytest.approx((1 - power) / (1 + power), rel=1e-14)
    assert slope(tangent, 0.3) == pytest.approx(b / 2 * (1 - value**2))


def values(name, *at, dtype=torch.float64, **given):
    return build(name, **given)(torch.tensor(at, dtype=dtype)[:, None]).flatten().tolist()


def test_step():
    assert values("step", -1e-300, -0.0, 0.0, 1e-300, -7.0) == [-1, 1, 1, 1, -1]
    assert [slope(build("step"), at) for at in (-1.0, -0.0, 0.0, 2.0)] == [0, 0, 0, 0]


def test_a_step_lets_gradients_through_where_it_is_meant_to():
    through = build("step", straight_through=0.5)
    assert [slope(through, at) for at in (-1.5, -1.0, 0.3, 1.5)] == [0, 0.5, 0.5, 0]
    assert values("step", -2.0, -0.3, 0.3, straight_through=0.5) == [-1, -1, 1]


@pytest.mark.parametrize("at", [-700.0, -40.0, 0.0, 3.0, 40.0, 700.0])
def test_slopes_of_sigmoids_keep_their_digits_far_out(at):
    """Where torch's, made of the value, are 0: at 40 the sigmoid is 1 in float64, and its slope e^−40."""
    t = math.exp(-abs(at))
    assert slope(build("sigmoid", beta=1.0), at) == pytest.approx(t / (1 + t) ** 2, rel=1e-13)
    assert slope(build("tangent-sigmoid", b=1.0), at) == pytest.approx(2 * t / (1 + t) ** 2, rel=1e-13)
    assert slope(build("squash"), 0.75 * at) == pytest.approx(1.7159 * 8 / 3 * t / (1 + t) ** 2, rel=1e-12)


@pytest.mark.parametrize("name", ["sigmoid", "tangent-sigmoid", "squash"])
def test_sigmoids_have_second_derivatives(name):
    x = torch.tensor([[-2.0, -0.7, 0.2, 0.9, 3.0]], dtype=torch.float64).T.requires_grad_()
    assert torch.autograd.gradgradcheck(build(name), x)


def test_linear():
    assert values("linear", -3.5, -0.0, 1e300) == [-3.5, -0.0, 1e300]
    assert [slope(build("linear"), at) for at in (-1000.0, 0.0, 2.0)] == [1, 1, 1]


@pytest.mark.parametrize(("name", "low"), [("saturating-linear", 0.0), ("symmetric-saturating-linear", -1.0)])
def test_saturating_linear(name, low):
    assert values(name, low - 0.5, low, 0.25, 1.0, 1.5, -0.0) == [low, low, 0.25, 1, 1, 0]
    places = (low - 1e-9, low, 0.25, 1.0, 1 + 1e-9)
    assert [slope(build(name), at) for at in places] == [0, 1, 1, 1, 0]


@pytest.mark.parametrize("at", [-30.0, -1.0, 0.0, 0.3, 19.9, 20.1, 25.0])
def test_softplus(at):
    """To the last digits also above 20, where torch's own gives x."""
    (value,) = values("softplus", at)
    assert value == pytest.approx(max(at, 0) + math.log1p(math.exp(-abs(at))), rel=1e-15)
    assert slope(build("softplus"), at) == pytest.approx(1 / (1 + math.exp(-at)), rel=1e-15)


def test_softplus_far_out():
    assert values("softplus", -1000.0, 1000.0, dtype=torch.float32) == [0, 1000]
    assert [slope(build("softplus"), at) for at in (-1000.0, -0.0, 1000.0)] == [0, 0.5, 1]


RECTIFIERS = [
    ("elu", {"alpha": 0.7}, lambda x: torch.nn.functional.elu(x, 0.7)),
    ("leaky-relu", {"slope": 0.2}, lambda x: torch.nn.functional.leaky_relu(x, 0.2)),
    ("gelu", {}, torch.nn.functional.gelu),
    ("selu", {}, torch.nn.functional.selu),
    ("silu", {}, torch.nn.functional.silu),
]


@pytest.mark.parametrize(("name", "given", "theirs"), RECTIFIERS, ids=[each[0] for each in RECTIFIERS])
def test_rectifiers_equal_torch(name, given, theirs):
    x = torch.tensor([-30.0, -2.0, -1e-9, 1e-9, 0.3, 5.0], dtype=torch.float64)[:, None].requires_grad_()
    ours = build(name, **given)(x)
    torch.testing.assert_close(ours, theirs(x), rtol=1e-15, atol=1e-16)  # torch's elu is e^x − 1
    slopes = [torch.autograd.grad(y.sum(), x)[0] for y in (ours, theirs(x))]
    torch.testing.assert_close(*slopes, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("name", ["elu", "gelu", "selu", "silu"])
def test_smooth_rectifiers_have_second_derivatives(name):
    x = torch.tensor([[-2.0, -0.7, 0.2, 0.9, 3.0]], dtype=torch.float64).T.requires_grad_()
    assert torch.autograd.gradgradcheck(build(name), x)


@pytest.mark.parametrize("at", [-2.0, -0.3, 0.0, 0.7, 3.0])
def test_formulas_of_rectifiers(at):
    below = math.expm1(at)
    assert values("elu", at, alpha=0.7) == pytest.approx([at if at >= 0 else 0.7 * below], rel=1e-14)
    assert values("leaky-relu", at) == [at if at >= 0 else 0.01 * at]
    height, depth = 1.0507009873554805, 1.6732632423543772
    assert values("selu", at) == pytest.approx([height * (at if at > 0 else depth * below)], rel=1e-14)
    share, density = (1 + math.erf(at / 2**0.5)) / 2, math.exp(-at * at / 2) / (2 * math.pi) ** 0.5
    assert values("gelu", at) == pytest.approx([at * share], rel=1e-14)
    assert slope(build("gelu"), at) == pytest.approx(share + at * density, rel=1e-13)
    logistic = 1 / (1 + math.exp(-at))
    assert values("silu", at) == pytest.approx([at * logistic], rel=1e-14)
    assert slope(build("silu"), at) == pytest.approx(logistic * (1 + at * (1 - logistic)), rel=1e-13)


def test_slopes_of_rectifiers_at_0():
    assert slope(build("elu", alpha=0.7), 0.0) == slope(build("leaky-relu"), 0.0) == 1
    assert slope(build("gelu"), 0.0) == slope(build("silu"), 0.0) == 0.5


@pytest.mark.parametrize("model", ["cnn", "lenet5", "tdnn"])
@pytest.mark.parametrize("name", NAMES)
def test_models_pool_first_only_where_that_is_the_same(model, name):
    data = "waveforms" if model == "tdnn" else "mnist"
    own = resolve({"model": {"name": model, "activation": name}, "data": data})["model"]
    shape = (1, 1, 128) if model == "tdnn" else (1, 28, 28)
    kinds = [
        type(layer).__name__ for layer in registry.get("models", model)().layers(own, shape, 10).values()
    ]
    at = next(i for i, kind in enumerate(kinds) if kind.startswith("MaxPool"))
    assert (kinds[at - 1] != "Activate") == registry.get("activations", name).monotone


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("tanh", "{name: tangent-sigmoid, b: 2}"),
        ("Swish", "silu"),
        ("LeakyReLU", "'leaky-relu'"),
        ("identity", "linear"),
        ("Hardtanh", "symmetric-saturating-linear"),
        ("logistic", "sigmoid"),
    ],
)
def test_names_of_other_libraries_lead_to_ours(theirs, ours):
    with pytest.raises(UnknownName) as caught:
        resolve({"model": {"name": "mlp", "activation": theirs}, "data": "mnist"})
    hint = str(caught.value).partition("Known:")[0]
    assert ours in hint


def test_what_the_hints_name_is_the_same_function():
    x = torch.linspace(-3, 3, 61, dtype=torch.float64)[:, None]
    torch.testing.assert_close(build("tangent-sigmoid", b=2)(x), x.tanh(), rtol=1e-15, atol=0)
    assert torch.equal(build("symmetric-saturating-linear")(x), torch.nn.functional.hardtanh(x))


def test_squash():
    assert values("squash", 0.3)[0] == pytest.approx(1.7159 * math.tanh(0.2), rel=1e-15)
    assert values("squash", -1.0, 1.0) == pytest.approx([-1, 1], abs=1e-5)
    assert values("squash", -1000.0, 1000.0) == [-1.7159, 1.7159]
    assert slope(build("squash"), 0.0) == pytest.approx(1.7159 * 2 / 3)
    f = values("squash", 0.7)[0]
    assert slope(build("squash"), 0.7) == pytest.approx(2 / 3 * (1.7159 - f * f / 1.7159))


def test_slopes_are_a_row_s_own():
    """Two slopes in one array: each row has the function of its own hyperparameter."""
    entry = registry.get("activations", "sigmoid")()
    y = entry.value(torch.ones(1, 2, dtype=torch.float64), {"beta": torch.tensor([1.0, 2.0])})
    assert y[0].tolist() == pytest.approx([1 / (1 + math.exp(-1)), 1 / (1 + math.exp(-2))])
