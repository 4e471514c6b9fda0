"""Streams: which images rows see in which order and how changed, as functions of seeds, epoch and image."""

from dataclasses import replace

import pytest
import torch

from cnnlab import registry, resolve, rng
from cnnlab.batching import batch_order
from cnnlab.config import is_row, shape_key
from cnnlab.data import Images, Info
from cnnlab.engine.array import Array
from cnnlab.engine.cost import inspect
from cnnlab.errors import CnnlabError, ConfigError
from cnnlab.fit import Fit, Row

torch.set_num_threads(1)

CHANGED = {"flip": 0.5, "pad-crop": 3}
MINI = registry.get("datasets", "fashion-mnist-mini")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Leave 600 images to train on, 540 without the validation part, and 100 to test on."""
    every, info = MINI().load({}), MINI().info({})
    images = Images(every.train_x[:600], every.train_y[:600], every.test_x[:100], every.test_y[:100])
    monkeypatch.setattr(MINI, "load", lambda self, data: images)
    monkeypatch.setattr(MINI, "info", lambda self, data: replace(info, train=600, test=100))


def config(data=None, **train):
    return resolve(
        {
            "model": {"name": "mlp", "hidden": [6], "dropout": 0.2},
            "data": {"name": "fashion-mnist-mini", **(data or {})},
            "train": {"batch_size": 50, "epochs": 3, **train},
        }
    )


def at(epoch):
    return torch.tensor(epoch, dtype=torch.int32)


def epoch(one, number=1):
    """Return images (N, K, C, H, W), targets (N, K) and the order (N, streams) of an epoch, untrained."""
    order = one._streams.order(number)
    pieces = [one._streams.batch(order[cut], at(number)) for cut in batch_order.cuts(len(order), 50)]
    x, y = (torch.cat(part) for part in zip(*pieces, strict=True))
    return x, y, order


def rows(data, *which, **train):
    return [Row(config(data, **train), seed, replicate) for seed, replicate in which]


def test_points_of_one_replicate_see_the_same_images_in_one_shared_batch():
    one = Fit(rows(CHANGED, (1, 4), (2, 4), (3, 4)))
    order = one._streams.order(1)
    assert order.shape[1] == 1
    x, y = one._streams.batch(order[:9], at(1))
    assert (x.stride(1), y.stride(1)) == (0, 0)


def test_images_are_changed_by_replicate_epoch_and_data_seed():
    """In the order of the data set, so that only the changes differ."""

    def shown(row, number=1):
        x, _, order = epoch(Fit([row]), number)
        return x[order[:, 0].argsort(), 0]

    (own, other) = rows(CHANGED, (1, 0), (2, 1))
    base = shown(own)
    assert torch.equal(shown(own), base)
    assert torch.equal(shown(replace(own, seed=9)), base)  # the trial's seed says nothing here
    plain = shown(rows({}, (1, 0))[0])
    assert 0.5 < (base != plain).flatten(1).any(1).double().mean() <= 1
    for different in (shown(own, 2), shown(other)):
        assert 0.5 < (base != different).flatten(1).any(1).double().mean() < 1
    seeded = Fit([replace(own, data_seed=5)])
    assert seeded._streams._changes[0][2].tolist() != Fit([own])._streams._changes[0][2].tolist()


def test_changes_are_those_of_the_documented_numbers():
    one = Fit(rows(CHANGED, (1, 2), precision="float64"))
    x, _, order = epoch(one, 3)
    part = one.data.train
    raw = part.x[order[:, 0]].permute(0, 3, 1, 2).double()
    step = torch.tensor([3], dtype=torch.int32)
    for name in ("flip", "pad-crop"):
        entry = registry.get("augmentations", name)()
        seed = torch.tensor([rng.fold(0, 2, int.from_bytes(name.encode()))], dtype=torch.int32)
        u = rng.uniform(seed, rng.AUGMENT, step, len(part) * entry.numbers).view(-1, entry.numbers)
        raw = entry.value(raw, u[order[:, 0]], CHANGED[name])
    torch.testing.assert_close(x[:, 0], raw * part.scale - part.shift, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", sorted(CHANGED))
def test_one_augmentations_numbers_do_not_depend_on_another(name):
    """Another entry in the folder moves nobody's numbers."""
    both, alone = (Fit(rows(data, (1, 0)))._streams for data in (CHANGED, {name: CHANGED[name]}))
    seeds = {type(entry): seed.tolist() for entry, _, seed in both._changes}
    ((entry, _, seed),) = alone._changes
    assert seeds[type(entry)] == seed.tolist()
    assert len({tuple(each) for each in seeds.values()}) == 2


def test_training_images_alone_are_changed():
    own, plain = (Fit(rows(data, (1, 0), test="each-epoch")) for data in (CHANGED, {}))
    for part in ("train", "validation", "test"):
        pairs = zip(getattr(own.data, part).chunks(1), getattr(plain.data, part).chunks(1), strict=True)
        assert all(torch.equal(x, clean) for (x, _), (clean, _) in pairs)


def test_what_is_off_is_not_called(monkeypatch):
    for name in CHANGED:
        monkeypatch.setattr(registry.get("augmentations", name), "value", None)
    one = Fit(rows({}, (1, 0), (2, 1)))
    assert one.run_epoch()
    with pytest.raises(TypeError):
        Fit(rows(CHANGED, (1, 0))).run_epoch()


def test_without_new_fields_batches_are_the_data_sets_own():
    one = Fit(rows({}, (1, 0), (2, 0)))
    x, y, order = epoch(one)
    assert torch.equal(order[:, 0], rng.permutation(rng.fold(0, 0), rng.ORDER, 1, 540))
    expected, targets = one.data.train.batch(order[:, 0], 2)
    assert torch.equal(x, expected)
    assert torch.equal(y, targets)


# ---- streams of trials


def test_a_trials_stream_is_its_own():
    x, y, order = epoch(Fit(rows(CHANGED | {"stream": "trial"}, (1, 0), (2, 0), (1, 1))))
    assert order.shape[1] == 3
    assert len({tuple(column.tolist()) for column in order.T}) == 3
    assert not torch.equal(y[:, 0], y[:, 1])
    assert not torch.equal(x[:, 0], x[:, 1])


def test_a_trials_stream_depends_on_its_seed_replicate_and_data_seed_alone():
    data = CHANGED | {"stream": "trial"}
    own = rows(data, (7, 1))[0]
    among, _, _ = epoch(Fit([*rows(data, (3, 0)), own, *rows(data, (4, 0), optimizer="adam")]))
    alone, _, _ = epoch(Fit([own]))
    assert torch.equal(among[:, 1], alone[:, 0])
    order = Fit([own])._streams.order(1)
    for other in (replace(own, seed=8), replace(own, replicate=2), replace(own, data_seed=1)):
        assert not torch.equal(epoch(Fit([other]))[0], alone)
        assert not torch.equal(Fit([other])._streams.order(1), order)


def test_rows_with_streams_of_their_own_are_always_mixed():
    """Else a row left alone by its neighbours would go on with other arithmetic."""
    own = rows({"stream": "trial"}, (1, 0))
    assert Fit(own)._streams.mixed
    assert not Fit(rows({}, (1, 0)))._streams.mixed
    with pytest.raises(CnnlabError, match=r"must have data\.stream replicate, got trial"):
        Fit(own, mixed=False)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(
    "data", [{"stream": "trial"}, {"stream": "trial", "batches": "balanced", "resize": 30, **CHANGED}]
)
def test_a_row_among_others_has_the_bits_that_it_has_among_dead_ones(data, precision):
    """What reproducing a trial does: the same place and width, nobody beside it."""
    all_rows = rows(data, (1, 0), (2, 0), (3, 1), (4, 1), precision=precision)
    among, alone = Fit(all_rows, mixed=True), Fit([None, None, all_rows[2], None], mixed=True)
    for _ in range(2):
        [beside] = [report for report in among.run_epoch() if report.row == 2]
        assert alone.run_epoch() == [beside]
    assert torch.equal(alone.array.theta[2], among.array.theta[2])


# ---- going on, and everything at once

EVERYTHING = {**CHANGED, "label_noise": 0.1, "resize": 20, "batches": "balanced"}


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("stream", ["replicate", "trial"])
@pytest.mark.parametrize("replicates", [(0, 0, 0), (0, 1, 1)])
def test_going_on_from_a_state_repeats_every_bit(stream, replicates, precision):
    which = [(seed, replicate) for seed, replicate in enumerate(replicates)]
    own = rows(EVERYTHING | {"stream": stream}, *which, precision=precision)
    straight = Fit(own)
    straight.run_epoch()
    saved = straight.state()
    rest = [straight.run_epoch() for _ in range(2)]
    resumed = Fit(own)
    for row in range(3):
        resumed.load_row(row, {name: tensor[row] for name, tensor in saved.items()}, epoch=1)
    assert [resumed.run_epoch() for _ in range(2)] == rest
    for name, tensor in straight.state().items():
        assert torch.equal(resumed.state()[name], tensor), name


def test_two_replicates_in_one_array_train_as_they_do_alone():
    own = rows(EVERYTHING, (1, 0), (2, 1), precision="float64")
    together = Fit(own)
    reports = together.run_epoch()
    for k, row in enumerate(own):
        alone = Fit([row])
        (report,) = alone.run_epoch()
        assert reports[k].metrics == pytest.approx(report.metrics, abs=1e-10)
        torch.testing.assert_close(alone.array.theta[0], together.array.theta[k], rtol=0, atol=1e-10)


@pytest.mark.parametrize("stream", ["replicate", "trial"])
def test_balanced_batches_are_a_fits_batches(stream):
    one = Fit(rows({"batches": "balanced", "stream": stream}, (1, 0), (2, 1)))
    taken = []
    honest = one.array.step

    def watching(x, y):
        taken.append(y.clone())
        return honest(x, y)

    one.array.step = watching
    one._steps.traces.on = False
    one.run_epoch()
    assert [len(y) for y in taken] == [50] * 10 + [40]
    for y in taken:
        for row in (0, 1):
            counts = y[:, row].bincount(minlength=10)
            assert (counts - one.data.train.y.bincount() * len(y) / 540).abs().max() < 1
    assert not torch.equal(taken[0][:, 0], taken[0][:, 1])


def test_a_net_is_built_for_the_images_as_it_sees_them():
    facts = inspect(config({"resize": 40}))
    assert facts.input == (1, 40, 40)
    one = Fit(rows({"resize": 40}, (1, 0)))
    assert one.array.net.shape == (1, 40, 40)
    assert facts.parameters == one.array.net.parameters
    assert inspect(config()).input == (1, 28, 28)


# ---- the fields


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        ({"flip": 2}, "data.flip", "must be a number from 0 to 1, got 2"),
        ({"pad-crop": 1.5}, "data.pad-crop", "must be an integer from 0 to 64, got 1.5"),
        ({"pad_crop": 1}, "data.pad_crop", "Did you mean 'pad-crop'?"),
        ({"label_noise": -0.1}, "data.label_noise", "from 0 to 1"),
        ({"resize": 2000}, "data.resize", "from 0 to 1024"),
        ({"batches": "even"}, "data.batches", "must be one of shuffled, balanced, got 'even'"),
        ({"stream": "row"}, "data.stream", "must be one of replicate, trial, got 'row'"),
    ],
)
def test_a_wrong_field_is_refused_at_its_path(data, path, words):
    with pytest.raises(ConfigError) as caught:
        config(data)
    assert caught.value.path == path
    assert words in caught.value.message


@pytest.mark.parametrize(
    "data",
    [
        {"flip": 0.5},
        {"pad-crop": 1},
        {"label_noise": 0.1},
        {"resize": 9},
        {"batches": "balanced"},
        {"stream": "trial"},
    ],
)
def test_a_field_belongs_to_the_shape(data):
    complete, (name, value) = config(data), next(iter(data.items()))
    assert complete["data"][name] == value
    assert resolve(complete) == complete
    assert not is_row(complete, f"data.{name}")
    assert shape_key(complete) != shape_key(config())


@pytest.fixture
def numbers(monkeypatch):
    """Let fashion-mnist-mini be a regression with 40 images."""
    x = torch.arange(40 * 784).remainder(251).to(torch.uint8).view(40, 1, 28, 28)
    images = Images(x, torch.linspace(-1, 2, 40), x[:0], torch.zeros(0))
    info = Info((1, 28, 28), 1, 40, 0, task="regression")
    monkeypatch.setattr(MINI, "load", lambda self, data: images)
    monkeypatch.setattr(MINI, "info", lambda self, data: info)


@pytest.mark.usefixtures("numbers")
def test_numbers_cannot_be_balanced():
    with pytest.raises(ConfigError, match=r"must be shuffled.*are numbers.*got balanced") as caught:
        inspect(config({"batches": "balanced"}))
    assert caught.value.path == "data.batches"


def test_a_single_class_cannot_be_mistaken(monkeypatch):
    monkeypatch.setattr(MINI, "info", lambda self, data: Info((1, 28, 28), 1, 600, 100))
    with pytest.raises(ConfigError, match=r"must be 0 with a single class; got 0\.5") as caught:
        inspect(config({"label_noise": 0.5}))
    assert caught.value.path == "data.label_noise"


@pytest.mark.usefixtures("numbers")
def test_numbers_come_through_to_the_rows(monkeypatch):
    taken = []

    def watch(self, x, y):
        taken.append(y.clone())
        raise StopIteration

    monkeypatch.setattr(Array, "step", watch)
    loss = next(n for n in registry.names("losses") if "regression" in registry.get("losses", n).tasks)
    data = {"label_noise": 0.5, "validation": 0.25, "pad-crop": 3}
    one = Fit(rows(data, (1, 0), (2, 1), loss=loss, precision="float64"))
    with pytest.raises(StopIteration):
        one.run_epoch()
    (y,) = taken
    assert (y.shape, y.dtype) == ((30, 2), torch.float64)
    true = torch.linspace(-1, 2, 40)
    assert [int((~torch.isin(y[:, k].float(), true)).sum()) for k in (0, 1)] == [15, 15]
    assert torch.isin(one.data.validation.y.float(), true).all()


def test_all_images_at_once_come_as_they_are_and_are_shared():
    """Whatever the epoch and the replicate: another order would round otherwise, and say nothing new."""
    one = Fit(rows({}, (1, 0), (2, 1), (3, 2), batch_size="full"))
    for number in (1, 2):
        order = one._streams.order(number)
        assert torch.equal(order, torch.arange(540)[:, None].expand(-1, 3))
        x, y = one._streams.batch(order, at(number))
        assert x.stride(1) == 0
        assert torch.equal(y[:, 2], one.data.train.y)
    changed = Fit(rows(CHANGED, (1, 0), (2, 1), batch_size="full"))
    assert changed._streams.batch(changed._streams.order(1), at(1))[0].stride(1) != 0
