"""How a command fails: one sentence for the user and an exit code, never a traceback."""

from __future__ import annotations


class CliError(Exception):
    """End the command. Exit code 2: the command line or a file is wrong; 1: the service refused or failed."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code
