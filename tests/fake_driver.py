"""An nvidia-smi that is a shell script, on a PATH that has nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.gpus import QUERY

H200 = "GPU-a, 570.86.15, 143771, 143000, NVIDIA H200"


class FakeDriver:
    """Installs the script; without a call there is no nvidia-smi."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def run(self, script: str) -> None:
        """Have it do this."""
        program = self._folder / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def lists(self, *rows: str, mig: str = "", xml: str = "") -> None:
        """Have it answer the query with these rows, -L with this text, -q -x with this one; nothing else."""
        asked = f"{QUERY} --format=csv,noheader,nounits"
        answer, listed = "\n".join(rows), mig or "GPU 0: NVIDIA H200 (UUID: GPU-a)"
        answers = {asked: answer, "-L": listed} | ({"-q -x": xml} if xml else {})
        cases = "\n".join(f"'{words}') echo '{text}' ;;" for words, text in answers.items())
        self.run(f'case "$*" in\n{cases}\n*) exit 2 ;;\nesac')
