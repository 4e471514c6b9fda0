"""`cnnlab prune`: what would go is counted by kind, and goes without --dry-run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from paper_sweep import write_sweep
from sqlalchemy import update

from services.store.models import Sweep
from services.store.session import Store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def stale(migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a stack with one file that no row names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNNLAB_DATABASE_URL", raising=False)
    (tmp_path / ".cnnlab").mkdir()
    shutil.copy(migrated_sqlite, tmp_path / ".cnnlab" / "state.db")
    store = Store(f"sqlite:///{tmp_path / '.cnnlab' / 'state.db'}")
    write_sweep(store)
    store.write(lambda session: session.execute(update(Sweep).values(created_at=1)))
    store.close()
    path = tmp_path / ".cnnlab" / "files" / "packs" / "gone" / "best-x.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    os.utime(path, (1e9, 1e9))
    return path


def test_a_dry_run_counts_and_deletes_nothing(stale: Path, run: Run) -> None:
    code, out, _ = run("prune", "--dry-run", "--json")
    row = {"kind": "best weights without a trial", "files": 1, "bytes": 7}
    assert (code, json.loads(out)) == (0, {"dry_run": True, "stale": [row]})
    assert stale.exists()
    code, out, _ = run("prune")
    assert (code, out.splitlines()[-1]) == (0, "1 files and folders deleted, 7 bytes.")
    assert not stale.exists()


def test_elsewhere_it_names_the_folder_that_it_looked_for(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CNNLAB_DATABASE_URL", raising=False)
    code, _, err = run("prune")
    assert code == 2
    assert f"no service keeps its data in {tmp_path / '.cnnlab'}" in err
