"""The means behind Adam and its kin, and the step by them, in plain numbers."""

import math

import pytest
import torch

from cnnlab import moments


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


H = {"lr": column(0.1, 0.2), "beta1": column(0.9, 0.5), "beta2": column(0.99, 0.0), "eps": column(1e-3, 1e-8)}


def test_two_steps_are_the_formula_in_every_row():
    w, m, v = torch.ones(2, 1).double(), *(torch.zeros(2, 1).double() for _ in range(2))
    expected = [(1.0, 0.0, 0.0), (1.0, 0.0, 0.0)]
    for t, g in ((1, 3.0), (2, -1.0)):
        moments.descend(w, torch.full((2, 1), g).double(), m, v, moments.corrected(H, column(t, t)))
        for k, (at, first, second) in enumerate(expected):
            lr, b1, b2, eps = (float(H[name][k]) for name in ("lr", "beta1", "beta2", "eps"))
            first, second = b1 * first + (1 - b1) * g, b2 * second + (1 - b2) * g * g
            at -= lr * first / (1 - b1**t) / (math.sqrt(second / (1 - b2**t)) + eps)
            expected[k] = (at, first, second)
        found = [tuple(float(each[k]) for each in (w, m, v)) for k in range(2)]
        assert found == [pytest.approx(each, rel=1e-14) for each in expected]


def test_corrections_keep_their_digits_late_and_early():
    """1 − 0.999999^1 is 1e-6 to eleven digits or so, and after very many steps there is none."""
    h = {
        name: column(value)
        for name, value in (("lr", 1.0), ("beta1", 0.9), ("beta2", 0.999999), ("eps", 0.0))
    }
    assert float(moments.corrected(h, column(1.0))["root"]) == pytest.approx(1000, rel=1e-9)
    late = moments.corrected(h, column(1e9))
    assert (float(late["root"]), float(late["rate"])) == (1.0, 1.0)
