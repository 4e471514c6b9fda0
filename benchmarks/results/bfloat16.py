"""What bfloat16 costs in accuracy: LeNet-5 with the same five seeds in it and in float32.

    python -m benchmarks.results.bfloat16

Data are those of the package. On a processor without AVX512-BF16 or AMX, bfloat16 is slow and rounds alike.
"""

from typing import Any

from benchmarks.results.five_seeds import errors, say, spread


def config(precision: str) -> dict[str, Any]:
    """Return LeNet-5 in a precision, everything else the same."""
    optimizer = {"name": "momentum", "lr": 0.05}
    return {
        "model": "lenet5",
        "data": "fashion-mnist-mini",
        "train": {"epochs": 5, "optimizer": optimizer, "precision": precision},
    }


if __name__ == "__main__":
    found = {precision: errors(config(precision)) for precision in ("float32", "bfloat16")}
    for precision, values in found.items():
        say(f"{precision}: error {spread(values)}")
    more = [rounded - exact for exact, rounded in zip(found["float32"], found["bfloat16"], strict=True)]
    say(f"bfloat16 has more by {spread(more)} points")
