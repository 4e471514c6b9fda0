"""The data that the last fit on a processor trained on, for the next fit if its own would be the same."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from cnnlab.batching.on_device import DeviceData
from cnnlab.data import Images, Info


class _Source(NamedTuple):
    """All that a fit's data are made of, but for the images."""

    data: str  # the resolved section
    info: Info
    data_seed: int
    fold: int
    dtype: torch.dtype


class KeptData:
    """At most one fit's data: packs of a sweep follow one another, and fits only read them."""

    def __init__(self) -> None:
        self._kept: tuple[Images, _Source, DeviceData] | None = None

    def of(
        self,
        images: Images,
        data: Mapping[str, Any],
        info: Info,
        data_seed: int,
        device: torch.device,
        dtype: torch.dtype,
        replicate: int = 0,
    ) -> DeviceData:
        """Return the parts of a data set as `DeviceData` makes them.

        On a GPU each fit has its own: what is recorded there holds the addresses of tensors, into which the
        numbers of the next fit are copied (engine/renewal.py).
        """
        if device.type != "cpu":
            return DeviceData(images, data, info, data_seed, device, dtype, replicate)
        fold = replicate % data["folds"] if data["folds"] else 0
        source = _Source(json.dumps(data, sort_keys=True), info, data_seed, fold, dtype)
        if self._kept and self._kept[0] is images and self._kept[1] == source:
            return self._kept[2]
        self._kept = None  # first, so that memory never holds both
        made = DeviceData(images, data, info, data_seed, device, dtype, replicate)
        self._kept = images, source, made
        return made


kept_data = KeptData()  # of this process
