"""Convolution with a connection table: exactly the links exist, and only they have parameters."""

import math

import pytest
import torch
from torch.nn import functional

from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Mode
from cnnlab.layers.connected_conv2d import ConnectedConv2d
from cnnlab.layers.conv2d import Conv2d

TABLE = [[0, 2], [1, 2], [0, 1, 2], [1]]
NOTHING = Context({}, frozenset(), torch.zeros(0), torch.zeros(0), Mode.TRAIN)


def test_a_table_is_a_dense_convolution_with_zeros():
    layer = ConnectedConv2d(3, 4, 3, (1, 0), stride=2, table=TABLE)
    g = torch.Generator().manual_seed(1)
    p = [torch.randn(1, *own.shape, generator=g, dtype=torch.float64) for own in layer.parameters]
    x = torch.randn(5, 1, 3, 6, 5, generator=g, dtype=torch.float64)
    dense = torch.zeros(4, 3, 3, 3, dtype=torch.float64)
    filters = [filter_ for part in p[:3] for unit in part[0] for filter_ in unit]
    for (o, i), filter_ in zip([(o, i) for o, maps in enumerate(TABLE) for i in maps], filters, strict=True):
        dense[o, i] = filter_
    expected = functional.conv2d(x[:, 0], dense, torch.cat(p[3:], 1)[0], stride=2, padding=(1, 0))
    torch.testing.assert_close(layer.forward(x, p, [], NOTHING)[:, 0], expected, rtol=0, atol=1e-13)


def test_parameters_exist_for_links_only():
    layer = ConnectedConv2d(3, 4, 3, table=TABLE)
    assert [(own.name, own.shape, own.fan_in) for own in layer.parameters] == [
        ("weight1", (2, 2, 3, 3), 18),
        ("weight2", (1, 3, 3, 3), 27),
        ("weight3", (1, 1, 3, 3), 9),
        ("bias1", (2,), 18),
        ("bias2", (1,), 27),
        ("bias3", (1,), 9),
    ]
    assert sum(math.prod(own.shape) for own in layer.parameters) == 8 * 9 + 4
    assert layer.multiply_adds((3, 6, 5)) == 4 * 3 * 8 * 9
    assert layer.connections((3, 6, 5)) == 4 * 3 * (8 * 9 + 4)


def test_a_full_table_is_a_plain_convolution():
    full, plain = ConnectedConv2d(2, 3, 3, table=[[0, 1]] * 3), Conv2d(2, 3, 3)
    assert full.parameters == plain.parameters
    g = torch.Generator().manual_seed(1)
    p = [torch.randn(2, *own.shape, generator=g) for own in plain.parameters]
    x = torch.randn(4, 2, 2, 6, 5, generator=g)
    assert torch.equal(full.forward(x, p, [], NOTHING), plain.forward(x, p, [], NOTHING))


def test_in_groups_it_is_torchs_grouped_convolution():
    layer = ConnectedConv2d(4, 6, 3, bias=False, table=[[0, 1]] * 3 + [[2, 3]] * 3)
    g = torch.Generator().manual_seed(1)
    (weight,) = (torch.randn(1, *own.shape, generator=g, dtype=torch.float64) for own in layer.parameters)
    x = torch.randn(5, 1, 4, 6, 5, generator=g, dtype=torch.float64)
    expected = functional.conv2d(x[:, 0], weight[0], groups=2)
    torch.testing.assert_close(layer.forward(x, [weight], [], NOTHING)[:, 0], expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("table", [[[0], [1]], [[0], [], [1]], [[0], [1], [2]]])
def test_tables_that_do_not_fit_are_refused(table):
    with pytest.raises(ConfigError, match="a connection table must name maps under 2 for each of 3"):
        ConnectedConv2d(2, 3, 3, table=table)
