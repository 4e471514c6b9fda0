"""Images refuse what is not a data set."""

import pytest
import torch
from torch import Tensor

from cnnlab.data import DataError, Images

X = torch.zeros(3, 1, 2, 2, dtype=torch.uint8)
Y = torch.zeros(3, dtype=torch.int64)


def test_accepts_images_with_their_labels() -> None:
    assert Images(X, Y, X[:1], Y[:1]).test_x.shape == (1, 1, 2, 2)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((X.float(), Y, X, Y), r"train_x must be torch.uint8 with 4 axes, got torch.float32"),
        ((X, Y, X[:, 0], Y), r"test_x must be torch.uint8 with 4 axes, got torch.uint8 of shape \(3, 2, 2\)"),
        ((X, Y, X, Y.int()), r"test_y must be torch.int64 with 1 axes, got torch.int32"),
        ((X, Y[:2], X, Y), r"train_x and train_y must be equally long, got 3 and 2"),
    ],
    ids=["floats", "no channel", "short integers", "a label missing"],
)
def test_refuses_with_a_reason(parts: tuple[Tensor, Tensor, Tensor, Tensor], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Images(*parts)
