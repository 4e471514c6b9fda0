"""The validation part and the order of images are functions of their seeds, and fair to every class."""

import itertools
import math

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from cnnlab.batching import batch_order

CLASSES = torch.tensor([0] * 50 + [1] * 30 + [2] * 7)[
    torch.randperm(87, generator=torch.Generator().manual_seed(1))
]


def test_the_split_is_stratified_and_loses_nothing():
    train, held = batch_order.split(CLASSES, 0.1, data_seed=0)
    assert CLASSES[held].bincount().tolist() == [5, 3, 1]
    assert torch.equal(torch.cat([train, held]).sort().values, torch.arange(87))
    assert torch.equal(train, train.sort().values)


def test_the_split_stays_what_it_is():
    """A curve depends on it to the last bit, so it may not change for data that have enough images."""
    held = batch_order.split(CLASSES, 0.1, data_seed=0)[1]
    assert held.tolist() == [8, 26, 32, 33, 48, 52, 66, 74, 84]


def test_the_split_depends_on_the_data_seed_alone():
    one, again, other = (batch_order.split(CLASSES, 0.2, seed)[1] for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_no_validation_part():
    train, held = batch_order.split(CLASSES, 0.0, 0)
    assert len(train) == 87
    assert len(held) == 0


def test_a_larger_share_holds_the_smaller_one():
    small, large = (set(batch_order.split(CLASSES, share, 0)[1].tolist()) for share in (0.1, 0.3))
    assert small < large


def test_numbers_are_split_as_one_class():
    numbers = CLASSES.float()
    train, held = batch_order.split(numbers, 0.1, data_seed=0)
    assert len(held) == 9  # of 87
    assert torch.equal(torch.cat([train, held]).sort().values, torch.arange(87))
    assert torch.equal(held, batch_order.split(torch.zeros_like(CLASSES), 0.1, data_seed=0)[1])
    assert not torch.equal(held, batch_order.split(numbers, 0.1, data_seed=1)[1])


def test_orders_differ_between_epochs_and_streams():
    orders = [batch_order.order(87, *which) for which in ((0, 1), (0, 2), (1, 1))]
    assert all(torch.equal(order.sort().values, torch.arange(87)) for order in orders)
    assert len({tuple(order.tolist()) for order in orders}) == 3
    assert torch.equal(orders[0], batch_order.order(87, 0, 1))


def classes_of(counts, seed):
    classes = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return classes[torch.randperm(len(classes), generator=torch.Generator().manual_seed(seed))]


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(any),
    st.integers(1, 60),
    st.integers(-(2**31), 2**31 - 1),
)
@example([3], 1, 0)
@example([4, 5], 4, 0)  # a single image left over, which joins the batch before it
@example([4, 4], 100, 0)
def test_balanced_batches_have_each_class_in_its_share(counts, size, stream):
    classes = classes_of(counts, 1)
    images, size = len(classes), batch_order.size(size, len(classes))
    order = batch_order.balanced(classes, size, stream, 3)
    assert torch.equal(order.sort().values, torch.arange(images))
    for cut in batch_order.cuts(images, size):
        got = classes[order[cut]].bincount(minlength=len(counts)).tolist()
        due = [n * (cut.stop - cut.start) / images for n in counts]
        assert all(math.floor(d + 1e-9) <= g <= math.ceil(d - 1e-9) for g, d in zip(got, due, strict=True))


def test_a_plain_order_is_not_balanced():
    order = batch_order.order(87, 0, 1)
    counts = torch.stack([CLASSES[order[cut]].bincount(minlength=3) for cut in batch_order.cuts(87, 29)])
    assert (counts - torch.tensor([50, 30, 7]) / 3).abs().max() >= 1


def test_balanced_orders_differ_between_epochs_and_streams():
    orders = [batch_order.balanced(CLASSES, 10, *which) for which in ((0, 1), (0, 2), (1, 1))]
    assert len({tuple(order.tolist()) for order in orders}) == 3
    assert torch.equal(orders[0], batch_order.balanced(CLASSES, 10, 0, 1))


@pytest.mark.parametrize("counts", [[11, 9, 4], [1, 23], [22, 1, 1], [24]])
def test_every_image_of_a_balanced_order_comes_at_any_time(counts):
    """Over 400 epochs each image is in each batch as often as the batch is large."""
    classes, epochs = classes_of(counts, 2), 400
    places = torch.stack([batch_order.balanced(classes, 7, 0, epoch).argsort() for epoch in range(epochs)])
    for cut in batch_order.cuts(24, 7):
        share = (cut.stop - cut.start) / 24
        times = ((places >= cut.start) & (places < cut.stop)).sum(0)
        assert (times - share * epochs).abs().max() < 4.5 * (epochs * share * (1 - share)) ** 0.5
    assert (places.double().mean(0) - 11.5).abs().max() < 4.5 * 24 / 12**0.5 / epochs**0.5


def test_rare_classes_are_not_bound_to_each_other():
    """Of one image each, and neighbours when the cards are dealt; not so in time."""
    classes = torch.tensor([0] * 98 + [1, 2])
    places = [batch_order.balanced(classes, 10, 0, epoch).argsort()[98:] // 10 for epoch in range(100)]
    assert {int(a - b) for a, b in places} >= {*range(-7, 8)} - {0}


def test_classes_are_mixed_within_a_balanced_batch():
    classes = classes_of([50, 50], 1)
    order = batch_order.balanced(classes, 50, 0, 1)
    first = classes[order[:50]].tolist()
    assert sorted(first) not in (first, first[::-1])


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
    cuts = batch_order.cuts(images, size)
    assert [cut.stop - cut.start for cut in cuts] == sizes
    assert [i for cut in cuts for i in range(images)[cut]] == list(range(images))


@pytest.mark.parametrize(
    ("sizes", "most", "taken"),
    [
        ([5, 5, 5, 5, 5, 2], 2, [(5, 2), (5, 2), (5, 1), (2, 1)]),
        ([5, 5, 5], 1, [(5, 1), (5, 1), (5, 1)]),
        ([5, 5], 4, [(5, 1), (5, 1)]),
        ([5, 5, 5, 5], 4, [(5, 4)]),
    ],
)
def test_batches_are_taken_together_as_long_as_they_fill_a_group(sizes, most, taken):
    ends = list(itertools.accumulate(sizes))
    cuts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    assert list(batch_order.together(cuts, most)) == taken
