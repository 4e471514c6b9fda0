"""Plug-ins: entry files of an operator's, under the rules of cnnlab's own, named by a digest."""

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import packing
import pytest
from plugin_files import SIGN, SOFTPLUS, add

from cnnlab import registry, resolve
from cnnlab.errors import ConfigError, RegistryError, UnknownName
from cnnlab.fit import Fit, Row, fit

PENALTY = '''
"""A penalty."""
from cnnlab.regularizer import Regularizer
from cnnlab.registry import register


@register
class TriedHalf(Regularizer):
    """Halve it."""

    def value(self, w, strength):
        return (strength * w.abs().sqrt()).sum(1)

    def gradient(self, w, strength):
        return strength * w.sign() / (2 * w.abs().sqrt())
'''
F1 = '''
"""Macro F1."""
import torch
from torch import Tensor

from cnnlab import rowwise
from cnnlab.metric import Metric, count_by_class
from cnnlab.registry import register


@register
class TriedF1(Metric):
    """Take the mean F1 score of the classes. F1 = 2·tp / (2·tp + fp + fn). Source: D. Lewis et al. (1996)."""

    goal = "maximize"
    label = "macro F1"

    def totals(self, scores: Tensor, target: Tensor) -> Tensor:
        answer, number = scores.argmax(2), scores.shape[2]
        right = answer == target
        hit = count_by_class(target, right, number)
        false = count_by_class(answer, ~right, number)
        missed = count_by_class(target, ~right, number)
        return torch.stack([hit, false, missed], 1)

    def value(self, totals: Tensor, images: int) -> Tensor:
        hit, false, missed = totals.unbind(1)
        return rowwise.total(2 * hit / (2 * hit + false + missed).clamp(min=1)) / totals.shape[2]
'''


@pytest.fixture
def folder(plugin_folder):
    """A folder of plug-ins with an activation and an optimizer."""
    add(plugin_folder, "activations/tried_softplus.py", SOFTPLUS)
    add(plugin_folder, "optimizers/tried_sign.py", SIGN)
    return plugin_folder


MODEL = {"name": "mlp", "hidden": [8], "activation": {"name": "tried-softplus", "b": 2}}


def test_entries_of_the_folder_are_entries(folder):
    assert "tried-softplus" in registry.names("activations")
    config = resolve({"model": MODEL, "data": "fashion-mnist-mini", "train": {"optimizer": "tried-sign"}})
    assert config["model"]["activation"] == {"name": "tried-softplus", "b": 2.0}
    assert config["train"]["optimizer"] == {"name": "tried-sign", "lr": 1e-3}
    shown = registry.describe()["activations"]
    assert (shown["tried-softplus"]["plugin"], shown["relu"]["plugin"]) == (True, False)
    assert shown["tried-softplus"]["error"] is None
    assert registry.plugin_problems() == []
    with pytest.raises(UnknownName, match="Did you mean 'tried-softplus' or"):
        registry.get("activations", "tried-softpls")


def test_they_train(folder):
    train = {"optimizer": "tried-sign", "epochs": 1, "batch_size": 512}
    (report,) = fit({"model": MODEL, "data": "fashion-mnist-mini", "train": train})
    assert report.metrics["val/acc"] > 0.3


def test_an_array_of_them_is_each_of_them_alone(folder):
    packing.assert_packing_does_not_matter(
        [
            packing.config(
                hypers={"activation": {"name": "tried-softplus", "b": b}},
                optimizer={"name": "tried-sign", "lr": lr},
            )
            for b, lr in ((0.5, 1e-3), (1.0, 1e-2), (2.0, 1e-4))
        ]
    )


def test_a_penalty_that_a_config_was_resolved_without_is_not_used(folder):
    before = [packing.config(l2=0.1), packing.config()]
    add(folder, "regularizers/tried_half.py", PENALTY)
    assert "tried-half" not in before[0]["train"]
    assert packing.config(**{"tried-half": 0.1})["train"]["tried-half"]["strength"] == 0.1
    packing.assert_packing_does_not_matter([*before, packing.config(**{"tried-half": 0.1})])


def f1_by_hand(answers, target, classes):
    """Return the mean over the classes of F1, image by image; 0 for a class that nobody has or says."""
    found = []
    for c in range(classes):
        hit = sum(a == c and y == c for a, y in zip(answers, target, strict=True))
        false = sum(a == c and y != c for a, y in zip(answers, target, strict=True))
        missed = sum(a != c and y == c for a, y in zip(answers, target, strict=True))
        found.append(2 * hit / (2 * hit + false + missed) if hit + false + missed else 0.0)
    return sum(found) / classes


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_metric_that_is_no_mean_over_images(folder, precision):
    """Macro F1 as the objective: each row has the value counted by hand, the same among dead rows."""
    add(folder, "metrics/tried_f1.py", F1)
    model = {"name": "mlp", "hidden": [8]}
    train = {"epochs": 1, "batch_size": 500, "precision": precision, "metrics": ["balanced-acc"]}
    config = resolve({"model": model, "data": "fashion-mnist-mini", "train": train})
    rows = [Row(config, seed=seed) for seed in (1, 2, 3)]
    among = Fit(rows, objective=("val/tried-f1", "maximize"))
    reports = among.run_epoch()
    names = {"loss", "acc", "balanced-acc", "tried-f1"}
    assert {name.partition("/")[2] for name in reports[0].metrics} == {*names, ""}
    x, y = among.data.validation.batch(slice(None), 3)
    answers = among.array.predict(x).argmax(2)
    for k, report in enumerate(reports):
        by_hand = f1_by_hand(answers[:, k].tolist(), y[:, k].tolist(), 10)
        assert report.metrics["val/tried-f1"] == pytest.approx(by_hand, rel=1e-12)
        assert report.metrics["val/tried-f1"] != report.metrics["val/balanced-acc"]
        assert among.best()[k][1] == report.metrics["val/tried-f1"]
        assert among.test_best()[k].keys() == {f"test/{name}" for name in names}
    alone = Fit([None, rows[1], None], objective=("val/tried-f1", "maximize"))
    assert alone.run_epoch() == [reports[1]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (F1.replace('goal = "maximize"', ""), "TriedF1 must define goal"),
        (F1.replace('label = "macro F1"', ""), "TriedF1 must define label"),
        (F1.replace('"maximize"', '"max"'), "goal of TriedF1 must be maximize or minimize, got 'max'"),
        (F1.replace("def value", "def valve"), "TriedF1 must define value"),
    ],
)
def test_a_metric_that_does_not_declare_itself_is_named(folder, text, words):
    add(folder, "metrics/tried_bad.py", text)
    with pytest.raises(ConfigError, match=words) as caught:
        resolve({"model": "mlp", "data": "fashion-mnist-mini", "train": {"metrics": ["tried-bad"]}})
    assert caught.value.path == "train.metrics.0"
    assert words in registry.describe()["metrics"]["tried-bad"]["error"]


def test_without_a_folder_there_is_no_digest(monkeypatch):
    monkeypatch.delenv("CNNLAB_PLUGINS", raising=False)
    assert registry.plugins_digest() == ""
    assert registry.plugin_problems() == []
    assert not any(entry["plugin"] for kind in registry.describe().values() for entry in kind.values())


def test_the_digest_names_files_and_their_content(folder):
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in (SOFTPLUS, SIGN)]
    text = f"{hashes[0]}  activations/tried_softplus.py\n{hashes[1]}  optimizers/tried_sign.py\n"
    first = registry.plugins_digest()
    assert first == hashlib.sha256(text.encode()).hexdigest()
    (folder / "notes.txt").write_text("no entry")
    add(folder, ".hidden/more.py", "x = 1\n")
    assert registry.plugins_digest() == first
    add(folder, "optimizers/tried_sign.py", SIGN + "\n")
    assert registry.plugins_digest() != first


def test_code_and_digest_are_of_one_moment(folder):
    first = registry.plugins_digest()
    (folder / "activations" / "tried_softplus.py").write_text(SOFTPLUS.replace("TriedSoftplus", "Other"))
    assert registry.get("activations", "tried-softplus").__name__ == "TriedSoftplus"
    assert registry.plugins_digest() == first
    assert not list(folder.rglob("__pycache__"))


BROKEN = {
    "raises": (
        "raise OSError('no such drive')\n",
        r"activations/tried_bad\.py, line 1, in .*: OSError: no such",
    ),
    "ends": ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    "is no python": ("def (\n", r"SyntaxError: .*tried_bad\.py"),
    "holds nothing": ("x = 1\n", "defines no entry"),
    "holds two": (SOFTPLUS + SOFTPLUS.replace("TriedSoftplus", "Second"), "a file holds one entry"),
    "is of another kind": (SIGN, r"must hold one Activation \(from cnnlab\.activation\), got TriedSign"),
    "is unfinished": (SOFTPLUS.replace("def value", "def valve"), "TriedSoftplus must define value"),
    "imports a sibling": ("from . import tried_softplus\n" + SOFTPLUS, "No module named 'cnnlab_plugins'"),
    "declares a default out of range": (
        SOFTPLUS.replace("default=1.0", "default=0.0"),
        r"b of TriedSoftplus: the default must be a number from 0\.01 to 100, got 0\.0",
    ),
    "calls a declaration wrongly": (
        SOFTPLUS.replace("default=1.0, low", "1.0, low"),
        r"tried_bad\.py, line 17, in .*TypeError: Number.__init__\(\) takes 1 positional argument",
    ),
    "fails late": (SOFTPLUS + "\nraise ValueError('late')\n", "ValueError: late"),
}


@pytest.mark.parametrize(("text", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_named_and_harms_nothing_else(folder, text, words):
    add(folder, "activations/tried_bad.py", text)
    for _ in range(2):  # a second look finds the same
        with pytest.raises(RegistryError, match=words):
            registry.get("activations", "tried-bad")
    with pytest.raises(ConfigError, match=words) as caught:
        resolve({"model": {"name": "mlp", "activation": "tried-bad"}, "data": "mnist"})
    assert caught.value.path == "model.activation"
    shown = registry.describe()["activations"]
    assert shown["tried-bad"]["plugin"]
    assert shown["tried-bad"]["hypers"] == {}
    assert "tried_bad" in shown["tried-bad"]["error"]
    assert shown["tried-softplus"]["error"] is None
    assert len(registry.plugin_problems()) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("activations/relu.py", "activations/relu.py is not used: cnnlab has its own 'relu' in activations"),
        ("activations/max-pool.py", "activations/max-pool.py must have a name of lower-case letters"),
        (
            "activation/mine.py",
            "activation/mine.py is not in a kind's folder: it must be in one of",
        ),
        ("mine.py", "mine.py is not in a kind's folder"),
    ],
)
def test_a_file_that_is_no_entry_is_reported(folder, name, words):
    add(folder, name, SOFTPLUS)
    (problem,) = registry.plugin_problems()
    assert problem.startswith(words)
    assert registry.get("activations", "relu").__module__ == "cnnlab.activations.relu"


def test_many_threads_load_an_entry_once(folder):
    text = "import time\ntime.sleep(0.05)\n" + SOFTPLUS
    add(folder, "activations/tried_softplus.py", text)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: registry.get("activations", "tried-softplus"), range(8)))
    assert len(set(got)) == 1


def test_a_folder_that_is_not_there_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("CNNLAB_PLUGINS", str(tmp_path / "gone"))
    with pytest.raises(RegistryError, match=r"CNNLAB_PLUGINS must name a folder, got '.*gone'"):
        registry.names("layers")


def test_the_digest_needs_no_torch(folder):
    program = (
        f"import sys; from cnnlab.plugins import read; print(read({str(folder)!r}).digest);"
        "print([m for m in sys.modules if m in ('torch', 'numpy')])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.split("\n")[:2] == [registry.plugins_digest(), "[]"]
