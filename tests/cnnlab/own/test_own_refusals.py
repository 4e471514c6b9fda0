"""What is wrong with a module of one's own: refused with file and line, before anything trains."""

import pytest
from own_nets import CLASSES, batch, config, make, net, write

from cnnlab import registry, resolve
from cnnlab.config import is_row
from cnnlab.engine import cost
from cnnlab.errors import ConfigError, RegistryError
from cnnlab.plugin_failure import describe_failure


def refused(folder, text, **hypers):
    """Return how a model's module is refused when its net is built."""
    write(folder, text)
    with pytest.raises(ConfigError) as caught:
        net(config("tried-net", hypers=hypers))
    assert caught.value.path == "model"
    return caught.value.message


def broken(folder, signature):
    """Return why a file of this signature is no entry."""
    write(folder, f"@own_model\ndef net({signature}):\n    return nn.Flatten()\n")
    with pytest.raises(RegistryError) as caught:
        registry.get("models", "tried-net")
    return str(caught.value)


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        (
            "channels=3, *, shape, classes",
            "must be annotated with its range, such as channels: Int[8, 64] = 16; got no",
        ),
        ("channels: int = 3", "line 7, net: the argument channels must be annotated with its range"),
        ("channels: Int[1, 8]", "must have a default, such as channels: Int[8, 64] = 16; got none"),
        ("channels: Int[1, 8] = 9", "the argument channels: must be an integer from 1 to 8, got 9"),
        ("channels: Int[8, 1] = 1", "must be written Int[low, high]; got Int[8, 1]"),
        ("rate: Number[0] = 0", "must be written Number[low, high]; got Number[0]"),
        ("rate: Number['a', 'b'] = 0", "must be written Number[low, high]; got Number['a', 'b']"),
        ("name: Int[1, 8] = 1", "must have another name: an entry has a name of its own"),
        ("**more", "must have a name of its own, such as channels: Int[8, 64] = 16; got **more"),
        ("form: Choice['a', 'b'] = 'c'", "must be one of a, b, got 'c'"),
        ("form: 'Intt[1, 2]' = 1", "an annotation cannot be read: NameError: name 'Intt' is not defined"),
    ],
)
def test_a_signature_that_is_wrong_is_refused_with_its_line(plugin_folder, signature, words):
    said = broken(plugin_folder, signature)
    assert words in said
    assert "models/tried_net.py, line 7" in said


def test_every_form_of_hyperparameter_can_be_annotated(plugin_folder):
    write(
        plugin_folder,
        """
        from __future__ import annotations

        @own_model
        def net(
            a: Int[1, 9] = 2, b: Number[0, 2].per_array = 1.0, c: Choice["x", "y"] = "x",
            d: Widths[3] = "4-5", e: Text[9] = "t", *, shape, classes,
        ):
            assert (a, b, c, d, e) == (2, 1.0, "x", [4, 5], "t"), (a, b, c, d, e)
            return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))
        """.replace("from __future__ import annotations\n", ""),
    )
    own = config("tried-net")
    assert net(own).parameters == CLASSES * (3 * 16 * 16 + 1)
    assert not is_row(own, "model.b")


BODIES = {  # what the function returns, and why that is refused
    "no module": ("return 3", "models/tried_net.py, line 7, net: must return a torch.nn.Module, got 3"),
    "no parameters": (
        "return nn.Flatten()",
        "line 7, net: must return a module with parameters to train, got one",
    ),
    "wrong scores": (
        "return nn.Sequential(nn.Flatten(), nn.LazyLinear(3))",
        "line 7, net: forward must return 5 scores for an image, (N, 5); got float32 (2, 3) for 2 images",
    ),
    "maps": (
        "return nn.Conv2d(3, 5, 3)",
        "forward must return 5 scores for an image, (N, 5); got float32 (2, 5, 14, 14) for 2 images",
    ),
    "other size": (
        "return nn.Sequential(nn.Flatten(), nn.Linear(784, 5))",
        "line 7, net: forward failed in eval mode on 2 images of 3×16×16: RuntimeError: mat1 and mat2 shapes",
    ),
    "exception": (
        "raise ValueError(f'{channels} is odd')",
        "models/tried_net.py, line 9, net: net(channels=4) failed: ValueError: 4 is odd",
    ),
}


@pytest.mark.parametrize("case", BODIES)
def test_what_a_function_returns_is_checked(plugin_folder, case):
    body, words = BODIES[case]
    text = f"@own_model\ndef net(channels: Int[1, 9] = 4, *, shape, classes):\n    {body}\n"
    assert words in refused(plugin_folder, text)


MODULE = """
@own_model
def net(*, shape, classes):
    return Odd(shape, classes)

class Odd(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.out, self.calls = nn.Linear(shape[0] * shape[1] * shape[2], classes), 0

    def forward(self, x):
        scores = self.out(x.flatten(1))
        BODY
"""
FORWARDS = {
    "a tuple": (
        "return scores, x",
        "line 7, net: forward must return scores, a tensor (N, classes), got a tuple of 2",
    ),
    "a dict": ("return {}", "forward must return scores, a tensor (N, classes), got dict"),
    "whole numbers": ("return scores.argmax(1)", "got int64 (2,) for 2 images"),
    "a state": (
        "self.calls += 1; return scores + self.calls",
        "two calls in eval mode on the same images must return the same scores, got others: "
        "forward keeps a state",
    ),
    "noise": (
        "return scores + torch.randn_like(scores)",
        "two calls in eval mode on the same images must return",
    ),
    "noise in training": (
        "return scores + self.training * torch.randn_like(scores)",
        "forward draws random numbers in training, which would differ in every packing of trials; "
        "it must drop out by nn.Dropout",
    ),
    "more in training": (
        "return (scores, scores) if self.training else scores",
        "forward must return scores (N, 5) in training too, got tuple",
    ),
    "no gradient": (
        "return scores.detach()",
        "scores must depend on the parameters by operations with a gradient",
    ),
    "an exception": (
        "return scores[7]",
        "models/tried_net.py, line 18, forward: forward failed in eval mode on 2 images of 3×16×16: "
        "IndexError",
    ),
    "an exception in training": (
        "return scores[7] if self.training else scores",
        "line 18, forward: forward failed in training on 2 images of 3×16×16: IndexError",
    ),
}


@pytest.mark.parametrize("case", FORWARDS)
def test_what_forward_returns_is_checked(plugin_folder, case):
    body, words = FORWARDS[case]
    assert words in refused(plugin_folder, MODULE.replace("BODY", body))


ROW_NUMBERS = {  # what a Number of rows must not be
    "a width": "return nn.Sequential(nn.Flatten(), nn.LazyLinear(1 + int(8 * rate)), nn.LazyLinear(classes))",
    "a slope": "return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes), nn.LeakyReLU(rate))",
    "a scale of first weights": (
        "out = nn.Linear(768, classes); nn.init.normal_(out.weight, std=rate); "
        "return nn.Sequential(nn.Flatten(), out)"
    ),
    "half of a rate": "return nn.Sequential(nn.Flatten(), nn.Dropout(rate / 2), nn.LazyLinear(classes))",
    "more than a rate": "return nn.Sequential(nn.Flatten(), nn.Dropout(0.1 + rate / 2), nn.LazyLinear(5))",
    "whether there is dropout": (
        "return nn.Sequential(nn.Flatten(), *([nn.Dropout(rate)] if rate else []), nn.LazyLinear(classes))"
    ),
}


@pytest.mark.parametrize("case", ROW_NUMBERS)
def test_a_number_of_rows_may_only_be_a_rate_of_dropout(plugin_folder, case):
    text = f"@own_model\ndef net(rate: Number[0, 1] = 0.5, *, shape, classes):\n    {ROW_NUMBERS[case]}\n"
    said = refused(plugin_folder, text)
    assert "line 7, net: rate must be a rate of dropout and nothing else" in said
    assert said.endswith("annotate it Number[0, 1].per_array")
    write(plugin_folder, text.replace("Number[0, 1]", "Number[0, 1].per_array"), "mended_net")
    net(config("mended-net"))


def test_a_value_of_the_grid_with_which_the_module_cannot_be_made_is_named(plugin_folder):
    write(
        plugin_folder,
        """
        @own_model
        def net(groups: Int[1, 9] = 1, rate: Number[0, 2] = 0.0, *, shape, classes):
            conv = nn.Conv2d(shape[0], 6, 3, groups=groups)
            return nn.Sequential(conv, nn.Flatten(), nn.Dropout(rate), nn.LazyLinear(classes))
        """,
    )
    with pytest.raises(
        ConfigError, match=r"line 9, net: net\(groups=4, rate=0.0\) failed: ValueError: in_chan"
    ):
        net(config("tried-net", hypers={"groups": 4}))
    good = resolve({"model": "tried-net", "data": "fashion-mnist-mini"})
    facts = cost.inspect(good)
    bad = {**good, "model": {**good["model"], "rate": 1.5}}
    with pytest.raises(
        ConfigError, match=r"net\(groups=1, rate=1.5\) failed: ValueError: dropout probability"
    ):
        cost.point(bad, facts)


def test_a_failure_in_training_names_its_line(plugin_folder):
    write(
        plugin_folder,
        MODULE.replace("BODY", "return scores if len(x) < 4 else scores[:, 9]"),
    )
    array = make([config("tried-net")] * 2, [1, 2])
    with pytest.raises(IndexError) as caught:
        array.step(*batch(array, 0))
    assert describe_failure(caught.value).startswith(
        "the plug-in models/tried_net.py failed in line 18, forward: "
    )


FORWARD = """
import random

import numpy as np


class Own(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.calls, self.out = 0, nn.Linear(shape[0], classes)

    def forward(self, x):
        x = x.mean((2, 3))
        {line}
        return self.out(x)


@own_model
def net(*, shape, classes):
    return Own(shape, classes)
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "x = x if not self.training or np.random.random() < 2 else 0 * x",
            "numbers in forward must be drawn from torch's generator, which has the trial's seed; they are "
            "drawn from numpy.random",
        ),
        ("x = x if not self.training else x + (random.random() > 2)", "drawn from Python's random"),
        (
            "self.calls += self.training; x = x + self.calls",
            "two calls in training with the same images and numbers must return the same scores, got others",
        ),
        (
            "x = x + self.training * np.random.default_rng().normal()",
            "forward keeps a state that is no buffer, or draws random numbers besides dropout",
        ),
    ],
)
def test_what_differs_from_call_to_call_in_training_is_refused(plugin_folder, line, words):
    assert words in refused(plugin_folder, FORWARD.format(line=line))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "torch.manual_seed(0)",
            "must not seed torch's generator, which has the trial's seed; it calls manual_seed(0)",
        ),
        (
            "import numpy as np; np.random.normal()",
            "first weights must be drawn from torch's generator, which has the trial's seed; they are drawn "
            "from numpy.random",
        ),
        (
            "import numpy as np; made.weight.data.fill_(np.random.default_rng().normal())",
            "must return a module with the same first weights for the same seed",
        ),
        ("import sys; sys.exit(3)", "line 12, net: net() failed: SystemExit: 3"),
    ],
)
def test_first_weights_that_do_not_follow_from_the_seed_are_refused(plugin_folder, line, words):
    text = f"""
        @own_model
        def net(*, shape, classes):
            made = nn.LazyLinear(classes)
            made = nn.Linear(shape[0] * shape[1] * shape[2], classes)

            {line}
            return nn.Sequential(nn.Flatten(), made)
        """
    assert words in refused(plugin_folder, text)
