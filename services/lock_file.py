"""A lock on a file that shows the other processes of a host whether the holder of a claim is still alive.

The kernel drops a lock with the last process that has the file open: the worker that made it, or a child that
it forked. That is exact where a process id is not, which is used again and means nothing in another
container. A file is found only by processes that share its folder, on the boot that made it; for all others,
and so for other hosts, it says nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path


def path_of(token: str) -> Path:
    """Where the lock of a claim is; the name gives the token away to nobody."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # no Linux: whoever starts the machine again empties the folder
        boot = ""
    name = hashlib.sha256(f"{boot}/{token}".encode()).hexdigest()[:32]
    return Path(tempfile.gettempdir()) / f"cnnlab-{name}.lock"


def hold(token: str) -> int:
    """Lock the file of a claim for as long as this process, or one that it forks, lives; its descriptor."""
    held = os.open(path_of(token), os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return held


def is_dropped(token: str) -> bool:
    """Whether the holder of a claim has certainly ended; False also where this process cannot see that."""
    try:
        found = os.open(path_of(token), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(found, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(found)
    return True


def remove(token: str) -> None:
    """Delete the file of a claim that has ended."""
    with suppress(OSError):
        path_of(token).unlink()
