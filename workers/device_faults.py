"""When a worker's GPU gets no more packs: torch cannot use it, or attempts on it fail with CUDA errors."""

from __future__ import annotations

from collections.abc import Callable

from workers.cuda_errors import CudaErrors

MAX_CUDA_ERRORS = 2  # attempts in a row, with no epoch committed between them


class DeviceFaults:
    """What has gone wrong with a worker's device; `reason` says why it gets no more packs, empty if it does.

    `on_fault(reason)` is called once. There is no way back: a worker that is started again begins anew.
    """

    def __init__(self, on_fault: Callable[[str], None], errors: CudaErrors) -> None:
        self.reason = ""
        self._errors, self._on_fault = errors, on_fault

    def note_runner(self, unusable: str) -> None:
        """Note why the runner cannot use the device; empty if it can, or has not said."""
        if unusable and not self.reason:
            self.reason = unusable
            self._on_fault(self.reason)

    def note_attempt(self, cuda_error: str, has_committed: bool) -> None:
        """Note with which CUDA error an attempt ended, empty if none, and whether it committed an epoch."""
        if has_committed:
            self._errors.clear()
        if cuda_error:
            self._errors.add(cuda_error)
        self.note_errors()

    def note_errors(self) -> None:
        """Note how many there were, those of attempts under an earlier supervisor of the worker included."""
        if self._errors.count >= MAX_CUDA_ERRORS and not self.reason:
            self.reason = (
                f"{MAX_CUDA_ERRORS} attempts in a row failed on it with a CUDA error, the last with "
                f"{self._errors.last!r}; see what nvidia-smi and the kernel's log (Xid) say of it, "
                "reset or replace it, then start this worker again"
            )
            self._on_fault(self.reason)
