"""Images in an .npz: facts without reading images, both layouts, and arrays that are refused."""

import io

import numpy as np
import pytest
import torch

from cnnlab.data import DataError
from cnnlab.files import npz_file
from cnnlab.files.npz_file import NpzFile

X = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2)
Y = np.array([0, 1, 1, 0])


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    out.seek(0)
    return out


def test_facts_without_a_test_part():
    info = NpzFile(npz(train_x=X, train_y=Y, other=np.zeros(3)), "a.npz").info()
    assert (info.shape, info.classes, info.train, info.test) == ((1, 3, 2), 2, 4, 0)


def test_grey_images_get_a_channel():
    images = NpzFile(npz(train_x=X, train_y=Y), "a.npz").images()
    assert torch.equal(images.train_x[:, 0], torch.from_numpy(X))
    assert images.train_y.tolist() == Y.tolist()
    assert images.test_x.shape == (0, 1, 3, 2)


def test_channels_move_from_last_to_first():
    colour = np.stack([X, X + 50, X + 100], -1)
    images = NpzFile(npz(train_x=colour, train_y=Y, test_x=colour[:2], test_y=Y[:2]), "a.npz").images()
    assert torch.equal(images.train_x[:, 2], torch.from_numpy(X + 100))
    assert len(images.test_x) == 2


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"train_x": X}, "train_y is missing, it holds train_x"),
        ({"train_x": X / 255, "train_y": Y}, r"train_x must be uint8 .* got float64 of shape \(4, 3, 2\)"),
        ({"train_x": X[..., None].repeat(5, 3), "train_y": Y}, "train_x must have 1 to 4 channels"),
        ({"train_x": X, "train_y": Y[:3]}, "train_x and train_y must be equally long, got 4 and 3"),
        ({"train_x": X, "train_y": Y * 2}, "no image has 1"),
        ({"train_x": X, "train_y": Y - 1}, "must be classes 0, 1, … below 10000, got -1 to 0"),
        ({"train_x": X, "train_y": Y, "test_x": X, "test_y": Y + 1}, "test_y has the class 2"),
    ],
)
def test_wrong_arrays_are_refused(arrays, words):
    with pytest.raises(DataError, match=f"a.npz.*{words}"):
        NpzFile(npz(**arrays), "a.npz")


def test_too_many_bytes_are_refused_before_they_are_read(monkeypatch):
    monkeypatch.setattr(npz_file, "MAX_IMAGE_BYTES", 55)
    with pytest.raises(DataError, match=r"a\.npz must have at most 55 bytes of arrays, got 56"):
        NpzFile(npz(train_x=X, train_y=Y), "a.npz")


def test_a_validation_part_of_its_own():
    file = NpzFile(npz(train_x=X, train_y=Y, val_x=X[:1] + 99, val_y=Y[:1]), "a.npz")
    assert (file.info().train, file.info().validation, file.info().test) == (4, 1, 0)
    assert torch.equal(file.images().val_x[:, 0], torch.from_numpy(X[:1] + 99))
    assert file.images().val_y.tolist() == [0]
    with pytest.raises(DataError, match="train_x and val_x must have images of one shape"):
        NpzFile(npz(train_x=X, train_y=Y, val_x=X[:, :2], val_y=Y), "a.npz")
    with pytest.raises(DataError, match="val_y has the class 2, which no training image has"):
        NpzFile(npz(train_x=X, train_y=Y, val_x=X, val_y=Y + 1), "a.npz")


@pytest.mark.parametrize("order", ["C", "F"])
def test_images_in_two_parts_are_counted_pixel_by_pixel(order):
    x = np.asarray(X, order=order)
    notes = NpzFile(npz(train_x=x, train_y=Y, val_x=X[[3, 1]], val_y=Y[:2]), "a.npz").info().notes
    assert notes == ("2 of 2 validation images are training images, too: val_x[0] is train_x[3]",)
    other = NpzFile(npz(train_x=x, train_y=Y, test_x=X + 99, test_y=Y), "a.npz")
    assert other.info().notes == ()


def test_very_many_images_are_not_compared(monkeypatch):
    monkeypatch.setattr(npz_file, "MAX_COMPARED_IMAGES", 5)
    assert NpzFile(npz(train_x=X, train_y=Y, val_x=X, val_y=Y), "a.npz").info().notes == ()
