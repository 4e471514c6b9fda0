"""How the user starts this program, for hints that name a command to run."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

PROGRAM = "cnnlab"


def command_line(arguments: str) -> str:
    """A command line of this program: by its name if PATH has it, else by the path it was started by."""
    started = sys.argv[0]
    bare = shutil.which(PROGRAM) is not None or Path(started).name != PROGRAM
    return f"{PROGRAM if bare else shlex.quote(started)} {arguments}"
