"""Synthetic sparse inputs, for which a learning rate per weight pays off."""

import torch
from torch import Tensor

from cnnlab.data import Images, Info
from cnnlab.files.synthetic import Synthetic
from cnnlab.fixed_data import FixedDataSet
from cnnlab.registry import register

CONTENT = Synthetic("rare-words", "64da3dccc56205fa90fed2d89cbc9557da064a153bb47cecc0492bae0066f8b3")
WORDS, EMPTY, CLASSES, LEAN = 2_000, 100, 10, 8  # the EMPTY most frequent words are uninformative
TRAIN, TEST, CHUNK_DOCUMENTS = 6_000, 1_000, 500  # the hashes of a chunk still fit a cache
PRESENT = 0  # stream of hashes: which words a document has


@register
class RareWords(FixedDataSet):
    """Offer 7,000 documents as bags of words, images one pixel high: which of 2,000 words each has, 0 or 255.

    6,000 to train and 1,000 to test, as many of each of ten classes. Word i = 0, 1, … is in a document with
    probability min(½, 4/(i + 1)), Zipf's law: half of the words are in less than one of 250 documents each.
    The first 100 are independent of the class. Each other word belongs to a class, i mod 10, in whose
    documents it is 8 times as likely as elsewhere, with an unchanged mean over the classes. A document has 26
    words on average, 12 of them informative.
    Pixels are not centred: a missing word is 0, and its weights have no gradient. AdaGrad is made for this: a
    weight that seldom has a gradient keeps its large steps.
    Licence: MIT, as cnnlab.
    Source: made for cnnlab from hashes alone, the same on every machine; the setting is that of J. Duchi,
    E. Hazan and Y. Singer, "Adaptive subgradient methods" (2011), section 1: rare features that are
    informative.
    """

    facts = Info(
        shape=(1, 1, WORDS),
        classes=CLASSES,
        train=TRAIN,
        test=TEST,
        digest=CONTENT.digest,
        centred=False,
        class_counts=(TRAIN // CLASSES,) * CLASSES,
    )

    def read(self) -> Images:
        """Make the documents: 14 MB, in a fraction of a second."""
        train_x, train_y = make(0, TRAIN)
        test_x, test_y = make(TRAIN, TEST)
        return CONTENT.check(Images(train_x, train_y, test_x, test_y))


def make(first: int, count: int) -> tuple[Tensor, Tensor]:
    """Return documents by their numbers, uint8 (count, 1, 1, 2000), and their classes, int64 (count,)."""
    classes = torch.arange(first, first + count) % CLASSES
    # A word is there if its hash, an int32, is below −2³¹ + p·2³².
    limits = ((chances() - 0.5) * 2.0**32).floor().int()  # (10, 2000)
    parts = []
    for start in range(0, count, CHUNK_DOCUMENTS):
        own = classes[start : start + CHUNK_DOCUMENTS]
        there = CONTENT.bits(PRESENT, first + start, len(own), WORDS) < limits[own]
        parts.append(there.to(torch.uint8) * 255)
    return torch.cat(parts)[:, None, None], classes


def chances() -> Tensor:
    """Return the probability of each word in a document of each class, float64 (10, 2000)."""
    word = torch.arange(WORDS)
    mean = (4.0 / (word + 1).double()).clamp(max=0.5)  # over the classes
    at_home = word % CLASSES == torch.arange(CLASSES)[:, None]
    lean = torch.where(at_home, LEAN, 1).double() * CLASSES / (LEAN + CLASSES - 1)
    return torch.where(word < EMPTY, 1.0, lean) * mean
