"""What the documents tell a newcomer to do works: links, commands, the spec, the library's lines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from services.api.library import Library
from services.cli.app import subcommands
from services.domain.planning.planner import make_plan
from services.domain.spec.spec import Spec

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def block(language: str, number: int = 0) -> str:
    """The README's first block in a language, or a later one."""
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return found[number]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [to for to in targets if "://" not in to and not (page.parent / to).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z-]+)", code)) <= set(targets)
    known = {command.name for command in subcommands()}
    assert set(re.findall(r"(?:^|/)cnnlab ([a-z]+)", code, re.MULTILINE)) <= known
    for module in re.findall(r"python -m ([a-z0-9_.]+)", code):
        path = ROOT / module.replace(".", "/")
        ours = path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
        assert ours or module == "pytest", f"there is no {module} to run"


def test_the_spec_is_the_example() -> None:
    example = yaml.safe_load((ROOT / "examples" / "dropout-grid.yaml").read_text(encoding="utf-8"))
    assert yaml.safe_load(block("yaml")) == example
    spec = Spec.model_validate(example)
    assert make_plan(spec, Library(), limit=1000, memory=2**31).trials == 18, "make demo promises 18 networks"


def test_the_body_that_curl_sends_is_a_spec() -> None:
    [body] = re.findall(r"-d '(.*?)'", README, re.DOTALL)
    plan = make_plan(Spec.model_validate(json.loads(body)), Library(), limit=1000, memory=2**31)
    assert plan.trials == 3


def printed(block: str) -> list[list[str]]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", block]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def test_ten_lines_train_a_net() -> None:
    assert len(block("python").strip().splitlines()) <= 10
    [[epoch, accuracy]] = printed(block("python"))
    assert epoch == "1"
    assert 0.5 < float(accuracy) <= 1


@pytest.mark.long
def test_the_lines_of_a_grid_run() -> None:
    rows = printed(block("python", 1))
    assert [row[:2] for row in rows] == [[str(number), "1"] for number in range(4)]
    assert all(0.2 < float(row[2]) <= 1 for row in rows), "an epoch of LeNet-5 beats guessing"
