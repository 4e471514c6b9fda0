"""On what was measured: cores, processor and torch, in a line."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch


def machine() -> str:
    """Describe this machine."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").split("\n") if file.exists() else []
    model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores of {model}, torch {torch.__version__}"


def load() -> str:
    """Say how busy it is."""
    return f"load {os.getloadavg()[0]:.1f} at the start"
