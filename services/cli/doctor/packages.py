"""Python and the packages of each role, in the versions that the project asks for."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import services
from services.cli.doctor.finding import Finding, missing, ok, warn
from services.cli.typed import NAME

# What each role is for; a role that is not named here is for development.
PURPOSES = {
    "": "everything",
    "torch": "the API, which checks architectures, and workers, which train",
    "tracking": "workers and upkeep, which write to MLflow",
    "embedded": "a stack of one's own: MLflow's server and a Redis",
    "postgres": "PostgreSQL as the database",
}


@dataclass(frozen=True)
class Requirement:
    """A package, the versions that fit (from `low`, below `high`), and the role that needs it."""

    name: str
    low: tuple[int, ...]
    high: tuple[int, ...]
    role: str

    @property
    def asked(self) -> str:
        """As one types it: `torch>=2.9,<2.14`."""
        ends = (f">={_dotted(self.low)}" if self.low else "", f"<{_dotted(self.high)}" if self.high else "")
        return self.name + ",".join(filter(None, ends))

    def fits(self, version: str) -> bool:
        """Whether a version is in the range."""
        number = numbers(version)
        return number >= self.low and (not self.high or number < self.high)


def python() -> Finding:
    """The interpreter; one that is too old does not get as far as here."""
    return ok("Python", f"{'.'.join(map(str, sys.version_info[:3]))} ({sys.executable})")


def roles(needed: frozenset[str]) -> Iterator[Finding]:
    """A line for each role: whether its packages are there, in versions that fit."""
    found = requirements()
    for role, purpose in PURPOSES.items():
        faults = [fault for each in found if each.role == role and (fault := _fault(each))]
        name, what = f"packages {role or 'core'}", f"needed by {purpose}"
        if not faults:
            yield ok(name, what)
            continue
        level = missing if role in needed else warn
        told = "; ".join(fault for fault, _ in faults)
        install = " ".join(f"'{asked}'" for _, asked in faults)
        yield level(name, f"{told}; {what}", f"{sys.executable} -m pip install {install}")


def requirements() -> list[Requirement]:
    """What the installed distribution asks for, or the project's own file where it runs from its sources."""
    source = Path(services.__path__[0]).parent / "pyproject.toml"
    if source.is_file():
        project = tomllib.loads(source.read_text(encoding="utf-8"))["project"]
        by_role = {"": project["dependencies"], **project["optional-dependencies"]}
        return [read(text, role) for role, texts in by_role.items() for text in texts]
    return [read(*_marked(text)) for text in metadata.requires(NAME) or ()]


def read(text: str, role: str) -> Requirement:
    """A requirement as pyproject.toml has it: `psycopg[binary]>=3.2,<4`."""
    name = re.match(r"[\w.-]+", text)
    assert name is not None, text
    low, high = (re.search(rf"{sign}([\d.]+)", text) for sign in (">=", "<"))
    return Requirement(name[0], numbers(low[1]) if low else (), numbers(high[1]) if high else (), role)


def numbers(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with: `2.13.0+cpu` → (2, 13, 0)."""
    begins = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, begins[0].split("."))) if begins else ()


def _marked(text: str) -> tuple[str, str]:
    """A requirement of metadata without its marker, and the role that the marker names."""
    plain, _, marker = text.partition(";")
    role = re.search(r"extra == ['\"]([\w-]+)['\"]", marker)
    return plain.strip(), role[1] if role else ""


def _fault(asked: Requirement) -> tuple[str, str] | None:
    """What is wrong with a package, and what to ask pip for."""
    try:
        version = metadata.version(asked.name)
    except metadata.PackageNotFoundError:
        return f"{asked.name} is not installed", asked.asked
    if not asked.fits(version):
        return f"{asked.name} is {version}", asked.asked
    return None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
