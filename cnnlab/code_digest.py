"""Digests of the code that training depends on: of single entries, and of all other code."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from cnnlab import registry
from cnnlab.errors import RegistryError
from cnnlab.fixed_data import FixedDataSet
from cnnlab.hyper import declared

# Kinds of which a trial runs only the entries that its config names. Of the other kinds, layers, activations
# and initializers, models use entries that no config names, so all of these count as shared code.
NAMED_KINDS = (
    *("augmentations", "datasets", "losses", "metrics", "models"),
    *("optimizers", "regularizers", "schedules"),
)
READING_ONLY = "by_hand"  # a folder that no training imports
SUFFIXES = (".py", ".cpp", ".h")


@cache
def shared_code() -> str:
    """Digest all code but that of entries of `NAMED_KINDS`, as 16 hexadecimal digits."""
    root = Path(__file__).parent
    left_out = {READING_ONLY, *NAMED_KINDS}
    files = (path.relative_to(root) for path in root.rglob("*") if path.suffix in SUFFIXES)
    lines = [f"{path.as_posix()} {_digest(root / path)}" for path in files if path.parts[0] not in left_out]
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


@cache
def entries() -> dict[str, str]:
    """Digest the code of every entry that a config can name, by name; entries of one name share a digest.

    A plug-in's is that of all plug-ins, because they may import one another. A plug-in data set whose content
    nothing identifies is left out: it must have a field `sha256`, or facts with a digest.
    """
    found: dict[str, list[str]] = {}
    for kind in registry.KINDS:
        for name in registry.names(kind):
            if not registry.is_plugin(kind, name):
                found.setdefault(name, []).append(_digest(_file(kind, name)) if kind in NAMED_KINDS else "")
            elif kind != "datasets" or _has_fixed_content(name):
                found.setdefault(name, []).append(registry.plugins_digest())
    return {name: sha256(" ".join(each).encode()).hexdigest()[:16] for name, each in found.items()}


def _file(kind: str, name: str) -> Path:
    return Path(__file__).parent / kind / f"{name.replace('-', '_')}.py"


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _has_fixed_content(name: str) -> bool:
    try:
        entry = registry.get("datasets", name)
    except RegistryError:  # it cannot be loaded, so nobody trains on it
        return False
    if "sha256" in declared(entry):
        return True
    return issubclass(entry, FixedDataSet) and bool(entry.facts.digest)
