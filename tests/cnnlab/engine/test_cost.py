"""A dry build tells the size of a trial and refuses what cannot be built, without an image."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from plugin_files import SOFTPLUS

from cnnlab import registry, resolve
from cnnlab.data import DataError, Info
from cnnlab.engine.cost import dry_forward, inspect, row_state
from cnnlab.engine.net import build
from cnnlab.errors import ConfigError
from cnnlab.hyper import Choice, declared

DEEP = 34, 101, 152  # depths of nets that have the blocks of less deep ones


def config(model="lenet5", **train):
    return resolve({"model": model, "data": "mnist", "train": train})


def test_a_data_set_lies_on_a_device_as_bytes_before_it_is_resized():
    """70,000 images of 28×28, and a target of eight bytes for each."""
    for resize in (0, 32):
        own = resolve({"model": "lenet5", "data": {"name": "mnist", "resize": resize}})
        assert inspect(own).bytes_data == 70_000 * (28 * 28 + 8)


@pytest.fixture
def small_images(monkeypatch):
    """Let mnist announce images of 8×8."""
    info = Info(shape=(1, 8, 8), classes=10, train=100, test=10)
    monkeypatch.setattr(registry.get("datasets", "mnist"), "info", lambda self, data: info)


def test_lenet5_on_mnist():
    facts = inspect(config())
    assert (facts.parameters, facts.buffers, facts.slots) == (61_706, 0, 1)
    assert facts.flops == 2 * 416_520
    assert facts.connections == 416_520 + 28 * 28 * 6 + 10 * 10 * 16 + 120 + 84 + 10
    assert (facts.input, facts.classes) == ((1, 28, 28), 10)


def test_no_image_is_loaded(monkeypatch):
    def refuse(self, data):
        raise AssertionError("loaded")

    monkeypatch.setattr(registry.get("datasets", "mnist"), "load", refuse)
    assert inspect(config()).parameters == 61_706


def test_memory_grows_with_what_a_row_holds():
    plain = inspect(config(optimizer="sgd"))
    assert inspect(config(optimizer="adam")).bytes_per_row == plain.bytes_per_row + 2 * 4 * 61_706
    assert inspect(config(optimizer="sgd", l2=0.1)).bytes_per_row == plain.bytes_per_row + 4 * 61_706
    assert inspect(config(optimizer="sgd", batch_size=256)).bytes_per_row > 1.5 * plain.bytes_per_row
    double = inspect(config(optimizer="sgd", precision="float64"))
    assert double == replace(plain, bytes_per_row=2 * plain.bytes_per_row)


def test_batch_normalization_has_buffers():
    facts = inspect(config({"name": "lenet5", "norm": "batch"}))
    assert facts.buffers == 2 * (6 + 16 + 120 + 84)


@pytest.mark.usefixtures("small_images")
def test_images_that_are_too_small_are_refused_with_a_reason():
    with pytest.raises(ConfigError) as caught:
        inspect(config())
    assert caught.value.path == "model"
    assert caught.value.message == "lenet5 needs images of at least 28×28, got 8×8"


@pytest.mark.usefixtures("small_images")
def test_an_mlp_takes_images_of_any_size():
    assert inspect(config("mlp")).input == (1, 8, 8)


def test_a_batch_of_one_cannot_be_normalized():
    with pytest.raises(ConfigError, match="must be at least 2 with batch normalization, got 1") as caught:
        inspect(config({"name": "mlp", "norm": "batch"}, batch_size=1))
    assert caught.value.path == "train.batch_size"


@pytest.mark.parametrize("activation", registry.names("activations"))
@pytest.mark.parametrize(
    "model",
    [name for name in registry.names("models") if "activation" in declared(registry.get("models", name))],
)
def test_every_model_builds_with_every_activation(model, activation):
    data, classes = ("waveforms", 6) if model == "tdnn" else ("mnist", 10)  # series are one pixel high
    own = resolve({"model": {"name": model, "activation": activation}, "data": data})
    assert inspect(own).classes == classes


def test_a_model_with_the_wrong_number_of_scores_is_refused(monkeypatch):
    mlp = registry.get("models", "mlp")
    honest = mlp.layers
    monkeypatch.setattr(mlp, "layers", lambda self, c, shape, classes: honest(self, c, shape, 3))
    with pytest.raises(ConfigError, match=r"must give 10 scores for an image, got \(3,\)"):
        inspect(config("mlp"))


def variants(model):
    """A model as it is, and with each other option of its choices."""
    hypers = declared(registry.get("models", model)).items()
    own = [(name, hyper) for name, hyper in hypers if isinstance(hyper, Choice)]
    pairs = [(name, each) for name, hyper in own for each in {*hyper.options} - {hyper.default, *DEEP}]
    return [{"name": model}] + [{"name": model, name: each} for name, each in pairs]


@pytest.mark.long
@pytest.mark.parametrize("model", [name for name in registry.names("models") if name != "timm"])
def test_a_net_returns_what_it_declares_or_is_refused(monkeypatch, model):
    tried = 0
    for shape in (1, 2, 3), (3, 28, 28), (1, 33, 30), (1, 1, 40):
        info = Info(shape=shape, classes=7, train=100, test=10)
        monkeypatch.setattr(registry.get("datasets", "mnist"), "info", lambda self, data, info=info: info)
        for variant in variants(model):
            own = resolve({"model": variant, "data": "mnist"})
            try:
                net = build(own)
            except ConfigError:
                continue
            assert dry_forward(net, own) == (2, 1, 7) == (2, 1, *net.chain.output(shape))
            tried += 1
    assert tried


@pytest.mark.long
@pytest.mark.parametrize("tried", [False, True])
def test_a_dry_build_does_not_import_torchs_compiler(tried, tmp_path):
    """With plug-ins a net is tried, but only a large one on the device for which the compiler is imported."""
    folder = tmp_path / "activations"
    folder.mkdir()
    if tried:
        (folder / "tried_softplus.py").write_text(SOFTPLUS)
    program = (
        "import sys; from cnnlab import resolve; from cnnlab.engine.cost import inspect\n"
        f"for name in 'lenet5', {'mlp' if tried else 'resnet'!r}:\n"
        "    inspect(resolve({'model': name, 'data': 'mnist'}))\n"
        "print({'torch._dynamo', 'sympy'} & set(sys.modules))"
    )
    env = os.environ | {"CNNLAB_PLUGINS": str(tmp_path)}
    run = [sys.executable, "-c", program]
    found = subprocess.run(run, capture_output=True, text=True, check=True, env=env)
    assert found.stdout == "set()\n"


def test_a_plug_in_is_tried_because_it_may_fail(plugin_folder):
    (plugin_folder / "activations").mkdir()
    (plugin_folder / "activations" / "tried_half.py").write_text(
        "from cnnlab.activation import Activation\n"
        "from cnnlab.registry import register\n\n\n"
        "@register\n"
        "class TriedHalf(Activation):\n"
        '    """Keep half of the numbers: its layer declares that it keeps all. Source: this test."""\n\n'
        "    def value(self, x, h):\n"
        "        return x[..., ::2]\n"
    )
    with pytest.raises(RuntimeError, match="size"):
        inspect(config({"name": "mlp", "activation": "tried-half"}))


def test_a_validation_part_of_no_image_is_refused() -> None:
    small = resolve({"model": "lenet5", "data": {"name": "fashion-mnist-mini", "validation": 0.0001}})
    with pytest.raises(ConfigError, match=r"at least 0\.00084: .*got 0\.0001 of 6000") as caught:
        inspect(small)
    assert caught.value.path == "data.validation"


@pytest.mark.parametrize("asked", ["best", "each-epoch"])
def test_a_test_that_has_no_images_is_refused(monkeypatch, asked):
    info = Info(shape=(1, 28, 28), classes=10, train=100, test=0)
    monkeypatch.setattr(registry.get("datasets", "mnist"), "info", lambda self, data: info)
    assert inspect(config()).classes == 10
    with pytest.raises(ConfigError, match=rf"must be never.* got {asked}") as caught:
        inspect(config(test=asked))
    assert caught.value.path == "train.test"


def test_images_that_are_not_there_are_missed_at_the_path(monkeypatch):
    def missing(self, data):
        raise DataError("pets is not there")

    monkeypatch.setattr(registry.get("datasets", "mnist"), "info", missing)
    with pytest.raises(ConfigError, match=r"^data\.path: pets is not there"):
        inspect(config())


@pytest.mark.parametrize(
    ("train", "alike"),
    [
        ({"optimizer": {"name": "momentum", "lr": 0.5}}, True),
        ({"schedule": "exponential"}, True),
        ({"optimizer": "adam"}, False),
        ({"optimizer": "nesterov"}, False),
        ({"schedule": "plateau"}, False),
        ({"clip_norm": 0.1, "warmup": 2, "loss": {"name": "softmax", "smoothing": 0.1}}, True),
        ({"ema": 0.9}, False),
        ({"optimizer": {"name": "sgd", "momentum": 0.9}}, False),
    ],
)
def test_rows_can_go_on_from_each_other_where_they_keep_the_same(train, alike):
    usual, other = config(), config(**train)
    facts = inspect(usual)
    assert (row_state(usual, facts) == row_state(other, facts)) is alike


def test_more_pairs_of_l_bfgs_are_more_to_keep():
    few, more = (config(batch_size="full", optimizer={"name": "lbfgs", "pairs": pairs}) for pairs in (2, 3))
    assert row_state(few, inspect(few))["train.optimizer"] == "4 numbers per weight of lbfgs"
    assert row_state(few, inspect(few)) != row_state(more, inspect(few))


def test_a_mean_of_weights_and_its_copy_are_room_for_two():
    usual, averaged = (inspect(config(ema=decay)) for decay in (0.0, 0.9))
    assert averaged.bytes_per_row - usual.bytes_per_row == 2 * 4 * usual.parameters


def test_sgd_has_room_for_a_sum_where_it_keeps_one():
    slots = [inspect(config(optimizer={"name": "sgd", "momentum": m})).slots for m in (0, 0.9)]
    assert slots == [0, 1]
