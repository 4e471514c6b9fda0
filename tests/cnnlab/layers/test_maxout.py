"""Maxout: the largest of neighbouring pieces, ties to the first, and the units that it can be."""

import pytest
import torch

from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Mode
from cnnlab.layers.maxout import Maxout

NOTHING = Context({}, frozenset(), torch.zeros(0), torch.zeros(0), Mode.TRAIN)


def largest(x, pieces):
    return Maxout(pieces).forward(x, [], [], NOTHING)


def test_pieces_of_a_unit_are_neighbours():
    x = torch.tensor([1.0, 5, 2, 8, 3, 4]).view(1, 1, 6)
    assert largest(x, 2).flatten().tolist() == [5, 8, 4]
    assert largest(x, 3).flatten().tolist() == [5, 8]


def test_maps_are_compared_place_by_place():
    x = torch.randn(2, 3, 6, 4, 5)
    expected = torch.stack([x[:, :, i : i + 2].amax(2) for i in (0, 2, 4)], 2)
    assert torch.equal(largest(x, 2), expected)


def test_a_tie_s_gradient_goes_to_the_first():
    x = torch.tensor([2.0, 2, 1, 0, 7, 7]).view(1, 1, 6).requires_grad_()
    (gradient,) = torch.autograd.grad(largest(x, 3).sum(), x)
    assert gradient.flatten().tolist() == [1, 0, 0, 0, 1, 0]


def test_one_piece_is_linear_and_a_piece_of_zeros_makes_relu():
    x = torch.randn(4, 2, 6)
    assert torch.equal(largest(x, 1), x)
    with_zeros = torch.stack([x, torch.zeros_like(x)], 3).flatten(2)
    assert torch.equal(largest(with_zeros, 2), x.relu())


def test_pieces_that_do_not_come_out_even_are_refused():
    with pytest.raises(ConfigError, match="maxout of 2 pieces needs a multiple of 2 features, got 7"):
        Maxout(2).output((7,))
    assert Maxout(2).output((6, 4, 5)) == (3, 4, 5)
