"""Data sets without a choice: the same images whenever they are asked for, published or synthetic."""

from abc import abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from cnnlab.data import DataSet, Images, Info


class FixedDataSet(DataSet):
    """A data set without hyperparameters: a file in datasets/ sets `facts` and says how to `read` it."""

    facts: ClassVar[Info]

    def info(self, data: Mapping[str, Any]) -> Info:
        """Return the facts."""
        return self.facts

    def load(self, data: Mapping[str, Any]) -> Images:
        """Return the images, read once per process."""
        return images_of(type(self))

    @abstractmethod
    def read(self) -> Images:
        """Return the images, read or made anew; DataError as `load`."""


@cache
def images_of(data_set: type[FixedDataSet]) -> Images:
    """Return the images of a data set, the same object in the whole process."""
    return data_set().read()
