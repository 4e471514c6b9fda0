"""docs/extending.md and docs/data.md: their examples run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnlab import plugins, registry, resolve
from cnnlab.engine.cost import inspect
from cnnlab.fit import Fit, Row

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(?:# (\S+\.py)\n)?(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = BLOCK.findall((DOCS / "extending.md").read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of plug-ins with every example of the page."""
    for name, text in EXAMPLES:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("CNNLAB_PLUGINS", str(tmp_path))
    plugins.read.cache_clear()
    yield tmp_path
    plugins.read.cache_clear()
    ours = [p for p, entry in registry._entries.items() if entry.__module__.startswith(plugins.PACKAGE)]
    for place in ours:
        del registry._entries[place]
    for module in [module for module in sys.modules if module.startswith(plugins.PACKAGE)]:
        del sys.modules[module]


def test_the_page_shows_an_activation_an_optimizer_and_a_metric(folder: Path) -> None:
    assert [name for name, _ in EXAMPLES] == [
        "activations/sloped_softplus.py",
        "optimizers/sign_descent.py",
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


def test_the_digest_is_what_the_page_s_command_says(folder: Path) -> None:
    command = "find . -name '*.py' | sed 's#^./##' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    assert f"cd my-entries && {command}\n" in (DOCS / "extending.md").read_text(encoding="utf-8")
    told = subprocess.check_output(command, shell=True, cwd=folder, text=True)
    assert told.split()[0] == registry.plugins_digest()


def test_every_kind_is_described_with_its_base_class() -> None:
    text = (DOCS / "extending.md").read_text(encoding="utf-8")
    for kind, (_, home, base) in registry.KINDS.items():
        assert f"| `{kind}` | `{home}.{base}` |" in text


def test_the_recipe_for_an_npz_makes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ((_, recipe),) = BLOCK.findall((DOCS / "data.md").read_text(encoding="utf-8"))
    subprocess.run([sys.executable, "-c", recipe], cwd=tmp_path, check=True)
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    config = resolve({"model": "mlp", "data": {"name": "npz", "path": "digits.npz"}})
    facts = inspect(config)
    assert (facts.input, facts.classes) == ((1, 16, 16), 2)
