"""A damaged image ends its trials at the first attempt, and the same runner trains on."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select
from worker_process import running, wait_for

from services.settings import Settings
from services.store.models import Trial
from services.store.session import Store

Submit = Callable[..., str]


@pytest.mark.long
def test_damaged_images_are_all_named_after_one_attempt(
    sqlite_store: Store, lab: Settings, submit: Submit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    rng = np.random.default_rng(0)
    for number in range(24):
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(file, "JPEG")
        name = tmp_path / "pets" / ("cats" if number % 2 else "dogs") / f"{number}.jpg"
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_bytes(file.getvalue()[:900] if number in (3, 4) else file.getvalue())

    def trials(sweep_id: str) -> list[Trial]:
        query = select(Trial).where(Trial.sweep_id == sweep_id)
        return list(sqlite_store.read(lambda session: session.scalars(query).all()))

    with running("workers", lab, {"CNNLAB_DATA": str(tmp_path)}):
        good = submit()
        wait_for(lambda: {each.state for each in trials(good)} == {"succeeded"}, what="success")
        bad = submit(data={"name": "image-folder", "path": "pets"})
        wait_for(lambda: {each.state for each in trials(bad)} == {"failed"}, 30, what="the failure")
        again = submit(name="again")
        wait_for(lambda: {each.state for each in trials(again)} == {"succeeded"}, what="the next success")
    assert {each.attempts for each in trials(bad)} == {1}
    failure = trials(bad)[0].failure
    assert failure is not None
    assert failure["message"].startswith(
        "pets: 2 files cannot be used, replace or delete what is listed: cats/3.jpg"
    )
    assert "dogs/4.jpg is damaged: OSError: " in failure["message"]
    assert "object at 0x" not in failure["message"]
