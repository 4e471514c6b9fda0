"""The C++ reads and writes nothing outside its buffers, and does nothing undefined."""

import subprocess
from pathlib import Path

import pytest

from cnnlab.kernels import library, library_build

COMPILER = next(iter(library_build.compilers()), None)
MAIN = Path(__file__).with_name("sanitized.cpp")


@pytest.mark.long
@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler")
@pytest.mark.parametrize("number", library.NUMBERS.values())
def test_the_sanitizers_find_nothing(tmp_path: Path, number: str) -> None:
    assert COMPILER is not None
    program = tmp_path / "sanitized"
    flags = ["-std=c++17", "-O0", "-pthread", f"-DREAL={number}", "-fno-sanitize-recover=all", "-w"]
    build = [
        COMPILER,
        *flags,
        "-fsanitize=address,undefined",
        "-include",
        str(library_build.SOURCE),
        str(MAIN),
    ]
    subprocess.run([*build, "-o", str(program)], check=True, timeout=120)
    run = subprocess.run([program], capture_output=True, text=True, check=False, timeout=120)
    assert (run.returncode, run.stderr) == (0, "")
    assert int(run.stdout) == 1851
