"""workers/cuda_errors.py: a child's count is there for the next child."""

from __future__ import annotations

import os

from workers.cuda_errors import MAX_ERROR_BYTES, CudaErrors


def test_what_a_child_counts_is_known_to_the_next_one() -> None:
    errors = CudaErrors()
    for text in ("CUDA error: a\nmore", "CUDA error: b\nmore"):
        child = os.fork()
        if child == 0:
            errors.add(text)
            os._exit(0)
        os.waitpid(child, 0)
    assert (errors.count, errors.last) == (2, "CUDA error: b")
    errors.clear()
    assert (errors.count, errors.last) == (0, "")


def test_an_error_of_any_length_is_kept_as_far_as_there_is_room() -> None:
    errors = CudaErrors()
    errors.add("x" + "ü" * MAX_ERROR_BYTES)
    assert errors.last == "x" + "ü" * ((MAX_ERROR_BYTES - 1) // 2)
    errors.add("x")
    assert (errors.count, errors.last) == (2, "x")
