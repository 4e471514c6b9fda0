"""Python and the packages of each role, in the versions that the project requires."""

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
from services.cli.invocation import PROGRAM

# What needs the packages of each role; a role that is not named here is for development.
ROLE_PURPOSES = {
    "": "every command",
    "torch": "the API, which checks models, and the workers, which train",
    "tracking": "the workers and upkeep, which write to MLflow",
    "embedded": "a stack on this machine, which runs its own MLflow and Redis",
    "search": "the API, upkeep and the workers, for sweeps with search: gp",
    "timm": "the API and the workers, for sweeps with model: timm",
    "export": "the API, which gives models as ONNX files with it",
    "frames": "the Python client, whose tables are pandas frames with it, and Parquet",
    "postgres": "a service with PostgreSQL as its database",
}


@dataclass(frozen=True)
class Requirement:
    """A package, the versions that fit (from `low`, below `high`), and the role that needs it."""

    name: str
    low: tuple[int, ...]
    high: tuple[int, ...]
    role: str

    @property
    def specifier(self) -> str:
        """As pip reads it: `torch>=2.9,<2.14`."""
        ends = (f">={_dotted(self.low)}" if self.low else "", f"<{_dotted(self.high)}" if self.high else "")
        return self.name + ",".join(filter(None, ends))

    def fits(self, version: str) -> bool:
        """Whether a version is in the range."""
        number = numbers(version)
        return number >= self.low and (not self.high or number < self.high)


def python() -> Finding:
    """The interpreter; one that is too old could not run this."""
    return ok("Python", f"{'.'.join(map(str, sys.version_info[:3]))} ({sys.executable})")


def roles(needed: frozenset[str]) -> Iterator[Finding]:
    """A line for each role: whether its packages are there, in versions that fit."""
    known = requirements()
    for role, purpose in ROLE_PURPOSES.items():
        faults = [fault for each in known if each.role == role and (fault := _fault(each))]
        name, what = f"packages {role or 'core'}", f"needed by {purpose}"
        if not faults:
            yield ok(name, what)
            continue
        level = missing if role in needed else warn
        problems = "; ".join(fault for fault, _ in faults)
        install = " ".join(f"'{specifier}'" for _, specifier in faults)
        yield level(name, f"{problems}; {what}", f"{sys.executable} -m pip install {install}")


def requirements() -> list[Requirement]:
    """The requirements of pyproject.toml when run from the sources, else of the installed distribution."""
    source = Path(services.__path__[0]).parent / "pyproject.toml"
    if source.is_file():
        project = tomllib.loads(source.read_text(encoding="utf-8"))["project"]
        by_role = {"": project["dependencies"], **project["optional-dependencies"]}
        return [read(text, role) for role, texts in by_role.items() for text in texts]
    return [read(*_marked(text)) for text in metadata.requires(PROGRAM) or ()]


def read(text: str, role: str) -> Requirement:
    """Read a requirement as pyproject.toml writes it: `psycopg[binary]>=3.2,<4`."""
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


def _fault(needed: Requirement) -> tuple[str, str] | None:
    """What is wrong with a package, and what pip should install."""
    try:
        version = metadata.version(needed.name)
    except metadata.PackageNotFoundError:
        return f"{needed.name} is not installed", needed.specifier
    if not needed.fits(version):
        return f"{needed.name} is {version}, not {needed.specifier}", needed.specifier
    return None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
