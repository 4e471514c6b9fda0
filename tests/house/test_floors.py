"""The house: floors, doors, and what the light parts must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("cnnlab", "services", "workers", "migrations")

# Which files may import an outside system; a name that ends in / is a folder.
DOORS = {
    "mlflow": (
        "services/tracking/",
        "services/stack/mlflow_app.py",
        "services/stack/mlflow_store.py",
        "services/stack/mlflow_tables.py",
        "services/stack/given_run.py",
        "services/stack/run_batch.py",
    ),
    "sqlalchemy": (
        "services/store/",
        "migrations/",
        "services/stack/mlflow_store.py",
        "services/stack/mlflow_tables.py",
        "services/stack/run_batch.py",
        "services/stack/brief_runs.py",
    ),
    "alembic": ("migrations/",),
    "celery": ("services/queue.py", "workers/app.py"),
    "torch": (
        "cnnlab/",
        "services/api/library.py",
        "workers/runner.py",
        "workers/pack_training.py",
        "workers/kept_fit.py",
        "workers/checkpoints.py",
        "services/domain/search/gp.py",  # how many threads optuna's matrices get
    ),
    "cnnlab": (
        "cnnlab/",
        "services/api/library.py",
        "services/domain/plan/trial_config.py",  # plain Python there, too
        "workers/runner.py",
        "workers/pack_training.py",
        "workers/kept_fit.py",
        "workers/claim.py",
    ),
    "typer": ("services/cli/",),
    "rustuna": ("services/domain/asking/rustuna_study.py",),
    "optuna": ("services/domain/search/gp.py",),
    "gunicorn": ("services/stack/mlflow_app.py",),
}


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


@cache
def imports(path: Path) -> set[str]:
    """The first part of every module that a file imports, lazily or not."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_arrows_only_point_down() -> None:
    linter = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = subprocess.run([str(linter), "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.parametrize("outside", DOORS)
def test_an_outside_system_has_its_door(outside: str) -> None:
    names = {path.relative_to(ROOT).as_posix() for path in sources() if outside in imports(path)}
    assert names, f"nothing imports {outside} any more: take it off the list"
    strangers = {name for name in names if not any(matches(name, door) for door in DOORS[outside])}
    assert not strangers, f"{outside} is imported by {sorted(strangers)}, but only {DOORS[outside]} may"


def matches(name: str, door: str) -> bool:
    return name.startswith(door) if door.endswith("/") else name == door


@pytest.mark.long
@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        (("services.client",), {"torch", "mlflow", "sqlalchemy", "fastapi", "celery"}),
        (("services.cli",), {"torch", "mlflow", "sqlalchemy", "fastapi", "celery"}),
        (("services.api.app",), {"torch", "mlflow", "services.tracking.tracker"}),
        (("services.upkeep.loop",), {"torch", "mlflow"}),
        (("workers.__main__", "workers.supervisor"), {"torch", "mlflow", "cnnlab.registry"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_light_parts_load_nothing_heavy(modules: tuple[str, ...], heavy: set[str]) -> None:
    """Asked of a fresh interpreter, with every file of a package imported."""
    code = (
        "import importlib, pkgutil, sys\n"
        f"for name in {modules!r}:\n"
        "    module = importlib.import_module(name)\n"
        "    for found in pkgutil.walk_packages(getattr(module, '__path__', []), name + '.'):\n"
        "        importlib.import_module(found.name)\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not heavy & set(done.stdout.split()), f"{modules} must load none of {sorted(heavy)}"
