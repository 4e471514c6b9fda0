"""The validation part and the order of images are functions of their seeds, and fair to every class."""

import pytest
import torch

from cnnlab import batches

CLASSES = torch.tensor([0] * 50 + [1] * 30 + [2] * 7)[
    torch.randperm(87, generator=torch.Generator().manual_seed(1))
]


def test_the_split_is_stratified_and_loses_nothing():
    train, held = batches.split(CLASSES, 0.1, data_seed=0)
    assert CLASSES[held].bincount().tolist() == [5, 3, 1]
    assert torch.equal(torch.cat([train, held]).sort().values, torch.arange(87))
    assert torch.equal(train, train.sort().values)


def test_the_split_depends_on_the_data_seed_alone():
    one, again, other = (batches.split(CLASSES, 0.2, seed)[1] for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_no_validation_part():
    train, held = batches.split(CLASSES, 0.0, 0)
    assert len(train) == 87
    assert len(held) == 0


def test_a_larger_share_holds_the_smaller_one():
    small, large = (set(batches.split(CLASSES, share, 0)[1].tolist()) for share in (0.1, 0.3))
    assert small < large


def test_orders_differ_between_epochs_replicates_and_data_seeds():
    orders = [batches.order(87, *which) for which in ((0, 0, 1), (0, 0, 2), (0, 1, 1), (1, 0, 1))]
    assert all(torch.equal(order.sort().values, torch.arange(87)) for order in orders)
    assert len({tuple(order.tolist()) for order in orders}) == 4
    assert torch.equal(orders[0], batches.order(87, 0, 0, 1))


@pytest.mark.parametrize(
    ("images", "size", "sizes"),
    [
        (10, 4, [4, 4, 2]),
        (9, 4, [4, 5]),
        (8, 4, [4, 4]),
        (3, 1, [1, 1, 1]),
        (3, 8, [3]),
        (1, 8, [1]),
    ],
)
def test_cuts_cover_an_epoch_and_leave_no_single_image(images, size, sizes):
    cuts = batches.cuts(images, size)
    assert [cut.stop - cut.start for cut in cuts] == sizes
    assert [i for cut in cuts for i in range(images)[cut]] == list(range(images))
