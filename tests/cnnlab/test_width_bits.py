"""A row's float32 bits in arrays of any width and place: of every layer, and after three steps."""

import packing  # noqa: F401  (one thread)
import pytest
import torch
from layer_examples import EXAMPLES, Hypers

from cnnlab import registry, resolve
from cnnlab.engine import row_by_row
from cnnlab.engine.array import Array
from cnnlab.engine.net import Net
from cnnlab.errors import CnnlabError
from cnnlab.kernels import library
from cnnlab.layer import Context, Mode
from cnnlab.layers.activate import Activate
from cnnlab.layers.average_pool2d import AveragePool2d
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.conv_max import ConvMax
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.global_average_pool import GlobalAveragePool
from cnnlab.layers.linear import Linear
from cnnlab.layers.local_response_norm import LocalResponseNorm
from cnnlab.layers.max_pool2d import MaxPool2d

pytestmark = [
    pytest.mark.compiled,
    pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="torch does not multiply by MKL here"),
]

WIDTH = 8
CHOSEN = ([0], [7], [7, 0], [2, 5, 7], [7, 1, 2, 3, 4, 0])  # first and last places of widths 1, 2, 3 and 6
FEW = ([0], [7], [2, 5, 7])

# What does depend on the width, all of it: docs/decisions/0002 has the same list.
CONVOLVED = "torch convolves all rows as one wide convolution, whose program depends on the number of maps"
NORMALIZED = "torch's normalization adds up all maps of all rows together"
BY_WIDTH = {
    **dict.fromkeys((name for name in EXAMPLES if name.startswith(("conv1d", "conv2d"))), CONVOLVED),
    **dict.fromkeys((name for name in EXAMPLES if name.startswith("connected-conv2d")), CONVOLVED),
    **dict.fromkeys(("conv2d 3→6", "conv2d 6→16"), CONVOLVED),
    **dict.fromkeys((name for name in EXAMPLES if name.startswith("batch-norm")), NORMALIZED),
    **dict.fromkeys(("norm of 3", "norm of 6 maps", "norm of 13 maps and relu"), NORMALIZED),
    "auxiliary of layers": CONVOLVED,
    "residual of layers": CONVOLVED,
    "residual with a shortcut": CONVOLVED,
    "branches of layers": CONVOLVED,
}
WITHOUT_KERNELS = {
    **dict.fromkeys(("conv-max", "conv-max 3→6", "conv-max 1→6 and relu"), CONVOLVED),
    "norm of 8 maps": NORMALIZED,
}

SIZES = ((7, 5), (13, 13), (30, 17), (64, 10), (1, 7), (7, 1))
RELU = Activate("relu", "act")
CASES = EXAMPLES | {
    **{f"linear {i}→{o}": (Linear(i, o), (i,)) for i, o in SIZES},
    **{
        f"{name} of {'×'.join(map(str, shape))}": (Activate(name, "act"), shape)
        for name in registry.names("activations")
        for shape in ((7,), (3, 6, 5))
    },
    "conv2d 3→6": (Conv2d(3, 6, 3), (3, 6, 6)),
    "conv2d 6→16": (Conv2d(6, 16, 5), (6, 14, 14)),
    "conv-max 3→6": (ConvMax(Conv2d(3, 6, 3), MaxPool2d(2)), (3, 6, 6)),
    "conv-max 1→6 and relu": (ConvMax(Conv2d(1, 6, 5), MaxPool2d(2), RELU), (1, 12, 12)),
    "norm of 3": (BatchNorm(3), (3,)),
    "norm of 6 maps": (BatchNorm(6), (6, 5, 3)),
    "norm of 8 maps": (BatchNorm(8), (8, 5, 3)),
    "norm of 13 maps and relu": (BatchNorm(13).with_relu(), (13, 5, 3)),
    "global-average-pool of 6": (GlobalAveragePool(), (6, 5, 3)),
    "average-pool2d of 3": (AveragePool2d(2), (3, 5, 3)),
    "local-response-norm of 7": (LocalResponseNorm(), (7, 5, 3)),
    "dropout of 13": (Dropout("rate"), (13,)),
}


def laid(t, kind):
    """Return t (N, K, …) as layers leave it in memory: plain, channels innermost, or row after row."""
    if kind == "rows":
        return t.transpose(0, 1).contiguous().transpose(0, 1)
    if kind == "inner" and t.dim() > 3:
        order = (0, *range(3, t.dim()), 1, 2)
        return t.permute(order).contiguous().permute(0, t.dim() - 2, t.dim() - 1, *range(1, t.dim() - 2))
    return t.contiguous()


def passed(layer, numbers, rows, source, slope_kind):
    """Return output, gradients and buffers of some of the rows, each (K, …)."""
    x, p, b, slope = numbers
    if source == "shared":
        x = x[:, :1].contiguous().expand(-1, len(rows), *x.shape[2:])
    else:
        x = laid(x[:, rows], source).requires_grad_()
    # Views of one matrix, as in a net.
    sizes = [part[0].numel() for part in p]
    theta = torch.cat([part[rows].flatten(1) for part in p], 1).requires_grad_() if p else None
    views = theta.split(sizes, 1) if p else ()
    leaves = [view.view(len(rows), *part.shape[1:]) for view, part in zip(views, p, strict=True)]
    kept, index = [part[rows] for part in b], torch.tensor(rows)
    context = Context(
        Hypers(index, x.dtype), frozenset(), index.int(), torch.full_like(index, 3).int(), Mode.TRAIN
    )
    y = layer.forward(x, leaves, kept, context)
    found = [y.detach().transpose(0, 1), *kept]
    inputs = [part for part in (x, theta) if part is not None and part.requires_grad]
    if inputs and y.requires_grad:
        slopes = torch.autograd.grad(y, inputs, laid(slope[:, rows], slope_kind), materialize_grads=True)
        found += [own.transpose(0, 1) if of is x else own for of, own in zip(inputs, slopes, strict=True)]
    return found


def drawn(layer, shape, images):
    """Return x, parameters, buffers and a slope of WIDTH rows."""
    g = torch.Generator().manual_seed(1)
    x = torch.randn(images, WIDTH, *shape, generator=g)
    p = [torch.randn(WIDTH, *own.shape, generator=g) for own in layer.parameters]
    b = [torch.rand(WIDTH, *own.shape, generator=g) + 1 for own in layer.buffers]
    return x, p, b, torch.randn(images, WIDTH, *layer.output(shape), generator=g)


def differs(name, counts, layouts, chosen):
    """Return where a row of a narrower array has other bits: (images, layouts, rows)."""
    layer, shape = CASES[name]
    found = []
    for images in counts:
        numbers = drawn(layer, shape, images)
        for source, slope in layouts:
            try:
                whole = passed(layer, numbers, list(range(WIDTH)), source, slope)
            except CnnlabError:  # a batch of one image has no variance
                break
            for rows in chosen:
                own = passed(layer, numbers, rows, source, slope)
                if not all(torch.equal(a[rows], b) for a, b in zip(whole, own, strict=True)):
                    found.append((images, source, slope, rows))
    return found


def listed():
    """Return what differs on this machine, with the reasons."""
    return BY_WIDTH if library.load().library else BY_WIDTH | WITHOUT_KERNELS


@pytest.mark.parametrize("name", [name for name in CASES if name not in BY_WIDTH])
def test_a_row_of_a_layer(name):
    if name in listed():
        pytest.skip(listed()[name])
    layouts = (("inner", "plain"), ("plain", "inner"), ("rows", "rows"), ("shared", "inner"))
    assert differs(name, (1, 33), layouts, FEW) == []


@pytest.mark.long
def test_the_list_of_layers_is_complete_and_true():
    """In every layout, also of batches that fill vectors."""
    kinds = ("plain", "inner", "rows")
    layouts = [(source, slope) for source in (*kinds, "shared") for slope in kinds]
    found = {name for name in CASES if differs(name, (1, 2, 33, 64), layouts, CHOSEN)}
    assert found == set(listed())


WHOLE = ("adagrad-full", "lbfgs", "newton")  # these need all images in a batch
RULES = [{"optimizer": name} for name in registry.names("optimizers") if name not in WHOLE]
LOSSES = [{"loss": name} for name in registry.names("losses")]
PENALTIES = [{name: 1e-2} for name in registry.names("regularizers")]
BOUNDS = [{"clip_norm": 0.1}, {"clip_value": 0.01}, {"ema": 0.9}]
ROWS = {
    "some optimizers": RULES[:WIDTH],
    "other optimizers": RULES[WIDTH : 2 * WIDTH],
    "losses": [*LOSSES, {"loss": {"name": "softmax", "smoothing": 0.1}}],
    "penalties and bounds": [*PENALTIES, *BOUNDS],
}
MLP = {"name": "mlp", "hidden": [17, 13, 13, 7, 5]}  # of 30 numbers
NET_BY_WIDTH = {
    "lenet5 of gelu": CONVOLVED,  # it is not monotone: pooling stays behind it, away from the convolution
    "lenet5 of silu": CONVOLVED,
    "lenet5 of norm": NORMALIZED,
}
NETS = {
    "mlp of dropout": MLP | {"dropout": 0.3, "input_dropout": 0.2},
    **{f"mlp of {name}": MLP | {"activation": name} for name in registry.names("activations")},
    **{f"lenet5 of {name}": {"name": "lenet5", "activation": name} for name in registry.names("activations")},
    "lenet5 of norm": {"name": "lenet5", "norm": "batch"},
}


def trained(model, trains, chosen, images, spoilt=()):
    """Return weights, buffers and losses of some of WIDTH rows after three steps, each (K, …)."""
    shape = (1, 6, 5) if model["name"] == "mlp" else (1, 28, 28)
    made = [{"model": model, "data": "mnist", "train": {"batch_size": images, **train}} for train in trains]
    configs = [resolve(made[row % len(made)]) for row in chosen]
    layers = registry.get("models", model["name"])().layers(configs[0]["model"], shape, 10)
    array = Array(Net(layers, shape), configs, [10 + row for row in chosen])
    array.theta[[chosen.index(row) for row in spoilt]] = float("nan")
    losses = []
    for step in range(3):
        g = torch.Generator().manual_seed(step)
        x, y = torch.randn(images, 1, *shape, generator=g), torch.randint(10, (images, 1), generator=g)
        losses.append(array.step(x.expand(-1, len(chosen), *shape), y.expand(-1, len(chosen))).loss)
    slots = array.slots.transpose(0, 1).flatten(1)
    return array.theta, array.evaluated, array.buffers, torch.stack(losses, 1), slots


def unlike(model, trains, images, chosen):
    """Return the choices of rows in which one has other bits than among WIDTH."""
    whole = trained(model, trains, list(range(WIDTH)), images)
    found = []
    for rows in chosen:
        own = trained(model, trains, rows, images)
        # The slots are as many as the row needs that needs most.
        pairs = [(a[rows], b) for a, b in zip(whole, own, strict=True)][:-1]
        if not all(torch.equal(a.nan_to_num(9e9), b.nan_to_num(9e9)) for a, b in pairs):
            found.append(rows)
    return found


@pytest.mark.parametrize("images", [1, 33])
@pytest.mark.parametrize("kind", ROWS)
def test_a_row_of_an_array_after_three_steps(kind, images):
    assert unlike(MLP, ROWS[kind], images, CHOSEN) == []


@pytest.mark.parametrize("place", [0, 7])
def test_beside_rows_of_nan(place):
    alone = trained(MLP, RULES[:1], [place], 33)
    beside = trained(MLP, RULES[:1], list(range(WIDTH)), 33, [row for row in range(WIDTH) if row != place])
    assert all(torch.equal(a[0], b[place]) for a, b in zip(alone, beside, strict=True))
    assert beside[0].isnan().any(1).sum() == WIDTH - 1


@pytest.mark.parametrize("name", [name for name in NETS if name not in NET_BY_WIDTH])
def test_a_row_of_a_net(name):
    if library.load().library is None and name.startswith("lenet5"):
        pytest.skip(CONVOLVED)
    assert unlike(NETS[name], [{}], 33, FEW[1:]) == []


@pytest.mark.long
def test_the_list_of_nets_is_complete_and_true():
    # Without kernels all convolve by torch. A step hides last bits, and nothing before it has a gradient.
    lenet5 = {name for name in NETS if name.startswith("lenet5")} - {"lenet5 of step"}
    found = {name for name in NETS if any(unlike(NETS[name], [{}], images, FEW) for images in (16, 33))}
    assert found == (set(NET_BY_WIDTH) if library.load().library else lenet5)


@pytest.mark.parametrize("name", NET_BY_WIDTH)
def test_a_row_that_passes_alone(name, monkeypatch):
    monkeypatch.setattr(row_by_row, "pays", lambda *_: True)
    assert unlike(NETS[name], [{}], 33, FEW[1:]) == []
