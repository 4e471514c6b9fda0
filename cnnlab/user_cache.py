"""The user's cache, for what can be made again: built libraries and downloaded data sets."""

import os
from pathlib import Path

from cnnlab.errors import CnnlabError


class NoCache(CnnlabError):
    """The user has no folder for a cache."""


def user_cache(name: str) -> Path:
    """Return the folder of this name in the user's cache, which need not exist; NoCache without a home.

    It is below $XDG_CACHE_HOME, by default ~/.cache. A relative one is ignored, as its specification asks.
    """
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = chosen if chosen.is_absolute() else Path(os.path.expanduser("~/.cache"))
    if not base.is_absolute():
        raise NoCache("the user has no home folder: set XDG_CACHE_HOME to the absolute path of a cache")
    return base / "cnnlab" / name
