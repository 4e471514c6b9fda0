"""Predictions for image files: read as a data set reads them, and what cannot be read is refused."""

import io

import numpy as np
import pytest
import torch
from exported_nets import ExportedNet
from PIL import Image
from safetensors.torch import save_file

from cnnlab import resolve
from cnnlab.data import DamagedData
from cnnlab.errors import CnnlabError
from cnnlab.files.image_file import decode
from cnnlab.predictions import Predictor, gives_probabilities

MEAN_AND_STD = {"mean": "[0.2]", "std": "[0.3]"}


def png(array):
    content = io.BytesIO()
    Image.fromarray(array).save(content, "PNG")
    return content.getvalue()


def predictor(tmp_path, name="mlp", config=None, **metadata):
    exported = ExportedNet(name)
    path = tmp_path / "best.safetensors"
    save_file(exported.trained.weights, path, MEAN_AND_STD | metadata)
    return Predictor(path, config or exported.config), exported


def test_an_image_of_the_right_size_gives_the_scores_of_the_array(tmp_path):
    made, exported = predictor(tmp_path, class_names='["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]')
    found = made.predict(png(exported.images[1, 0].numpy()), "x.png")
    scores = torch.tensor([each.score for each in sorted(found, key=lambda each: each.index)])
    torch.testing.assert_close(scores, exported.scores[1], rtol=1e-5, atol=1e-5)
    assert [each.probability for each in found] == sorted(
        exported.scores[1].double().softmax(0).tolist(), reverse=True
    ) or sum(each.probability for each in found) == pytest.approx(1)
    assert found[0].name == "abcdefghij"[exported.scores[1].argmax()]


def test_a_large_colour_image_is_cropped_scaled_and_made_grey(tmp_path):
    made, _ = predictor(tmp_path)
    content = png(np.random.default_rng(1).integers(0, 256, (60, 90, 3), np.uint8))
    small = decode(content, "x", 28, 1)
    assert made.predict(content, "x") == made.predict(png(small[0].numpy()), "x")


def test_a_file_that_is_no_image_is_refused_by_its_name(tmp_path):
    made, _ = predictor(tmp_path)
    with pytest.raises(DamagedData, match=r"notes\.txt is not a PNG, JPEG, BMP or WebP image"):
        made.predict(b"some notes", "notes.txt")


def test_series_are_no_pictures(tmp_path):
    with pytest.raises(CnnlabError, match="waveforms has images of 1 channels and 1×128 pixels"):
        predictor(tmp_path, "tdnn")


@pytest.mark.parametrize(
    ("loss", "gives"), [("softmax", True), ("maximum-a-posteriori", True), ("svm", False), ("square", False)]
)
def test_the_loss_decides_whether_there_are_probabilities(loss, gives, tmp_path):
    config = resolve({"model": "mlp", "data": "mnist", "train": {"loss": loss}})
    assert gives_probabilities(config) is gives
    exported = ExportedNet("mlp")
    config["model"] = exported.config["model"]
    made, _ = predictor(tmp_path, config=config)
    found = made.predict(png(exported.images[0, 0].numpy()), "x")
    assert (found[0].probability is None) is not gives
    assert found[0].name == ""
