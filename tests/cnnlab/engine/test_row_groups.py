"""Rows that share a formula: the fewest neighbouring groups, and each row's own numbers in them."""

import math

import packing
import pytest
import torch

from cnnlab import registry
from cnnlab.engine.row_groups import group_rows, penalties

CPU = torch.device("cpu")


def groups(kind, *choices):
    return group_rows(kind, [registry.resolve(kind, choice, "p") for choice in choices], CPU)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["sgd"], [("Sgd", 0, 1)]),
        (["sgd", "sgd", "adam"], [("Sgd", 0, 2), ("Adam", 2, 3)]),
        (["sgd", "adam", "sgd"], [("Sgd", 0, 1), ("Adam", 1, 2), ("Sgd", 2, 3)]),
    ],
)
def test_neighbours_of_one_name_are_a_group(names, expected):
    found = groups("optimizers", *names)
    assert [(type(g.entry).__name__, g.rows.start, g.rows.stop) for g in found] == expected
    assert [g.size for g in found] == [stop - start for _, start, stop in expected]


def test_each_row_keeps_its_numbers():
    (both,) = groups("optimizers", {"name": "sgd", "lr": 0.1}, {"name": "sgd", "lr": 0.3})
    assert both.hypers["lr"].dtype == torch.float64
    assert both.hypers["lr"].tolist() == [0.1, 0.3]


def test_an_option_is_its_index():
    (both,) = groups("optimizers", "adam", {"name": "adam", "bias_correction": "none"})
    entry = both.entry
    assert both.hypers["bias_correction"].tolist() == [
        entry.bias_correction.index("full"),
        entry.bias_correction.index("none"),
    ]


def test_rows_with_fewer_pieces_get_some_that_never_begin():
    long, short = [[1.0, 0.5], [2.0, 0.25]], [[3.0, 0.1]]
    (both,) = groups("schedules", *({"name": "piecewise", "pieces": p} for p in (long, short)))
    assert both.hypers["pieces"].tolist() == [long, [*short, [math.inf, 1.0]]]


def test_a_strength_covers_what_its_scope_says():
    configs = [
        packing.config(l2=0.5),
        packing.config(l2={"strength": 0.25, "scope": "all"}),
        packing.config(l2=0.0),
    ]
    weights = torch.tensor([True, False])
    (only,) = penalties(configs, weights, CPU, torch.float32)
    assert type(only.entry).__name__ == "L2"
    assert only.strength.tolist() == [[0.5, 0.0], [0.25, 0.25], [0.0, 0.0]]


def test_penalties_that_no_row_uses_are_left_out():
    assert penalties([packing.config()], torch.tensor([True]), CPU, torch.float32) == []
