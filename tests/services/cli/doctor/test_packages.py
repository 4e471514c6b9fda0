"""services/cli/doctor/packages.py."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from services.cli.doctor import packages


def test_a_package_that_is_missing_or_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = [
        packages.read("nowhere>=1,<2", ""),
        packages.read("rich>=99", "torch"),
        packages.read("rich", "postgres"),
    ]
    monkeypatch.setattr(packages, "requirements", lambda: needed)
    found = {finding.name: finding for finding in packages.roles(frozenset({""}))}
    assert found["packages core"].level == "missing"
    assert "nowhere is not installed" in found["packages core"].says
    assert found["packages core"].remedy.endswith("-m pip install 'nowhere>=1,<2'")
    assert found["packages torch"].level == "warn"
    assert found["packages postgres"].level == "ok"


def test_a_version_in_its_range() -> None:
    needed = packages.read("psycopg[binary]>=3.2,<4", "postgres")
    assert (needed.name, needed.specifier) == ("psycopg", "psycopg>=3.2,<4")
    assert [needed.fits(version) for version in ("3.1.9", "3.2", "3.10.1+cpu", "4.0")] == [
        False,
        True,
        True,
        False,
    ]


def test_the_roles_of_an_installed_distribution(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packages, "services", SimpleNamespace(__path__=[str(tmp_path / "services")]))
    wanted = ["rich<16,>=14", 'torch<2.14,>=2.9; extra == "torch"']
    monkeypatch.setattr(packages.metadata, "requires", lambda _: wanted)
    assert [(each.specifier, each.role) for each in packages.requirements()] == [
        ("rich>=14,<16", ""), ("torch>=2.9,<2.14", "torch"),
    ]  # fmt: skip
