"""A tenth of Fashion-MNIST that ships with cnnlab: a first sweep needs no download."""

from pathlib import Path

from cnnlab.data import Images, Info
from cnnlab.datasets.fashion_mnist import CLASS_NAMES
from cnnlab.files.published import File, Published
from cnnlab.fixed_data import FixedDataSet
from cnnlab.registry import register

FILES = Published(
    name="fashion-mnist-mini",
    train_x=File(
        "train-images-idx3-ubyte",
        4_704_016,
        "730739880d5a3303b3a2c2d39dd4843cf9eecf903f19eb304276d90c65de5b1b",
    ),
    train_y=File(
        "train-labels-idx1-ubyte",
        6_008,
        "c7c90cdb1b294b182cec95c882e46e1f1836163c2e5edcb4e705a89faf25f803",
    ),
    test_x=File(
        "t10k-images-idx3-ubyte",
        784_016,
        "091dd91e473ba4b287f4b92aed72968319d69da4b1b5308b9995ebd7bc1874b2",
    ),
    test_y=File(
        "t10k-labels-idx1-ubyte",
        1_008,
        "4d2a690e12819bcf2550d98ec85764c0daadf99f5a9a1422432137c36fd0917d",
    ),
    folders=(Path(__file__).parent / "fashion-mnist-mini",),
)


@register
class FashionMnistMini(FixedDataSet):
    """Offer a tenth of Fashion-MNIST: 7,000 pictures of clothing, 28×28 grey, 0 is the background.

    6,000 to train and 1,000 to test; 600 and 100 of each class: those for which the text "train <index>" or
    "test <index>" has the smallest SHA-256, with their index in the full set, and in its order.
    For trying things out: an error of 10 % on a thousand images has a standard error of 0.95 %.
    Licence: MIT, copyright 2017 Zalando SE.
    Source: chosen from H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image dataset for
    benchmarking machine learning algorithms", arXiv:1708.07747 (2017), by scripts/make_fashion_mnist_mini.py.
    """

    facts = Info(
        shape=(1, 28, 28),
        classes=len(CLASS_NAMES),
        train=6_000,
        test=1_000,
        digest=FILES.digest,
        class_counts=(600,) * len(CLASS_NAMES),
        class_names=CLASS_NAMES,
    )

    def read(self) -> Images:
        """Return the images: about 6 MB."""
        return FILES.load()
