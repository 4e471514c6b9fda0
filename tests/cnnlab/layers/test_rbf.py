"""Radial basis functions: the drawings are ten, apart, and each is nearest to itself."""

import pytest
import torch

from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Mode
from cnnlab.layers.rbf import Rbf

NOTHING = Context({}, frozenset(), torch.zeros(0), torch.zeros(0), Mode.TRAIN)


def test_a_drawing_is_nearest_to_itself():
    layer = Rbf()
    scores = layer.forward(layer.codes[:, None], [], [], NOTHING)[:, 0]
    assert layer.codes.shape == (10, 84)
    assert layer.codes.abs().eq(1).all()
    assert scores.diagonal().eq(0).all()
    apart = -scores[~torch.eye(10, dtype=torch.bool)] / 4  # points that differ
    assert apart.min() == 13


def test_a_one_is_drawn_as_a_one():
    seven_wide = Rbf().codes[1].view(12, 7)
    assert seven_wide[5].tolist() == [-1, -1, -1, 1, 1, -1, -1]


def test_the_score_is_minus_the_squared_distance():
    layer = Rbf(2)
    x = layer.codes[:1, None] + torch.tensor([3.0, 4.0] + [0.0] * 82)
    assert layer.forward(x, [], [], NOTHING)[0, 0, 0] == -25
    assert layer.connections((84,)) == layer.multiply_adds((84,)) == 168


def test_eleven_classes_and_other_features_are_refused():
    with pytest.raises(ConfigError, match="rbf has drawings of 1 to 10 classes, got 11"):
        Rbf(11)
    with pytest.raises(ConfigError, match="rbf needs 84 features"):
        Rbf().output((83,))
