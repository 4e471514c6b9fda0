"""Two targets of a mixed image: the larger share comes first."""

import torch

from cnnlab.targets import main_targets, mixed_targets

OWN, OTHER = torch.tensor([[1, 2], [3, 4]]), torch.tensor([[5, 6], [7, 8]])


def test_the_main_target_has_the_larger_share():
    y = mixed_targets(OWN, OTHER, torch.tensor([[0.75, 0.25], [0.5, 0.0]]))
    assert y.main.tolist() == [[1, 6], [3, 8]]
    assert y.other.tolist() == [[5, 2], [7, 4]]
    assert y.share.tolist() == [[0.75, 0.75], [0.5, 1.0]]
    assert torch.equal(main_targets(y), y.main)
    assert main_targets(OWN) is OWN


def test_a_part_of_the_batch_and_of_the_rows():
    y = mixed_targets(OWN, OTHER, torch.tensor([[0.75, 0.25], [0.5, 0.0]]))
    part = y[:1][:, 1:]
    assert (part.main.tolist(), part.other.tolist(), part.share.tolist()) == ([[6]], [[2]], [[0.75]])
