"""Synthetic signals over time: a first series needs no download."""

import torch
from torch import Tensor

from cnnlab.data import Images, Info
from cnnlab.files.synthetic import Synthetic
from cnnlab.fixed_data import FixedDataSet
from cnnlab.registry import register

CONTENT = Synthetic("waveforms", "1e29f5d7fcdac70b8101bb72fb0e98e48c4517069e215a0f5d538785566146d9")
CLASSES = ("sine", "square", "sawtooth", "rising", "falling", "burst")
STEPS, TRAIN, TEST = 128, 6_000, 1_200
FACTS, NOISE = range(2)  # streams of hashes: the signal, and the noise added to it


@register
class Waveforms(FixedDataSet):
    """Offer 7,200 noisy signals of 128 steps, images one pixel high, in six classes of shape.

    6,000 to train and 1,200 to test, as many of each class: 0 sine, 1 square, 2 sawtooth, 3 a sine whose
    frequency rises from half to one and a half times its mean, 4 one whose frequency falls so, 5 a sine that
    swells and fades. A signal lasts L = 64 … 96 steps somewhere in the 128, with 5 to 10 periods, any phase
    and an amplitude A of 40 … 100 grey levels; 128 is silence, and noise of 20 levels is added everywhere.
    The position of a signal is independent of its class, so a net that finds shapes at any time does better
    than one with weights for each step. The sine is Bhaskara's, 16z / (5 − 4z) with z = h(1 − h) over half a
    period h.
    Licence: MIT, as cnnlab.
    Source: made for cnnlab from hashes alone, the same on every machine; the sine as Bhaskara I,
    Mahabhaskariya (7th century).
    """

    facts = Info(
        shape=(1, 1, STEPS),
        classes=len(CLASSES),
        train=TRAIN,
        test=TEST,
        digest=CONTENT.digest,
        class_counts=(TRAIN // len(CLASSES),) * len(CLASSES),
        class_names=CLASSES,
    )

    def read(self) -> Images:
        """Make the signals: about 1 MB, in a fraction of a second."""
        train_x, train_y = make(0, TRAIN)
        test_x, test_y = make(TRAIN, TEST)
        return CONTENT.check(Images(train_x, train_y, test_x, test_y))


def make(first: int, count: int) -> tuple[Tensor, Tensor]:
    """Return signals by their numbers, uint8 (count, 1, 1, 128), and their classes, int64 (count,)."""
    classes = torch.arange(first, first + count) % len(CLASSES)
    lasts, begins, turns, phase, loud = CONTENT.uniform(FACTS, first, count, 5)[..., None].unbind(1)  # (N, 1)
    length = 64 + (33 * lasts).floor()  # 64 … 96 steps
    start = ((STEPS + 1 - length) * begins).floor()
    s = (torch.arange(STEPS) - start + 0.5) / length  # (N, 128); a signal lasts from 0 to 1
    turns = 5 + 5 * turns
    even, rising, falling = s, (s + s * s) / 2, (3 * s - s * s) / 2  # all go from 0 to 1
    when = torch.where(classes[:, None] == 3, rising, torch.where(classes[:, None] == 4, falling, even))
    place = phase + turns * when  # in periods
    place = place - place.floor()  # 0 … 1 within a period
    wave = _sine(place)
    shapes = {
        1: torch.where(place < 0.5, 1.0, -1.0).double(),
        2: 2 * place - 1,
        5: wave * (4 * s * (1 - s)) * (4 * s * (1 - s)),
    }
    for label, shape in shapes.items():
        wave = torch.where(classes[:, None] == label, shape, wave)
    signal = torch.where((s > 0) & (s < 1), (40 + 60 * loud) * wave, 0.0)
    grey = (128.5 + signal + 20 * _normal(first, count)).floor().clamp(0, 255)
    return grey.to(torch.uint8)[:, None, None], classes


def _sine(place: Tensor) -> Tensor:
    """Return the sine of a place in a period, 0 … 1, to 0.0017; a library's last bit differs by machine."""
    half = torch.where(place < 0.5, 2 * place, 2 * place - 1)
    z = half * (1 - half)
    return torch.where(place < 0.5, 1.0, -1.0) * (16 * z) / (5 - 4 * z)


def _normal(first: int, count: int) -> Tensor:
    """Return noise of mean 0 and deviation 1, (count, 128): a hash's four bytes add up to nearly normal."""
    hashes = CONTENT.bits(NOISE, first, count, STEPS)
    total = sum(((hashes >> shift) & 255 for shift in (0, 8, 16, 24)), torch.zeros_like(hashes))
    return (total - 510).double() / 147.8  # √(4·(256² − 1)/12)
