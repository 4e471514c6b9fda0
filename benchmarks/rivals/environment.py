"""The virtual environment of the rivals: made once, with the versions of requirements.txt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def make(folder: Path) -> Path:
    """Make the environment unless it has these versions; returns its interpreter.

    What cannot be installed is left out with a message: the side that needs it fails by itself.
    """
    python, stamp = folder / "bin" / "python", folder / "installed"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    sys.stderr.write(f"Installing the rivals into {folder}, once: about 1.5 GB.\n")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([str(python), str(ROOT / "scripts" / "install_torch.py")], check=True)
    pip = [str(python), "-m", "pip", "install", "-q"]
    if subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=False).returncode == 0:
        stamp.write_text(wanted, encoding="utf-8")
        return python
    for line in wanted.splitlines():
        if not line.startswith("#") and subprocess.run([*pip, line], check=False).returncode:
            sys.stderr.write(f"{line} cannot be installed; its side will fail\n")
    return python
