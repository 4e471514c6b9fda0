"""When a test of a compiled operation may be skipped: not where a compiler is there to build it."""

import pytest

from cnnlab.kernels import library, library_build


def _reason() -> str:
    """Return why there can be no library; empty where there is one, or where its absence is a fault.

    One without a remedy is switched off, or not for this processor.
    """
    found = library.load()
    return found.reason if not found.remedy or not library_build.compilers() else ""


REASON = _reason()
needs_kernels = pytest.mark.skipif(bool(REASON), reason=REASON)
