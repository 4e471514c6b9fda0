"""Adding an entry touches one file: the suite of its kind tests a file in a folder without a line of test."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cnnlab import registry

TESTS = Path(__file__).parent
ELU = '''"""ELU: relu with a soft floor."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.activation import Activation
from cnnlab.hyper import Number
from cnnlab.registry import register


@register
class Elu(Activation):
    """Bend to a floor of −a on the left.

    f(x) = x for x > 0, else a(e^x − 1).
    Source: D. Clevert et al., "Fast and accurate deep network learning by exponential linear units" (2015).
    """

    a: ClassVar = Number(default=1.0, low=0.0, high=10.0)

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return f(x)."""
        return x.clamp(min=0) + h["a"] * x.clamp(max=0).expm1()
'''
LION = '''"""Lion: steps of one length along the sign of two averages."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class Lion(Rule):
    """Step by the sign of a short average and keep a long one.

    w ← w − lr·sign(0.9 m + 0.1 g);  m ← 0.99 m + 0.01 g
    Source: X. Chen et al., "Symbolic discovery of optimization algorithms" (2023).
    """

    slots = 1
    lr: ClassVar = Number(default=0.001, low=1e-8, high=1.0, log=True)

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move w and m."""
        w.addcmul_((0.9 * slots[0] + 0.1 * g).sign(), c["lr"], value=-1)
        slots[0].lerp_(g, 0.01)
'''
LOSS = '''"""Squared hinge: a margin whose violations count by their square."""

from collections.abc import Mapping

from torch import Tensor

from cnnlab.loss import Loss
from cnnlab.registry import register


@register
class SquaredHinge(Loss):
    """Square what is missing to a margin of 1.

    L = Σ_{j≠y} max(0, s_j − s_y + 1)²
    Source: Y. Tang, "Deep learning using linear support vector machines" (2013).
    """

    def value(self, scores: Tensor, target: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return L, (N, K)."""
        right = target[..., None]
        missing = (scores - scores.gather(2, right) + 1).clamp(min=0)
        return missing.scatter(2, right, 0.0).square().sum(2)
'''
LAYER = '''"""Crop: what is left of maps without their edge."""

from collections.abc import Sequence

from torch import Tensor

from cnnlab.layer import Context, Layer, Shape
from cnnlab.registry import register


@register
class Crop(Layer):
    """Leave out one row or column on each side.

    y[i, j] = x[i + 1, j + 1]
    Source: O. Ronneberger et al., "U-Net" (2015).
    """

    def output(self, shape: Shape) -> Shape:
        """Return (C, H − 2, W − 2)."""
        maps, height, width = shape
        return maps, height - 2, width - 2

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, C, H − 2, W − 2)."""
        return x[..., 1:-1, 1:-1]
'''
MODEL = '''"""Conv-pool-linear: the smallest convolutional net there is."""

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar

from cnnlab.hyper import Number
from cnnlab.layer import Layer
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.model import Model
from cnnlab.registry import register


@register
class Tiny(Model):
    """One convolution of four maps, a pooling, one linear layer.

    scores = W·pool(conv(x)) + b
    Source: the documentation of this project.
    """

    dropout: ClassVar = Number(default=0.0, low=0.0, high=1.0)

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain."""
        chain = {"conv": Conv2d(shape[0], 4, 3), "pool": MaxPool2d(2), "flatten": Flatten()}
        at = shape
        for layer in chain.values():
            at = layer.output(at)
        return {**chain, "drop": Dropout("model.dropout"), "linear": Linear(prod(at), classes)}
'''
METRIC = '''"""Class distance: how far the class that is answered is from the right one."""

from torch import Tensor

from cnnlab.metric import Metric
from cnnlab.registry import register


@register
class ClassDistance(Metric):
    """Mean distance between the numbers of two classes: the one answered and the right one.

    d = Σ |answer − y| / images
    Source: the documentation of this project.
    """

    goal = "minimize"
    label = "mean distance of classes"

    def totals(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return Σ |answer − y|, int64 (K,)."""
        return (scores.argmax(2) - target).abs().sum(0)

    def value(self, totals: Tensor, images: int) -> Tensor:
        """Return d."""
        return totals / images
'''
FILES = {
    "models/tiny.py": MODEL,
    "layers/crop.py": LAYER,
    "activations/tried_elu.py": ELU,
    "optimizers/tried_lion.py": LION,
    "losses/squared_hinge.py": LOSS,
    "metrics/class_distance.py": METRIC,
}


KINDS = {place.partition("/")[0] for place in FILES}
NAMES = {place.partition("/")[2].removesuffix(".py").replace("_", "-"): place for place in FILES}


def outcomes(folder, *files):
    """Run the tests of all these entries in some files, with a folder of plug-ins; the outcomes of each."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "pytest_timeout",
            "-rA",
            "-k",
            " or ".join(NAMES),
            *files,
        ],
        cwd=TESTS.parents[1],
        env={
            **os.environ,
            "CNNLAB_PLUGINS": str(folder),
            "PYTEST_ADDOPTS": "",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=230,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED", "ERROR"))]
    return {
        name: [line.split()[0] for line in lines if re.search(rf"(?<![a-z]){name}(?![a-z])", line)]
        for name in NAMES
    }


def write(folder, **changed):
    for place, text in FILES.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changed.get(path.stem, text), encoding="utf-8")


@pytest.mark.long
def test_a_file_in_a_folder_gets_the_tests_of_its_kind(tmp_path):
    write(tmp_path)
    assert not any(name in registry.names(place.partition("/")[0]) for name, place in NAMES.items())
    suites = [str(TESTS / f"test_{kind}.py") for kind in sorted(KINDS)]
    found = outcomes(tmp_path, *suites, str(TESTS / "test_registry.py"), str(TESTS / "test_ranges.py"))
    for name, tests in found.items():
        assert set(tests) == {"PASSED"}, name
        assert len(tests) >= 5, name


@pytest.mark.long
def test_files_that_mix_rows_fail_them(tmp_path):
    """The same optimizer and the same metric, each divided by a mean over all trials."""
    write(
        tmp_path,
        tried_lion=LION.replace(".sign(), c", ".div(g.abs().mean()), c"),
        class_distance=METRIC.replace("return totals / images", "return totals / totals.mean()"),
    )
    found = outcomes(tmp_path, str(TESTS / "test_optimizers.py"), str(TESTS / "test_metrics.py"))
    assert "FAILED" in found["tried-lion"]
    assert "FAILED" in found["class-distance"]
