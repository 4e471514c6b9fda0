"""Predictions of a trained net for image files, read as its data set reads files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cnnlab import registry
from cnnlab.data import data_set
from cnnlab.errors import CnnlabError
from cnnlab.files.image_file import decode
from cnnlab.loss import Loss
from cnnlab.model_file import model_files, read_best


@dataclass(frozen=True)
class ClassPrediction:
    """One class of an image: its number, its name or "", its score, and its probability if there is one."""

    index: int
    name: str
    score: float
    probability: float | None


def gives_probabilities(config: Mapping[str, Any]) -> bool:
    """Whether the softmax of a net's scores are probabilities: the loss it was trained with decides it."""
    entry: type[Loss] = registry.get("losses", config["train"]["loss"]["name"])
    return entry.probabilities


class Predictor:
    """A trained net, ready to predict; CnnlabError where its data are no pictures, or it has no plain form.

    It computes on one core, so that training beside it keeps the others.
    """

    def __init__(self, weights: Path, config: Mapping[str, Any]) -> None:
        name, info = config["data"]["name"], data_set(config["data"]).info(config["data"])
        self._channels, height, width = info.shape
        if height != width or self._channels not in (1, 3):
            raise CnnlabError(
                f"an image file becomes a grey or colour square, but {name} has images of {self._channels} "
                f"channels and {height}×{width} pixels; model.py takes arrays of that shape"
            )
        torch.set_num_threads(1)
        trained = read_best(weights, config, "")
        self._side, self._names = height, trained.class_names
        self._net = model_files(trained).net()
        self._probabilities = gives_probabilities(config)

    def predict(self, content: bytes, name: str) -> Sequence[ClassPrediction]:
        """Return the classes of an image file, best first; DamagedData, with its name, if it is none.

        Of a regression the number is the score of the only class.
        """
        pixels = decode(content, name, self._side, self._channels)
        with torch.no_grad():
            scores = self._net(pixels[None])[0].double()
        shares = scores.softmax(0).tolist() if self._probabilities else [None] * len(scores)
        order = scores.argsort(descending=True, stable=True).tolist()
        names = self._names or [""] * len(scores)
        return [ClassPrediction(i, names[i], scores[i].item(), shares[i]) for i in order]
