"""The exceptions of cnnlab: one tree, so that a caller can catch all of it or one branch."""

import re
from collections.abc import Iterable
from difflib import get_close_matches


class CnnlabError(Exception):
    """The base of everything that cnnlab raises on purpose."""


class RegistryError(CnnlabError):
    """A file of an entry does not define exactly one entry of its kind."""


class ConfigError(CnnlabError, ValueError):
    """A config is wrong at `path`, a dotted path such as "train.optimizer.lr"; `message` is the reason."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path, self.message = path, message


class UnknownName(ConfigError):
    """A name that does not exist; `known` are the names that do, `near` the similar ones."""

    def __init__(self, path: str, what: str, name: str, known: Iterable[str]) -> None:
        self.known = tuple(sorted(known))
        self.near = nearest(name, self.known)
        hint = f" Did you mean {' or '.join(map(repr, self.near))}?" if self.near else ""
        super().__init__(path, f"no {what} named {name!r}.{hint} Known: {', '.join(self.known) or 'none'}")


def nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return up to three names that were probably meant, the nearest first; case and hyphens do not count."""
    plain = {each: re.sub("[^a-z0-9]", "", each.lower()) or each for each in known}
    close = get_close_matches(re.sub("[^a-z0-9]", "", name.lower()) or name, plain.values(), n=3)
    found = dict.fromkeys(each for text in close for each, own in plain.items() if own == text)
    return tuple(found)[:3]
