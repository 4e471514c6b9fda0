"""On aarch64 the library, built by its own flags, gives the bits that it gives here, in every operation.

It needs a cross compiler (Debian: g++-aarch64-linux-gnu) and an emulator for what that builds (qemu-user).
"""

import ctypes
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
import torch
from compiled_library import needs_kernels
from torch import Tensor

from cnnlab.kernels import conv_max, library, library_build, norm

COMPILER = shutil.which("aarch64-linux-gnu-g++")
EMULATOR = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
MAIN = Path(__file__).with_name("piped.cpp")
FUNCTIONS = ("conv_max_forward", "conv_max_backward", "norm_forward", "norm_backward", "dropout_factors")
CONVOLUTIONS, NORMS, DROPOUTS = 40, 12, 6

pytestmark = [
    needs_kernels,
    pytest.mark.long,
    pytest.mark.skipif(COMPILER is None, reason="no cross compiler: apt install g++-aarch64-linux-gnu"),
]


class Call(NamedTuple):
    """A call of a function: arguments as bytes, so many bytes of results, or None for a null pointer."""

    name: str
    arguments: list[bytes | int | None]

    def sent(self) -> bytes:
        """It as piped.cpp reads it."""
        parts = [struct.pack("qq", FUNCTIONS.index(self.name), len(self.arguments))]
        for each in self.arguments:
            given = each if isinstance(each, bytes) else b""
            size = each if isinstance(each, int) else len(given)
            parts += [struct.pack("qq", size, bool(given)), given]
        return b"".join(parts)

    def sizes(self) -> list[int]:
        """The bytes of its results."""
        return [each for each in self.arguments if isinstance(each, int)]

    def here(self, compiled: ctypes.CDLL) -> list[bytes]:
        """Its results on this machine."""
        rooms = [
            None if each is None else ctypes.create_string_buffer(each, size_of(each))
            for each in self.arguments
        ]
        passed: list[object] = list(rooms)
        plain: dict[str, dict[int, type]] = {
            "norm_forward": {5: ctypes.c_double},
            "dropout_factors": {0: ctypes.c_int, 1: ctypes.c_ssize_t, 2: ctypes.c_int32},
        }
        for place, kind in plain.get(self.name, {}).items():
            given = self.arguments[place]
            assert isinstance(given, bytes)
            passed[place] = kind.from_buffer_copy(given)  # type: ignore[attr-defined]
        failed = getattr(compiled, self.name)(*passed)
        assert self.name == "dropout_factors" or not failed
        return [
            room.raw
            for each, room in zip(self.arguments, rooms, strict=True)
            if isinstance(each, int) and room is not None
        ]


def size_of(argument: bytes | int) -> int:
    return argument if isinstance(argument, int) else len(argument)


def in_order(t: Tensor) -> bytes:
    return t.contiguous().numpy().tobytes()


def convolutions(dtype: torch.dtype, compiled: ctypes.CDLL) -> Iterator[Call]:
    """Forward and backward passes of random shapes, the first of Winograd's."""
    random, generator = Random(1), torch.Generator().manual_seed(1)

    def numbers(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype)

    for index in range(CONVOLUTIONS):
        images, rows = random.choice([1, 2, 5, 66]), random.choice([1, 2, 3])
        maps, outputs = random.choice([1, 3, 6, 8, 17, 32]), random.choice([1, 6, 8, 16, 20, 33])
        kernel, padding = random.choice([1, 2, 3, 3, 5]), (random.choice([0, 1, 2]), random.choice([0, 1, 2]))
        if index < 8:
            maps, outputs, kernel = random.choice([8, 16, 17]), random.choice([8, 9, 32]), 3
        height, width = (max(1, kernel + 1 - 2 * p) + random.randrange(9) for p in padding)
        inputs = random.choice([1, rows])
        x = numbers(images, inputs, height, width, maps)
        if index % 4 == 3:
            x[0, 0, 0, 0, 0] = random.choice([1e30, torch.inf])
        w, relu = numbers(rows, outputs, maps, kernel, kernel), random.choice(["none", "behind", "before"])
        shape = bytes(conv_max._shape(x.permute(0, 1, 4, 2, 3), w, padding, relu))  # type: ignore[arg-type]
        high, wide = ((s + 2 * p - kernel + 1) // 2 for s, p in zip((height, width), padding, strict=True))
        results, size = images * rows * high * wide * outputs, dtype.itemsize
        bias = in_order(numbers(rows, outputs)) if random.random() < 0.7 else None
        forward = Call("conv_max_forward", [shape, in_order(x), in_order(w), bias, results * size, results])
        yield forward
        dx = None if random.random() < 0.3 else images * rows * height * width * maps * size
        slope, at = in_order(numbers(results)), forward.here(compiled)[1]
        db = None if bias is None else len(bias)
        yield Call(
            "conv_max_backward", [shape, in_order(x), in_order(w), slope, at, dx, w.numel() * size, db]
        )


def norms(dtype: torch.dtype, compiled: ctypes.CDLL) -> Iterator[Call]:
    """Forward and backward passes of random shapes, with and without a sum and a ReLU."""
    random, generator = Random(2), torch.Generator().manual_seed(2)

    def numbers(*size: int) -> bytes:
        return in_order(torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype))

    for _ in range(NORMS):
        images, pixels = random.choice([2, 5, 67]), random.choice([1, 7, 64, 600])
        rows, maps, relu = random.choice([1, 3]), random.choice([8, 24, 136]), random.choice([0, 1])
        shape = bytes(norm._NormShape(images, pixels, rows, maps, relu, 1))
        features, size = rows * maps, dtype.itemsize
        whole, each = images * pixels * features, features * size
        x, scale, shift = numbers(whole), numbers(features), numbers(features)
        added = numbers(whole) if random.random() < 0.5 else None
        epsilon = struct.pack("d", 1e-5)
        forward = Call(
            "norm_forward", [shape, x, added, scale, shift, epsilon, whole * size, each, each, each]
        )
        yield forward
        _, mean, _, inverse = forward.here(compiled)
        dadded = None if added is None else whole * size
        yield Call(
            "norm_backward",
            [
                *(shape, x, added, scale, shift, mean, inverse, numbers(whole)),
                *(whole * size, dadded, each, each),
            ],
        )


def dropouts(dtype: torch.dtype, compiled: ctypes.CDLL) -> Iterator[Call]:
    """Factors for random keys, limits and numbers of units."""
    random, number = Random(3), {torch.float32: "f", torch.float64: "d"}[dtype]
    for _ in range(DROPOUTS):
        rows, units, first = random.choice([1, 3]), random.choice([1, 1024, 3001]), random.randrange(2**30)
        keys, limits = (
            struct.pack(f"{rows}i", *(random.randrange(-(2**31), 2**31) for _ in range(rows)))
            for _ in range(2)
        )
        scales = struct.pack(f"{rows}{number}", *(1 + random.random() for _ in range(rows)))
        places = struct.pack("i", rows), struct.pack("q", units), struct.pack("i", first)
        yield Call("dropout_factors", [*places, keys, limits, scales, rows * units * dtype.itemsize])


def compiled_here(dtype: torch.dtype) -> ctypes.CDLL:
    compiled = library.load(dtype).library
    assert compiled is not None
    return compiled


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Does calls, for aarch64."""
    assert COMPILER is not None
    path = tmp_path_factory.mktemp("aarch64") / "piped"
    build = [COMPILER, "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", str(MAIN), "-ldl", "-o", str(path)]
    subprocess.run(build, check=True, timeout=120)
    return path


@pytest.fixture(scope="module", params=library.NUMBERS, ids=library.NUMBERS.values())
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, torch.dtype]:
    """A library for aarch64 as a worker there would build it, and the type of its numbers."""
    assert COMPILER is not None
    recipe = library_build.Recipe("aarch64", library.NUMBERS[request.param])
    return library_build.build(COMPILER, tmp_path_factory.mktemp("kernels"), recipe), request.param


def test_it_is_a_library_for_aarch64(built: tuple[Path, torch.dtype]) -> None:
    assert built[0].read_bytes()[18:20] == b"\xb7\x00"  # EM_AARCH64, little endian


@pytest.mark.parametrize("number", library.NUMBERS.values())
def test_it_compiles_without_a_warning(number: str) -> None:
    assert COMPILER is not None
    strict = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-psabi", "-std=c++17", f"-DREAL={number}"]
    build = [COMPILER, *strict, str(library_build.SOURCE)]
    done = subprocess.run(build, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(EMULATOR is None, reason="no emulator: apt install qemu-user")
@pytest.mark.parametrize("operation", [convolutions, norms, dropouts], ids=lambda own: own.__name__)
def test_it_gives_the_same_bits(program: Path, built: tuple[Path, torch.dtype], operation: type) -> None:
    path, dtype = built
    calls = list(operation(dtype, compiled_here(dtype)))
    run = [str(EMULATOR), "-L", "/usr/aarch64-linux-gnu", str(program), str(path)]
    sent = b"".join(call.sent() for call in calls)
    done = subprocess.run(run, input=sent, capture_output=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, b"")
    out, unlike = done.stdout, []
    for number, call in enumerate(calls):
        for place, (size, expected) in enumerate(
            zip(call.sizes(), call.here(compiled_here(dtype)), strict=True)
        ):
            part, out = out[:size], out[size:]
            if part != expected:
                unlike.append((number, call.name, place))
    assert out == b""
    assert not unlike
