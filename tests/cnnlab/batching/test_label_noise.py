"""Label noise: exactly so many targets of the training part, each another one, the same for ever."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnlab.batching.label_noise import mislabel

CLASSES = torch.arange(3000) % 5
NUMBERS = torch.linspace(-2, 1, 3000)
TRAIN = torch.arange(3000)[torch.arange(3000) % 3 > 0]


def false(share, targets=CLASSES, train=TRAIN, data_seed=0, classes=5):
    """Return the indices in the data set whose targets are false."""
    return set(train[mislabel(targets, train, share, classes, data_seed) != targets[train]].tolist())


@given(st.floats(0, 1), st.integers(0, 2**31))
def test_exactly_the_share_is_false(share, data_seed):
    assert len(false(share, data_seed=data_seed)) == round(share * len(TRAIN))
    assert len(false(share, NUMBERS, data_seed=data_seed)) == round(share * len(TRAIN))


def test_a_false_class_is_any_other_as_likely():
    told = mislabel(CLASSES, TRAIN, 1.0, 5, 0)
    off = ((told - CLASSES[TRAIN]) % 5).bincount(minlength=5)
    assert off[0] == 0
    expected = len(TRAIN) / 4
    assert ((off[1:] - expected) ** 2 / expected).sum() < 21  # 3 degrees of freedom: 1e-4
    assert set(told.tolist()) == set(range(5))


def test_two_classes_are_swapped():
    classes = CLASSES % 2
    assert torch.equal(mislabel(classes, TRAIN, 1.0, 2, 0), 1 - classes[TRAIN])


def test_false_numbers_are_outliers():
    told = mislabel(NUMBERS, TRAIN, 1.0, 1, 0)
    most = 3 * float(NUMBERS[TRAIN].abs().max())
    assert told.dtype == torch.float32
    assert told.abs().max() <= most
    counts = torch.histc(told, 10, -most, most)
    assert ((counts - 200) ** 2 / 200).sum() < 34  # 9 degrees of freedom: 1e-4


def test_the_bound_is_that_of_the_training_part():
    numbers = NUMBERS.clone()
    numbers[0] = 1000  # an image to validate on
    assert mislabel(numbers, TRAIN, 1.0, 1, 0).abs().max() <= 6


def test_it_depends_on_the_data_seed_and_the_index_alone():
    assert false(0.2) == false(0.2)
    assert false(0.2) != false(0.2, data_seed=1)
    assert false(0.2) < false(0.4)
    small, large = mislabel(CLASSES, TRAIN, 0.2, 5, 0), mislabel(CLASSES, TRAIN, 0.4, 5, 0)
    both = (small != CLASSES[TRAIN]) & (large != CLASSES[TRAIN])
    assert torch.equal(small[both], large[both])
    everything = torch.arange(3000)  # without a validation part the same images come first
    assert len(false(0.2) & false(0.2, train=everything)) > 0.8 * len(false(0.2))


def test_the_data_sets_own_targets_are_left_alone():
    before = CLASSES.clone()
    mislabel(CLASSES, torch.arange(3000), 1.0, 5, 0)
    assert torch.equal(CLASSES, before)


@pytest.mark.parametrize("targets", [CLASSES, NUMBERS])
def test_no_noise(targets):
    assert torch.equal(mislabel(targets, TRAIN, 0.0, 5, 0), targets[TRAIN])
