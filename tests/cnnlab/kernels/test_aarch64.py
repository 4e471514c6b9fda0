"""The C++ compiles for aarch64 without a warning, and computes there what it computes here.

It needs a cross compiler (Debian: g++-aarch64-linux-gnu); what it has built runs in an emulator (qemu-user).
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from cnnlab.kernels import library
from cnnlab.kernels.conv_max import _shape as shape_of
from cnnlab.kernels.conv_max import conv_then_max

COMPILER = shutil.which("aarch64-linux-gnu-g++")
EMULATOR = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
MAIN = Path(__file__).with_name("piped.cpp")
FLAGS = [flag for flag in library.FLAGS if flag not in ("-fPIC", "-shared", "-w", "-O3")]
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-12}
SHAPES: list[Any] = [  # images, rows, maps, outputs, height, width, kernel, padding, where ReLU is
    (3, 2, 1, 6, 9, 12, 5, (2, 2), "behind"),
    (2, 3, 6, 16, 10, 9, 5, (0, 0), "none"),
    (66, 1, 3, 20, 6, 5, 3, (1, 0), "before"),
]


@pytest.fixture(scope="module", params=[torch.float32], ids=["float"])
def program(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, torch.dtype]:
    """A program for aarch64, and the type of its numbers; the other type takes as long to compile again."""
    if COMPILER is None:
        pytest.skip("no cross compiler: apt install g++-aarch64-linux-gnu")
    path, number = tmp_path_factory.mktemp("aarch64") / "piped", library.NUMBERS[request.param]
    strict = [
        "-O1",
        "-static",
        "-Wno-psabi",
        "-Wall",
        "-Wextra",
        "-Werror",
        f"-DREAL={number}",
        "-include",
        str(library.SOURCE),
    ]
    build = [COMPILER, *FLAGS, *library.ARCHITECTURES["aarch64"], *strict, str(MAIN), "-o", str(path)]
    done = subprocess.run(build, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return path, request.param


def test_it_compiles_without_a_warning(program: tuple[Path, torch.dtype]) -> None:
    assert program[0].read_bytes()[18:20] == b"\xb7\x00"  # EM_AARCH64, little endian


@pytest.mark.skipif(EMULATOR is None, reason="no emulator: apt install qemu-user")
@pytest.mark.parametrize("shape", SHAPES)
def test_it_computes_what_torch_does(program: tuple[Path, torch.dtype], shape: Any) -> None:
    path, dtype = program
    images, rows, maps, outputs, height, width, kernel, padding, relu = shape
    generator = torch.Generator().manual_seed(1)

    def numbers(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype)

    x = numbers(images, rows, height, width, maps).permute(0, 1, 4, 2, 3)
    w, bias = numbers(rows, outputs, maps, kernel, kernel), numbers(rows, outputs)
    y = conv_then_max(*(t.requires_grad_() for t in (x, w, bias)), padding, relu)
    slope = numbers(images, rows, *y.shape[3:], outputs)
    dx, dw, db = torch.autograd.grad(y, (x, w, bias), slope.permute(0, 1, 4, 2, 3))

    sent = [bytes(shape_of(x, w, padding, relu)), *map(in_order, (x.permute(0, 1, 3, 4, 2), w, bias, slope))]
    run = [str(EMULATOR), str(path)]
    out = subprocess.run(run, input=b"".join(sent), capture_output=True, check=True, timeout=60).stdout
    found = []
    for expected in (y.permute(0, 1, 3, 4, 2), None, dx.permute(0, 1, 3, 4, 2), dw, db):
        size = slope.numel() if expected is None else expected.numel() * dtype.itemsize
        part, out = out[:size], out[size:]
        if expected is not None:
            found.append((torch.frombuffer(bytearray(part), dtype=dtype).view(expected.shape), expected))
    assert out == b""
    for own, expected in found:
        torch.testing.assert_close(own, expected.detach(), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def in_order(t: Tensor) -> bytes:
    return t.detach().contiguous().numpy().tobytes()
