"""Fashion-MNIST: as small and quick as MNIST, but hard enough to show differences between networks."""

from pathlib import Path

from cnnlab.data import Images, Info
from cnnlab.files.published import File, Published
from cnnlab.fixed_data import FixedDataSet
from cnnlab.registry import register

FILES = Published(
    name="fashion-mnist",
    train_x=File(
        "train-images-idx3-ubyte",
        47_040_016,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    train_y=File(
        "train-labels-idx1-ubyte",
        60_008,
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    test_x=File(
        "t10k-images-idx3-ubyte",
        7_840_016,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    test_y=File(
        "t10k-labels-idx1-ubyte",
        10_008,
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    folders=(Path("/usr/share/datasets/fashion-mnist"),),  # Debian's package dataset-fashion-mnist
    homes=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
)

CLASS_NAMES = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)


@register
class FashionMnist(FixedDataSet):
    """Offer 70,000 pictures of articles of clothing, 28×28 grey, 0 is the background.

    60,000 to train and 10,000 to test; 6,000 and 1,000 of each class: T-shirt/top, trouser, pullover, dress,
    coat, sandal, shirt, sneaker, bag, ankle boot.
    Licence: MIT, copyright 2017 Zalando SE.
    Source: H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms", arXiv:1708.07747 (2017).
    """

    facts = Info(
        shape=(1, 28, 28),
        classes=len(CLASS_NAMES),
        train=60_000,
        test=10_000,
        digest=FILES.digest,
        class_counts=(6_000,) * len(CLASS_NAMES),
        class_names=CLASS_NAMES,
    )

    def read(self) -> Images:
        """Return the images: about 56 MB."""
        return FILES.load()
