"""Conformance of every augmentation, and what each does to an image."""

import math
import sys

import numpy
import pytest
import torch

from cnnlab import plugins, registry, resolve, rng
from cnnlab.augmentation import Mixture
from cnnlab.datasets import npz
from cnnlab.errors import ConfigError
from cnnlab.fit import Fit, Row

torch.set_num_threads(1)

NAMES = registry.names("augmentations")
MIXTURES = [name for name in NAMES if issubclass(registry.get("augmentations", name), Mixture)]
ALONE = [name for name in NAMES if name not in MIXTURES]
AMOUNTS = {"flip": 0.5, "pad-crop": 2, "mixup": 1, "cutmix": 1}  # of others the highest that is allowed
DTYPES = (torch.float32, torch.float64)


def amount(name):
    return AMOUNTS.get(name, registry.get("augmentations", name).amount.high)


def images(n=40, dtype=torch.float64, channels=2, height=5, width=4):
    """Return images of which no two pixels are equal, none black; channels innermost, as a batch has them."""
    count = n * channels * height * width
    pixels = torch.arange(1, count + 1, dtype=dtype) * 2.0 ** -max(0, math.ceil(math.log2(count / 255)))
    return pixels.view(n, height, width, channels).permute(0, 3, 1, 2)


def numbers(name, n=40, seed=1):
    entry = registry.get("augmentations", name)
    row, step = (torch.tensor([value], dtype=torch.int32) for value in (seed, 1))
    return rng.uniform(row, rng.AUGMENT, step, n * entry.numbers).view(n, entry.numbers)


def change(name, x, u, by=None):
    """Change images; a mixture mixes each with its own negative, so that only its own numbers count."""
    entry, by = registry.get("augmentations", name)(), amount(name) if by is None else by
    if isinstance(entry, Mixture) and by:
        return entry.mix(x.clone(), 255 - x, u[:, 1:], by)[0]
    return entry.value(x.clone(), u, by)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_off_changes_no_bit(name, dtype):
    assert registry.get("augmentations", name).amount.default == 0
    x = images(dtype=dtype, channels=3)
    assert torch.equal(change(name, x, numbers(name), by=0), x)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_used_where_it_is_on(name, colours):
    assert fields({name: 0}) == fields({})
    assert weights(colours | {name: amount(name)}) != weights(colours)


@pytest.fixture
def colours(tmp_path, monkeypatch):
    """A section of data with 100 small colour images in three classes."""
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    rows = numpy.random.default_rng(1)
    x, y = rows.integers(0, 256, (100, 5, 6, 3), numpy.uint8), numpy.arange(100) % 3
    numpy.savez(tmp_path / "colours.npz", train_x=x, train_y=y)
    yield {"name": "npz", "path": "colours.npz"}
    npz._images.cache_clear()


def config(data=None, **train):
    return resolve(
        {
            "model": {"name": "mlp", "hidden": [6]},
            "data": {"name": "fashion-mnist-mini", **(data or {})},
            "train": {"batch_size": 500, "epochs": 2, "precision": "float64", **train},
        }
    )


def fields(data):
    return config(data)["data"]


def weights(data):
    one = Fit([Row(config(data), 1)])
    one.run_epoch()
    return one.array.theta.tolist()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_images_keep_their_shape_and_type(name, dtype):
    for channels, height, width in ((1, 7, 7), (3, 4, 9), (2, 1, 1)):
        if registry.get("augmentations", name).channels not in (None, channels):
            continue
        x = images(8, dtype, channels, height, width)
        y = change(name, x, numbers(name, 8))
        assert (y.shape, y.dtype) == (x.shape, dtype)


@pytest.mark.parametrize("name", ["flip", "pad-crop"])
def test_a_pixel_is_one_of_its_image_and_channel_or_black(name):
    x = images()
    y = change(name, x, numbers(name))
    assert not torch.equal(y, x)
    for before, after in zip(x.flatten(0, 1), y.flatten(0, 1), strict=True):
        assert set(after.flatten().tolist()) <= {0.0, *before.flatten().tolist()}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_image_depends_on_its_own_numbers_only(name, dtype):
    x, u = images(dtype=dtype, channels=3), numbers(name)
    whole, other = change(name, x, u), change(name, x, numbers(name, seed=2))
    for i in range(len(x)):
        assert torch.equal(change(name, x[i : i + 1], u[i : i + 1])[0], whole[i])
    assert not torch.equal(whole, other)
    turned = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    assert torch.equal(change(name, x[turned], u[turned]), whole[turned])


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_of_the_class(name):
    entry = registry.get("augmentations", name)
    assert entry.numbers >= 1
    assert entry.amount.low == 0
    assert not entry.amount.row
    (field,) = registry.describe()["augmentations"][name]["hypers"]
    assert field == "amount"


@pytest.mark.parametrize("name", NAMES)
def test_its_name_is_a_field_of_data(name):
    assert fields({name: amount(name)})[name] == amount(name)
    assert fields({})[name] == 0
    with pytest.raises(ConfigError) as caught:
        fields({name: -1})
    assert caught.value.path == f"data.{name}"
    assert "from 0 to" in caught.value.message


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stream", ["replicate", "trial"])
def test_packing_does_not_matter(name, stream, colours):
    """Rows of two replicates together equal each alone, in float64."""
    data = colours | {name: amount(name), "stream": stream}
    rows = [
        Row(config(data, optimizer=o), seed=s, replicate=s % 2) for s, o in enumerate(("sgd", "adam", "sgd"))
    ]
    together = Fit(rows)
    together.run_epoch()
    for k, row in enumerate(rows):
        alone = Fit([row])
        alone.run_epoch()
        torch.testing.assert_close(alone.array.theta[0], together.array.theta[k], rtol=0, atol=1e-10)


# ---- each one's own facts


def test_a_window_is_cut_as_a_loop_would():
    p, (x, u) = 2, (images(), numbers("pad-crop"))
    y = change("pad-crop", x, u)
    n, channels, height, width = x.shape
    for i in range(n):
        down, right = (math.floor(float(v) * (2 * p + 1)) - p for v in u[i])
        for c in range(channels):
            for h in range(height):
                for w in range(width):
                    inside = 0 <= h + down < height and 0 <= w + right < width
                    assert y[i, c, h, w] == (x[i, c, h + down, w + right] if inside else 0)


def test_windows_are_uniformly_distributed():
    """Where a single bright pixel in the middle ends tells the window; 24 degrees of freedom."""
    p, n = 2, 20_000
    x = torch.zeros(n, 1, 5, 5)
    x[:, 0, 2, 2] = 255
    places = change("pad-crop", x, numbers("pad-crop", n), by=p).flatten(1)
    assert places.count_nonzero(1).unique().tolist() == [1]
    counts = places.count_nonzero(0).double()
    assert 7 < float(((counts - n / 25) ** 2 / (n / 25)).sum()) < 56  # 1e-4 on either side


def test_the_outermost_windows_are_reached():
    low, high = (
        torch.full((1, 2), 1e-12, dtype=torch.float64),
        torch.full((1, 2), 1 - 2**-33, dtype=torch.float64),
    )
    x = images(1, channels=1, height=3, width=3)
    first, last = (change("pad-crop", x, u, by=1)[0, 0] for u in (low, high))
    assert torch.equal(first[1:, 1:], x[0, 0, :2, :2])
    assert torch.equal(last[:2, :2], x[0, 0, 1:, 1:])
    assert float(first[0].sum() + first[:, 0].sum() + last[2].sum() + last[:, 2].sum()) == 0


def test_more_padding_than_image_can_leave_nothing():
    x = images(200, channels=1, height=2, width=2)
    y = change("pad-crop", x, numbers("pad-crop", 200), by=8)
    assert 0 < int(y.flatten(1).any(1).sum()) < 200


@pytest.mark.parametrize("p", [0.1, 0.5, 1.0])
def test_a_share_of_the_images_is_mirrored(p):
    n = 10_000
    x = images(n, channels=1, height=1, width=3)
    y = change("flip", x, numbers("flip", n), by=p)
    mirrored = (y == x.flip(3)).all(3)[:, 0, 0]
    assert torch.equal(y[~mirrored], x[~mirrored])
    assert abs(int(mirrored.sum()) - p * n) <= 4 * (p * (1 - p) * n) ** 0.5


def test_an_image_is_mirrored_left_to_right():
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert change("flip", x, torch.tensor([[0.3]])).tolist() == [[[[2, 1], [4, 3]]]]
    assert change("flip", x, torch.tensor([[0.7]])).tolist() == x.tolist()


# ---- an augmentation of the operator's own

BRIGHTER = '''
from cnnlab.augmentation import Augmentation
from cnnlab.registry import register
@register
class Brighter(Augmentation):
    """Add a random brightness."""
    def value(self, x, u, amount):
        return x.add_((255 * amount * u[:, 0]).to(x.dtype)[:, None, None, None])
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of plug-ins' augmentations, forgotten afterwards."""
    (tmp_path / "augmentations").mkdir()
    monkeypatch.setenv("CNNLAB_PLUGINS", str(tmp_path))
    plugins.read.cache_clear()
    yield tmp_path / "augmentations"
    plugins.read.cache_clear()
    for place in [p for p, e in registry._entries.items() if e.__module__.startswith(plugins.PACKAGE)]:
        del registry._entries[place]
    for module in [module for module in sys.modules if module.startswith(plugins.PACKAGE)]:
        del sys.modules[module]


def test_a_plug_in_is_a_field_too_and_moves_nobodys_numbers(folder):
    before = weights({"flip": 0.5})
    (folder / "brighter.py").write_text(BRIGHTER)
    plugins.read.cache_clear()
    assert fields({})["brighter"] == 0
    assert weights({"flip": 0.5}) == before
    assert weights({"flip": 0.5, "brighter": 0.5}) != before
    assert weights({"brighter": 0.5}) != weights({})


def test_a_plug_in_that_cannot_be_loaded_is_named_at_its_field(folder):
    (folder / "brighter.py").write_text("import nothing_of_that_name")
    with pytest.raises(ConfigError, match="nothing_of_that_name") as caught:
        fields({})
    assert caught.value.path == "data.brighter"


def test_a_config_without_a_plug_ins_field_trains_as_ever(folder):
    """It was resolved where the plug-in was not."""
    row = Row(config({"flip": 0.5}), 1)
    (folder / "brighter.py").write_text(BRIGHTER)
    plugins.read.cache_clear()
    assert "brighter" in registry.names("augmentations")
    assert "brighter" not in row.config["data"]
    assert Fit([row]).run_epoch()


@pytest.mark.parametrize("shape", [(1, 1, 24), (2, 24, 1)])
def test_a_series_is_shifted_along_its_side_and_never_out_of_its_row(shape):
    """Every window still shows part of the series: a side of one pixel is not padded."""
    entry = registry.get("augmentations", "pad-crop")()
    x = torch.full((500, *shape), 255.0)
    u = noise_of(500, entry.numbers)
    y = entry.value(x.clone(), u, 4)
    assert y.shape == x.shape
    assert (y.flatten(1) == 255).sum(1).min() == 20 * shape[0]  # shifted by 4 at most, of 24
    assert (y == 0).any()


@pytest.mark.parametrize("end", ["low", "high"])
@pytest.mark.parametrize("name", registry.names("augmentations"))
def test_both_ends_of_the_amount_change_images_of_any_size(name, end):
    entry = registry.get("augmentations", name)()
    amount = entry.amount.describe()[end]
    for shape in ((1, 1, 24), (1, 28, 28), (3, 5, 4)):
        if entry.channels not in (None, shape[0]):
            continue
        x = torch.rand(20, *shape, generator=torch.Generator().manual_seed(1)) * 255
        y = change(name, x, noise_of(20, entry.numbers), amount)
        assert y.shape == x.shape
        assert torch.equal(y, x) or end == "high"
        assert 0 <= y.min() <= y.max() <= 255


def noise_of(images, count):
    return torch.rand(images, count, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
