"""Where the parts run: the device, how long each speed is measured, and whether all is done in short."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks import step
from services import gpus
from services.cli.doctor import machine as doctor

WIDTHS = {
    "lenet5": (1, 8, 32, 64, 128, 256, 512),
    "resnet-20": (1, 4, 16, 32),
    "tutorial-cnn": (1, 4, 16, 32),
}

Results = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """Where the parts run, and whether in short."""

    device: str
    seconds: float  # that a speed is measured for
    short: bool

    @property
    def batch(self) -> int:
        """How many images a step takes."""
        return 8 if self.short else step.BATCH

    def widths(self, net: str) -> tuple[int, ...]:
        """Return how many trials an array has, one after the other."""
        return WIDTHS[net][:2] if self.short else WIDTHS[net]


def machine(setting: Setting) -> Results:
    """Describe the device, torch and the driver, and say whether they fit, as `cnnlab doctor` does."""
    listing = gpus.look()
    findings = (doctor.devices(listing, os.environ.get(gpus.VISIBLE)), doctor.torch(listing, needed=True))
    found: Results = {
        **{f"doctor, {each.name}": f"{each.level}: {each.says}" for each in findings},
        "driver": listing.driver or None,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "gpus": [str(gpu) for gpu in listing.gpus],
    }
    if setting.device == "cuda":
        facts = torch.cuda.get_device_properties(0)
        capability = f"{facts.major}.{facts.minor}, {facts.multi_processor_count} multiprocessors"
        found |= {
            "name": facts.name,
            "memory GiB": round(facts.total_memory / 2**30, 1),
            "capability": capability,
        }
    return found
