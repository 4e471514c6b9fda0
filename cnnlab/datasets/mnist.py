"""MNIST: handwritten digits, the classic data set of convolutional networks."""

from cnnlab.data import Images, Info
from cnnlab.files.published import File, Published
from cnnlab.fixed_data import FixedDataSet
from cnnlab.registry import register

FILES = Published(
    name="mnist",
    train_x=File(
        "train-images-idx3-ubyte",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    train_y=File(
        "train-labels-idx1-ubyte",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    test_x=File(
        "t10k-images-idx3-ubyte",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    test_y=File(
        "t10k-labels-idx1-ubyte",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    homes=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
)


@register
class Mnist(FixedDataSet):
    """Offer 70,000 handwritten digits, 28×28 grey, 0 is the background.

    60,000 to train and 10,000 to test, ten classes of about equal size; the writers of the two parts differ.
    Licence: CC BY-SA 3.0, Yann LeCun, Corinna Cortes and Christopher J. C. Burges.
    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86 (1998).
    """

    facts = Info(
        shape=(1, 28, 28),
        classes=10,
        train=60_000,
        test=10_000,
        digest=FILES.digest,
        class_counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        class_names=tuple("0123456789"),
    )

    def read(self) -> Images:
        """Return the images: about 56 MB."""
        return FILES.load()
