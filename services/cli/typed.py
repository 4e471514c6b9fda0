"""How the user types this program, for the hints that name a command."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

NAME = "cnnlab"


def typed(words: str) -> str:
    """A command of this program: by its name where PATH has it, else by the path it was started by."""
    started = sys.argv[0]
    bare = shutil.which(NAME) is not None or Path(started).name != NAME
    return f"{NAME if bare else shlex.quote(started)} {words}"
