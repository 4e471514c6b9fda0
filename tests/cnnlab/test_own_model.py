"""cnnlab/own_model.py: a function that returns a module is a model, and what is wrong with it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from own_nets import CLASSES, SHAPE, batch, config, make, net, plain, row_state, write
from plugin_files import add

from cnnlab import code_digest, registry, resolve, rng
from cnnlab.config import is_row, shape_key
from cnnlab.engine import cost
from cnnlab.engine.array import Array
from cnnlab.engine.step_memory import gpu_bytes_per_row
from cnnlab.errors import ConfigError
from cnnlab.fit import Fit, Row

SMALL = """
@own_model
def net(channels: Int[2, 64] = 4, dropout: Number[0, 1] = 0.0, *, shape, classes):
    \"\"\"A convolution, pooling and a linear layer.\"\"\"
    return nn.Sequential(
        nn.Conv2d(shape[0], channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(dropout), nn.Linear(4 * channels, classes),
    )
"""


@pytest.fixture
def small(plugin_folder):
    write(plugin_folder, SMALL)
    return plugin_folder


def test_hyperparameters_come_from_the_signature(small):
    described = registry.describe()["models"]["tried-net"]
    assert described["summary"] == "A convolution, pooling and a linear layer."
    assert described["plugin"]
    assert described["hypers"]["channels"] == {
        "type": "integer", "default": 4, "low": 2, "high": 64, "log": False, "row": False,
    }  # fmt: skip
    own = config("tried-net", hypers={"channels": 8, "dropout": 0.25})
    assert own["model"] == {"name": "tried-net", "channels": 8, "dropout": 0.25}
    assert is_row(own, "model.dropout")
    assert not is_row(own, "model.channels")
    assert shape_key(own) == shape_key(config("tried-net", hypers={"channels": 8, "dropout": 0.5}))
    assert shape_key(own) != shape_key(config("tried-net"))


@pytest.mark.parametrize(
    ("hypers", "words"),
    [
        ({"channels": 1}, "model.channels: must be an integer from 2 to 64, got 1"),
        ({"channels": "many"}, "model.channels: must be an integer from 2 to 64, got 'many'"),
        ({"dropout": 2}, "model.dropout: must be a number from 0 to 1, got 2"),
        (
            {"chanels": 4},
            "model.chanels: no hyperparameter of tried-net named 'chanels'. Did you mean 'channels'?",
        ),
    ],
)
def test_a_wrong_value_of_a_hyperparameter_is_refused(small, hypers, words):
    with pytest.raises(ConfigError) as caught:
        config("tried-net", hypers=hypers)
    assert str(caught.value).startswith(words)


def test_statistics_are_rows_and_part_of_the_state(small):
    array = make([config("tried-net")] * 2, [1, 2])
    assert [own.name for own in array.net.buffers] == [
        "1.running_mean", "1.running_var", "1.num_batches_tracked",
    ]  # fmt: skip
    array.step(*batch(array, 0))
    assert not torch.equal(array.buffers[0], array.buffers[1])
    assert array.buffers[:, -1].tolist() == [1, 1]
    kept = array.buffers.clone()
    array.predict(batch(array, 1)[0])
    assert torch.equal(kept, array.buffers)


def test_the_module_decides_what_is_a_weight(plugin_folder):
    write(
        plugin_folder,
        """
        class Part(nn.Module):
            def __init__(self, shape, classes):
                super().__init__()
                self.conv, self.norm = nn.Conv2d(shape[0], 4, 3), nn.GroupNorm(2, 4)
                self.up = nn.ConvTranspose2d(4, 2, 3)
                self.slope, self.gain = nn.PReLU(2), nn.Parameter(torch.ones(2, 1, 1))
                self.out = nn.Linear(2, classes)

            def forward(self, x):
                x = self.up(self.norm(self.conv(x)))
                return self.out((self.slope(x) * self.gain).mean((2, 3)))

        @own_model
        def net(*, shape, classes):
            return Part(shape, classes)
        """,
    )
    table = {own.name: own for own in net(config("tried-net")).table}
    assert {name: own.role for name, own in table.items()} == {
        "conv.weight": "weight", "conv.bias": "bias", "norm.weight": "scale", "norm.bias": "shift",
        "up.weight": "weight", "up.bias": "bias", "slope.weight": "scale", "gain": "weight",
        "out.weight": "weight", "out.bias": "bias",
    }  # fmt: skip
    conv, up = table["conv.weight"], table["up.weight"]
    assert (conv.unit_axis, conv.fan_in, up.unit_axis, up.fan_in) == (0, 27, 1, 36)
    l2 = {"strength": 0.5}
    decayed, free = (make([config("tried-net", **own)], [1]) for own in ({"l2": l2}, {}))
    start = row_state(free, 0)
    for array in (decayed, free):
        array.step(*batch(array, 0))
    for (name, one), two in zip(row_state(decayed, 0).items(), row_state(free, 0).values(), strict=True):
        assert torch.equal(one, two) is (table[name].role != "weight"), name
        assert not torch.equal(one, start[name])


def test_first_weights_are_the_module_s_own_under_the_trial_s_seed(small):
    own = config("tried-net")
    one, other = make([own, own], [1, 2]), make([own], [2])
    assert torch.equal(one.theta[1], other.theta[0])
    assert not torch.equal(one.theta[0], one.theta[1])
    before = torch.get_rng_state()
    make([own], [3])
    assert torch.equal(before, torch.get_rng_state())
    entry = registry.get("models", "tried-net")()
    state = entry.module(own["model"], SHAPE, CLASSES, rng.fold(1) % 2**32).state_dict()
    assert all(torch.equal(state[name].double(), value) for name, value in row_state(one, 0).items())
    halved = make([config("tried-net", initial_scale=0.5)], [1])
    assert torch.equal(row_state(halved, 0)["0.weight"], state["0.weight"].double() / 2)


def test_shared_and_fixed_weights_and_constants(plugin_folder):
    write(
        plugin_folder,
        """
        class Tied(nn.Module):
            def __init__(self, shape, classes):
                super().__init__()
                inputs = shape[0] * shape[1] * shape[2]
                self.one, self.two = nn.Linear(8, 8), nn.Linear(8, 8)
                self.two.weight = self.one.weight
                self.down = nn.Linear(inputs, 8).requires_grad_(False)
                self.register_buffer("order", torch.arange(8).flip(0))
                self.register_buffer("noise", torch.randn(8))
                self.out = nn.Linear(8, classes)

            def forward(self, x):
                x = self.down(x.flatten(1))[:, self.order] + self.noise
                return self.out(torch.tanh(self.two(torch.tanh(self.one(x)))))

        @own_model
        def net(*, shape, classes):
            return Tied(shape, classes)
        """,
    )
    own = config("tried-net", optimizer={"name": "sgd", "lr": 0.1})
    array = make([own, own], [1, 2])
    assert not array.one_by_one
    names = [each.name for each in array.net.table]
    assert names == ["one.weight", "one.bias", "two.bias", "out.weight", "out.bias"]
    assert [each.name for each in array.net.buffers] == ["down.weight", "down.bias", "noise"]
    module = plain(own, 2)
    stepper = torch.optim.SGD([each for each in module.parameters() if each.requires_grad], 0.1)
    for step in range(3):
        x, y = batch(array, step)
        array.step(x, y)
        stepper.zero_grad()
        torch.nn.functional.cross_entropy(module(x[:, 1]), y[:, 1]).backward()
        stepper.step()
    state = module.state_dict()
    for name, value in row_state(array, 1).items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=1e-12)


FEW = """
import numpy as np
from cnnlab.own_data import own_data

@own_data
class Few:
    def __len__(self):
        return 80

    def __getitem__(self, i):
        return np.random.default_rng(i).integers(0, 256, (12, 12)).astype(np.uint8), i % 10
"""


def test_a_fit_resumes_and_a_trial_alone_gives_the_same_curve(small):
    add(small, "datasets/few.py", FEW)

    def row(lr, dropout, seed):
        train = {
            "precision": "float64",
            "epochs": 2,
            "batch_size": 20,
            "optimizer": {"name": "sgd", "lr": lr},
        }
        own = config("tried-net", hypers={"dropout": dropout})
        return Row(_with_data(own, train, "few"), seed)

    rows, varied = [row(0.1, 0.5, 1), row(0.05, 0.1, 2)], ["model.dropout"]
    together = Fit(rows, varied=varied)
    reports = [together.run_epoch() for _ in range(2)]
    alone = Fit(rows[1:], varied=varied)
    for both in reports:
        (own,) = alone.run_epoch()
        assert own.metrics == pytest.approx(both[1].metrics, rel=1e-10)
    begun, other = Fit(rows, varied=varied), Fit(rows, varied=varied)
    begun.run_epoch()
    for place in range(2):
        other.load_row(place, {name: each[place] for name, each in begun.state().items()}, 1)
    assert [each.metrics for each in other.run_epoch()] == [each.metrics for each in reports[1]]
    assert torch.equal(other.array.theta, together.array.theta)
    best = together.best()[0][2]
    entry = registry.get("models", "tried-net")()
    module = entry.module(rows[0].config["model"], together.array.net.shape, 10)
    module.load_state_dict(best)


def _with_data(own, train, data="fashion-mnist-mini"):
    return resolve({"model": own["model"], "data": data, "train": train})


def test_the_cost_is_counted(small):
    own = _with_data(config("tried-net"), {"batch_size": 10})
    facts = cost.inspect(own)
    assert facts.parameters == 4 * 9 + 4 + 8 + 16 * 10 + 10
    assert facts.flops == 2 * (28 * 28 * 4 * 9 + 160)
    assert facts.alone == ""
    assert facts.bytes_per_row > 10 * 4 * 3 * 28 * 28 * 4  # three times the maps of each image
    assert cost.point(own, facts) == facts.bytes_per_row


def test_the_identity_of_a_trial_follows_the_code(small):
    before = code_digest.entries.__wrapped__()["tried-net"]
    write(small, SMALL.replace("nn.ReLU()", "nn.Tanh()"))
    assert code_digest.entries.__wrapped__()["tried-net"] != before


def test_a_net_that_vmap_does_not_take_passes_row_by_row_and_says_why(plugin_folder):
    write(
        plugin_folder,
        """
        @own_model
        def net(*, shape, classes):
            return Branch(shape, classes)

        class Branch(nn.Module):
            def __init__(self, shape, classes):
                super().__init__()
                self.out = nn.Linear(shape[0] * shape[1] * shape[2], classes)

            def forward(self, x):
                scores = self.out(x.flatten(1))
                return scores if scores.sum() > 0 else 2 * scores
        """,
    )
    own = config("tried-net", optimizer={"name": "sgd", "lr": 0.1})
    array = make([own, own], [1, 2])
    assert array.net.chain.alone == "forward branches on values of a tensor, as by if or while"
    assert array.one_by_one
    alone = make([own], [2])
    for step in range(3):
        for each in (array, alone):
            each.step(*batch(each, step))
    assert torch.equal(array.theta[1], alone.theta[0])


def test_an_operation_that_vmap_would_do_row_by_row_is_named(plugin_folder):
    write(
        plugin_folder,
        """
        @own_model
        def net(*, shape, classes):
            return Renormed(shape, classes)

        class Renormed(nn.Module):
            def __init__(self, shape, classes):
                super().__init__()
                self.out = nn.Linear(shape[0] * shape[1] * shape[2], classes)

            def forward(self, x):
                return self.out(x.flatten(1)).renorm(2, 0, 1.0)
        """,
    )
    assert net(config("tried-net")).chain.alone == "torch.vmap has no rule for aten::renorm"


@pytest.mark.parametrize("one_by_one", [False, True])
def test_rows_may_have_batches_of_their_own(small, one_by_one):
    own = config("tried-net", optimizer={"name": "sgd", "lr": 0.1})
    array = make([own, own], [1, 2], one_by_one=one_by_one)
    shared, y = batch(array, 0)
    x = torch.stack([shared[:, 0], 2 * shared[:, 1]], 1)
    array.step(x, y)
    for row, seed in enumerate((1, 2)):
        alone = make([own], [seed])
        alone.step(x[:, row : row + 1], y[:, :1])
        torch.testing.assert_close(alone.theta[0], array.theta[row], rtol=0, atol=1e-12)
        expected = alone.predict(x[:, row : row + 1])[:, 0]
        torch.testing.assert_close(array.predict(x)[:, row], expected, rtol=0, atol=1e-12)


def test_what_vmap_gets_wrong_without_a_word_passes_row_by_row(plugin_folder):
    """Statistics in columns of one buffer: vmap moves copies of them."""
    write(
        plugin_folder,
        """
        @own_model
        def net(*, shape, classes):
            return Columns(shape, classes)

        class Columns(nn.Module):
            def __init__(self, shape, classes):
                super().__init__()
                self.out = nn.Linear(shape[0], classes)
                self.register_buffer("stats", torch.ones(shape[0], 2))

            def forward(self, x):
                mean, var = self.stats[:, 0], self.stats[:, 1]
                return self.out(functional.batch_norm(x, mean, var, training=self.training).amax((2, 3)))
        """,
    )
    own = config("tried-net", optimizer={"name": "sgd", "lr": 0.1})
    array = make([own] * 2, [1, 2])
    assert array.net.chain.alone == "two rows side by side give other numbers than one after the other"
    module = plain(own, 2)
    for step in range(2):
        x, y = batch(array, step)
        array.step(x, y)
        module(x[:, 1])
    torch.testing.assert_close(row_state(array, 1)["stats"], module.stats, rtol=0, atol=1e-12)


def test_batches_of_all_images_are_not_cut(small, monkeypatch):
    """A module may mix the images of a batch, so it sees all of them."""
    monkeypatch.setattr("cnnlab.engine.array.MAX_KEPT_ACTIVATIONS", 1)
    write(
        small,
        """
        @own_model
        def net(*, shape, classes):
            return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))
        """,
        "tried_plain",
    )
    array = make([config("tried-plain", batch_size="full", optimizer="lbfgs")], [1])
    assert array._cuts(6) == [slice(0, 6)]
    assert isinstance(array, Array)


def test_a_gpu_s_memory_is_counted_where_the_module_runs_without_numbers(small):
    write(
        small,
        """
        @own_model
        def net(*, shape, classes):
            return Asks(shape, classes)

        class Asks(nn.Module):
            def __init__(self, shape, classes):
                super().__init__()
                self.out = nn.Linear(shape[0] * shape[1] * shape[2], classes)

            def forward(self, x):
                return self.out(x.flatten(1)) * (1 if x.mean().item() > 0 else 2)
        """,
        "asking_net",
    )
    own = _with_data(config("tried-net"), {"batch_size": 8})
    facts = cost.inspect(own)
    counted = gpu_bytes_per_row(own, facts)
    assert 4 * facts.parameters < counted != facts.bytes_per_row
    asks = _with_data(config("asking-net"), {"batch_size": 8})
    facts = cost.inspect(asks)
    assert facts.alone
    assert gpu_bytes_per_row(asks, facts) == facts.bytes_per_row


def test_two_threads_may_build_and_pass_at_once(small):
    """An API serves requests in threads: torch's generator and what a module holds are of one at a time."""
    own = config("tried-net")
    array = make([own] * 2, [1, 2])
    x, _ = batch(array, 0)
    expected, start = array.predict(x), array.theta

    def work(_: int):
        return torch.equal(array.predict(x), expected) and torch.equal(make([own] * 2, [1, 2]).theta, start)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(24)))
