"""Data sets without a choice: facts without reading, images read once."""

import torch

from cnnlab.data import Images, Info
from cnnlab.fixed_data import FixedDataSet

FACTS = Info(shape=(1, 2, 2), classes=2, train=2, test=1)
reads = []


class Tiny(FixedDataSet):
    facts = FACTS

    def read(self):
        reads.append(type(self).__name__)
        x, y = torch.zeros(2, 1, 2, 2, dtype=torch.uint8), torch.tensor([0, 1])
        return Images(x, y, x[:1], y[:1])


class Other(Tiny):
    pass


def test_images_are_read_once_for_each_data_set():
    reads.clear()
    assert Tiny().info({}) is FACTS
    assert reads == []
    first = Tiny().load({"name": "tiny"})
    assert Tiny().load({"name": "tiny"}) is first
    assert Other().load({"name": "other"}) is not first
    assert reads == ["Tiny", "Other"]
