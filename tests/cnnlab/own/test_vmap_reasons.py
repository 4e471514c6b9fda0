"""cnnlab/own/vmap_reasons.py: what torch says where vmap fails, in plain words."""

import pytest
import torch
from own_nets import config, net, write

from cnnlab.own.vmap_reasons import MAX_REASON_CHARS, reason_of

BRANCH = "forward branches on values of a tensor, as by if or while"
VALUES = "forward reads a tensor's values into Python, as by .item(), float() or .numpy()"
SHARED = "forward writes numbers of each row in place into a tensor of all rows, as one of torch.zeros"
RANDOM = "forward draws random numbers in another way than by nn.Dropout"
MASK = "forward selects numbers by a mask: their count depends on values"
FORWARDS = {  # what vmap does not take
    "an if": ("return scores if scores.sum() > 0 else 2 * scores", BRANCH),
    "a while": ("while scores.sum() > 1e9: scores = scores / 2\n        return scores", BRANCH),
    "a float": ("return scores * float(scores.sum().detach())", VALUES),
    "an item": ("return scores * scores.sum().item()", VALUES),
    "an array": ("return scores * torch.tensor(scores.detach().numpy())", VALUES),
    "a sum in place": ("zeros = torch.zeros(len(x), 5); zeros += scores; return zeros", SHARED),
    "a part in place": ("zeros = torch.zeros(len(x), 5); zeros[:, 0] = scores[:, 0]; return zeros", SHARED),
    "a mask": ("return scores + scores[scores > 0].sum()", MASK),
    "places": (
        "return scores + len(scores.nonzero())",
        "the shape of what aten::nonzero returns depends on values",
    ),
    "no rule": ("return scores.renorm(2, 0, 1.0)", "torch.vmap has no rule for aten::renorm"),
}


@pytest.mark.parametrize("case", FORWARDS)
def test_the_reason_is_about_the_module(plugin_folder, case):
    body, reason = FORWARDS[case]
    write(
        plugin_folder,
        f"""
        @own_model
        def net(*, shape, classes):
            return Odd(shape, classes)

        class Odd(nn.Module):
            def __init__(self, shape, classes):
                super().__init__()
                self.out = nn.Linear(shape[0] * shape[1] * shape[2], classes)

            def forward(self, x):
                scores = self.out(x.flatten(1))
                {body.replace(chr(10), chr(10) + 8 * " ")}
        """,
    )
    assert net(config("tried-net")).chain.alone == reason


@pytest.mark.parametrize(
    ("draw", "reason"),
    [
        (torch.rand_like, RANDOM),
        (torch.bernoulli, RANDOM),
        (lambda x: torch.nn.functional.rrelu(x, training=True), "torch.vmap has no rule for aten::rrelu"),
    ],
)
def test_random_numbers(draw, reason):
    with pytest.raises(RuntimeError) as caught:
        torch.vmap(draw, randomness="error")(torch.full((2, 3), 0.5))
    assert reason_of(caught.value) == reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("vmap: it cannot be. Please file an issue at https://github.com/x .", "it cannot be"),
        ("must be 3 (e.g. Three), got 4.\nmore", "must be 3 (e.g. Three), got 4"),
        ("", "ValueError"),
        ("x" * 999, "x" * MAX_REASON_CHARS),
    ],
)
def test_other_errors_are_their_first_sentence(said, reason):
    assert reason_of(ValueError(said)) == reason
