"""docs/extending.md and docs/data.md: their examples run as they stand."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from inspect import Parameter, Signature, signature
from pathlib import Path

import numpy as np
import pytest
from loaded_plugins import plugins_from
from PIL import Image
from safetensors.numpy import save_file

from cnnlab import hyper, plugins, registry, resolve
from cnnlab.engine.cost import inspect
from cnnlab.errors import ConfigError
from cnnlab.fit import Fit, Row

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(?:# (\S+\.py)\n)?(.*?)^```$", re.MULTILINE | re.DOTALL)
RECIPE = re.MULTILINE | re.DOTALL
BLOCKS = BLOCK.findall((DOCS / "extending.md").read_text(encoding="utf-8"))
EXAMPLES = [(name, text) for name, text in BLOCKS if name]
EXAMPLES_WITHOUT_FILE = [(name, text) for name, text in BLOCKS if not name]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of plug-ins with every example of the page."""
    for name, text in EXAMPLES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    with plugins_from(tmp_path):
        yield tmp_path


def test_the_page_shows_entries_of_five_kinds(folder: Path) -> None:
    assert [name for name, _ in EXAMPLES] == [
        "models/small_net.py",
        "datasets/bars.py",
        "activations/sloped_softplus.py",
        "optimizers/sign_descent.py",
        "models/two_convolutions.py",
        "metrics/worst_recall.py",
    ]
    assert registry.plugin_problems() == []


def test_rows_of_the_examples_train_as_they_do_alone(folder: Path) -> None:
    def row(b: float, lr: float) -> Row:
        model = {"name": "mlp", "hidden": [8], "activation": {"name": "sloped-softplus", "b": b}}
        train = {
            "optimizer": {"name": "sign-descent", "lr": lr},
            "epochs": 1,
            "batch_size": 100,
            "precision": "float64",
            "metrics": ["worst-recall"],
        }
        return Row(resolve({"model": model, "data": "fashion-mnist-mini", "train": train}), seed=int(b))

    rows = [row(1, 0.001), row(5, 0.003)]
    together = Fit(rows).run_epoch()
    assert together is not None
    for report, own in zip(together, rows, strict=True):
        (alone,) = Fit([own]).run_epoch() or []
        assert report.metrics == pytest.approx(alone.metrics, rel=1e-10)
        assert report.metrics["val/acc"] > 0.3
        assert 0 <= report.metrics["val/worst-recall"] < report.metrics["val/acc"]


def test_the_module_and_the_data_set_of_the_page_train_together(folder: Path) -> None:
    data = {"name": "bars", "size": 10}
    train = {"epochs": 2, "batch_size": 20, "precision": "float64", "test": "each-epoch"}
    models = [{"name": "small-net", "channels": 8, "dropout": rate} for rate in (0.0, 0.5)]
    rows = [Row(resolve({"model": model, "data": data, "train": train}), seed=1) for model in models]
    together = Fit(rows, varied=["model.dropout"])
    reports = [together.run_epoch() or [] for _ in range(2)][-1]
    for report, own in zip(reports, rows, strict=True):
        alone = Fit([own], varied=["model.dropout"])
        (last,) = [alone.run_epoch() or [] for _ in range(2)][-1]
        assert report.metrics == pytest.approx(last.metrics, rel=1e-10)
        assert report.metrics["test/acc"] > 0.9
    assert inspect(rows[0].config).alone == ""


def test_the_digest_is_what_the_page_s_command_says(folder: Path) -> None:
    (folder / "activations" / "it's a \\draft\n(1).py").write_text("", encoding="utf-8")
    (folder / ".hidden.py").write_text("", encoding="utf-8")
    plugins.read.cache_clear()
    assert digest_by("cd my-entries && ", "extending.md", folder) == registry.plugins_digest()


def test_the_model_of_the_page_trains_with_all_that_it_declares(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNLAB_DATA", str(folder))
    pixels = np.random.default_rng(0).integers(0, 256, (60, 12, 12), dtype=np.uint8)
    np.savez(folder / "few.npz", train_x=pixels, train_y=np.arange(60) % 3)

    def row(dropout: float, b: float, kernel: int = 3) -> Row:
        activation = {"name": "sloped-softplus", "b": b}
        own = {"maps": 2, "kernel": kernel, "activation": activation, "dropout": dropout}
        model = {"name": "two-convolutions", **own}
        train = {"epochs": 1, "batch_size": 20, "precision": "float64"}
        data = {"name": "npz", "path": "few.npz"}
        return Row(resolve({"model": model, "data": data, "train": train}), seed=1)

    rows = [row(0.0, 1), row(0.5, 5)]
    assert rows[0].config["model"].keys() == {"name", "maps", "kernel", "activation", "dropout"}
    together = Fit(rows).run_epoch()
    assert together is not None
    for report, own in zip(together, rows, strict=True):
        (alone,) = Fit([own]).run_epoch() or []
        assert report.metrics == pytest.approx(alone.metrics, rel=1e-10)
    with pytest.raises(ConfigError) as caught:
        inspect({**rows[0].config, "data": {**rows[0].config["data"], "resize": 5}})
    assert caught.value.path == "model"


def test_the_page_shows_what_every_layer_s_constructor_takes() -> None:
    text = (DOCS / "extending.md").read_text(encoding="utf-8")
    for name in registry.names("layers"):
        layer = registry.get("layers", name)
        takes = signature(layer)
        plain = [each.replace(annotation=Parameter.empty) for each in takes.parameters.values()]
        call = f"{layer.__name__}{takes.replace(parameters=plain, return_annotation=Signature.empty)}"
        assert f"| `{name}` | `{call}` |\n" in text


def test_the_forms_of_hyperparameters_on_the_page_can_be_written_so() -> None:
    forms = [text for name, text in EXAMPLES_WITHOUT_FILE if "EntryOf(" in text]
    made = [eval(line.partition("#")[0], vars(hyper)) for text in forms for line in text.splitlines()]
    wanted = {hyper.Number, hyper.Int, hyper.Choice, hyper.Text, hyper.Widths, hyper.Pieces, hyper.EntryOf}
    assert {type(each) for each in made} == wanted


def digest_by(begins: str, page: str, folder: Path) -> str:
    """Run a page's recipe of a folder's digest as it stands there, without the `cd` that it begins with."""
    shell = re.search(rf"^ *```sh\n *{begins}(.*?)^ *```$", (DOCS / page).read_text(encoding="utf-8"), RECIPE)
    assert shell
    return subprocess.check_output(shell[1], shell=True, cwd=folder, text=True).split()[0]


def test_the_digest_of_images_is_what_the_page_s_command_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    content = io.BytesIO()
    Image.new("L", (8, 8)).save(content, "PNG")
    names = [
        "photo 1 (copy).png",
        'it\'s "x".png',
        "a\nb.png",
        "back\\slash.png",
        "größe.png",
        "-z.png",
        "Z.png",
    ]
    junk = [
        ".DS_Store",
        "Thumbs.db",
        "ehthumbs.DB",
        "Desktop.ini",
        "__MACOSX/._a.png",
        ".git/x/y",
        "@eaDir/1.png",
    ]
    for name in [f"{label}/{name}" for label in ("-big cats", "kleine Hünde") for name in names + junk]:
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / name).write_bytes(content.getvalue() if name.endswith(".png") else b"junk")
    (tmp_path / "pets" / "notes.txt").write_text("beside the folders")
    config = resolve({"model": "mlp", "data": {"name": "image-folder", "path": "pets"}})
    assert config["data"]["sha256"] == digest_by("cd pets && ", "data.md", tmp_path / "pets")
    assert inspect(config).classes == 2


def test_every_kind_is_described_with_its_base_class() -> None:
    text = (DOCS / "extending.md").read_text(encoding="utf-8")
    for kind, (_, home, base) in registry.KINDS.items():
        assert f"| `{kind}` | `{home}.{base}` |" in text


def test_the_recipe_for_an_npz_makes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (_, recipe), _ = BLOCK.findall((DOCS / "data.md").read_text(encoding="utf-8"))
    subprocess.run([sys.executable, "-c", recipe], cwd=tmp_path, check=True)
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    config = resolve({"model": "mlp", "data": {"name": "npz", "path": "digits.npz"}})
    facts = inspect(config)
    assert (facts.input, facts.classes) == ((1, 16, 16), 2)


def test_the_recipe_for_an_input_uses_the_metadata_of_the_best_weights(tmp_path: Path) -> None:
    _, (_, recipe) = BLOCK.findall((DOCS / "data.md").read_text(encoding="utf-8"))
    metadata = {"image": "[2, 3, 3]", "mean": "[0.5, 0.25]", "std": "[0.5, 0.1]", "class_names": '["a", "b"]'}
    save_file({"linear1.weight": np.zeros((2, 18))}, tmp_path / "best.safetensors", metadata)
    run = [sys.executable, "-c", recipe, str(tmp_path / "best.safetensors")]
    mean, rest = subprocess.check_output(run, text=True).split(" ", 1)
    assert float(mean) == pytest.approx(((128 / 255 - 0.5) / 0.5 + (128 / 255 - 0.25) / 0.1) / 2)
    assert rest == "['a', 'b'] {'linear1.weight': (2, 18)}\n"
