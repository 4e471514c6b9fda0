"""How a command fails: one sentence for the user and an exit code, never a traceback."""

from __future__ import annotations


class Failure(Exception):
    """Ends the command; code 2 means that the command itself was wrong, 1 that the service said no."""

    def __init__(self, words: str, code: int = 1) -> None:
        super().__init__(words)
        self.code = code
