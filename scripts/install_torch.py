"""Install torch into this interpreter's environment: the build that fits the machine, at the least cost.

A CPU build is 0.2 GB and a CUDA build several, so a machine without a GPU asks PyTorch's own CPU index first,
if that answers within seconds. Otherwise pip decides by the user's own configuration.
Writes `constraints.txt` into the environment's folder: the project's, with the torch that is now installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
SECONDS = 4


def main() -> int:
    """Install unless a fitting torch is there; returns pip's exit code."""
    pinned = pin((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    present = installed()
    if present is not None and in_range(present, requirement()):
        say(f"torch {present} is installed and fits; it stays")
    else:
        code = install(pinned, wanted_device(os.environ.get("DEVICE")))
        if code != 0:
            return code
    write_constraints(installed() or pinned)
    return 0


def install(version: str, device: str) -> int:
    """Run pip; dependencies come later, with the project's constraints."""
    plain = ["--no-deps", f"torch=={version}"]
    if device == "cpu" and sys.platform == "linux":
        if answers(f"{CPU_INDEX}/torch/"):
            say(f"torch {version}, CPU build, about 190 MB, from {CPU_INDEX}")
            if pip("--index-url", CPU_INDEX, "--retries", "1", "--timeout", "15", *plain) == 0:
                return 0
        say(f"{CPU_INDEX} does not answer; torch {version} comes from pip's usual index")
        say("(190 MB if that offers a CPU build, else the CUDA build with several GB)")
    else:
        say(f"torch {version} for {device} from pip's usual index (with CUDA: several GB)")
    return pip(*plain)


def pin(constraints: str) -> str:
    """The version of torch in a constraints file."""
    found = re.search(r"^torch==(\S+)$", constraints, re.MULTILINE)
    if found is None:
        raise SystemExit("constraints.txt must have a line torch==VERSION")
    return found[1]


def requirement() -> str:
    """The range of torch that pyproject.toml asks for, e.g. `>=2.9,<2.14`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entry: str = next(e for e in project["optional-dependencies"]["torch"] if re.match(r"torch[<>=]", e))
    return entry.removeprefix("torch")


def in_range(version: str, wanted: str) -> bool:
    """Whether a version meets `>=A,<B`."""
    low, high = re.fullmatch(r">=([\d.]+),<([\d.]+)", wanted).groups()  # type: ignore[union-attr]
    return numbers(low) <= numbers(version) < numbers(high)


def numbers(version: str) -> tuple[int, ...]:
    """2.13.0+cpu → (2, 13, 0)."""
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0]))


def installed() -> str | None:
    """The version of torch in this environment."""
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return None


def wanted_device(asked: str | None) -> str:
    """`cpu` or `cuda`: as asked, else by whether the NVIDIA driver lists a GPU."""
    if asked is not None:
        if asked not in ("cpu", "cuda"):
            raise SystemExit(f"DEVICE must be cpu or cuda, got {asked!r}")
        return asked
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "cpu"
    listed = subprocess.run([tool, "-L"], capture_output=True, text=True, check=False)
    return "cuda" if listed.returncode == 0 and "GPU " in listed.stdout else "cpu"


def answers(url: str) -> bool:
    """Whether a page can be had within seconds."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS):  # noqa: S310 (https, written above)
            return True
    except (urllib.error.URLError, OSError):
        return False


def pip(*arguments: str) -> int:
    """Run pip of this environment and return its exit code."""
    return subprocess.run([sys.executable, "-m", "pip", "install", "-q", *arguments], check=False).returncode


def write_constraints(version: str) -> None:
    """The project's constraints, but with the torch that is here."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    text = re.sub(r"^torch==\S+$", f"torch=={version}", text, flags=re.MULTILINE)
    (Path(sys.prefix) / "constraints.txt").write_text(text, encoding="utf-8")


def say(words: str) -> None:
    """One line of what goes on."""
    sys.stdout.write(f"  {words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
