"""The benchmark of growing tables fills them, and prints a line for each thing that it measures."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_settings import settings_for
from pydantic import SecretStr

from benchmarks import history
from benchmarks.history import KEY, Bench, Sizes, run, table
from services.queue import Publisher
from services.store import checkpoints
from services.store.session import Store


def test_it_measures_every_line_on_small_tables(
    postgres_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_SECONDS", 0.01)
    secrets = {"redis_url": SecretStr(redis_url), "api_key": SecretStr(KEY), "queue_prefix": "history:"}
    settings = settings_for(postgres_url, tmp_path).model_copy(update=secrets)
    store, out = Store(postgres_url), list[str]()
    table(run(Bench(settings, store, Publisher(settings), Sizes((2, 3, 4), 4, 20, 40))), out.append)
    store.close()
    printed = "".join(out)
    for what in (
        "`GET /v1/sweeps?limit=200`, 2 active sweeps",
        "what is behind in MLflow, 4 ended sweeps",
        "forgetting events of ended sweeps, 80 can go",
        "the same when none can go",
        f"which of the next {checkpoints.MAX_FILES} checkpoint files can go",
        "forgetting a checkpoint file",
        "forming one pack, 40 pending trials",
        "cancel of 40 trials",
        "retry of 40 trials",
        "a round of chores, 4 active sweeps",
        "messages for one queued pack after five resends",
    ):
        assert f"| {what} |" in printed
