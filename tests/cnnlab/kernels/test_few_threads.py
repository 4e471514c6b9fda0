"""Where the system starts fewer threads than are asked for, those that run do the work."""

import subprocess
from pathlib import Path

import pytest

from cnnlab.kernels import library_build

MAIN = Path(__file__).with_name("few_threads.cpp")
COMPILER = next(iter(library_build.compilers()), None)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if COMPILER is None:
        pytest.skip("no C++ compiler")
    path = tmp_path_factory.mktemp("few-threads") / "program"
    headers = ["-I", str(library_build.SOURCE.parent)]
    build = [COMPILER, "-std=c++17", "-O1", "-pthread", *headers, str(MAIN), "-ldl", "-o", str(path)]
    subprocess.run(build, check=True, timeout=120)
    return path


@pytest.mark.parametrize("started", [0, 1, 5, 99])
def test_all_units_are_done(program: Path, started: int) -> None:
    run = subprocess.run([program, str(started)], capture_output=True, text=True, check=False, timeout=60)
    assert (run.returncode, run.stdout) == (0, f"1 {sum(range(100))} 1\n"), run.stderr
