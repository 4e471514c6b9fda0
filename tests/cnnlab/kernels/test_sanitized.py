"""The C++ reads and writes nothing outside its buffers, and does nothing undefined."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cnnlab.kernels import library

COMPILER = shutil.which("g++") or shutil.which("clang++")
MAIN = Path(__file__).with_name("sanitized.cpp")


@pytest.mark.long
@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler")
def test_the_sanitizers_find_nothing(tmp_path: Path) -> None:
    assert COMPILER is not None
    program = tmp_path / "sanitized"
    flags = ["-std=c++17", "-O0", "-pthread", "-DREAL=float", "-fno-sanitize-recover=all", "-w"]
    build = [COMPILER, *flags, "-fsanitize=address,undefined", "-include", str(library.SOURCE), str(MAIN)]
    subprocess.run([*build, "-o", str(program)], check=True, timeout=120)
    run = subprocess.run([program], capture_output=True, text=True, check=False, timeout=120)
    assert (run.returncode, run.stderr) == (0, "")
    assert int(run.stdout) == 723
