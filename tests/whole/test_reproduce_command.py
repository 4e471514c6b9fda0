"""`cnnlab reproduce` and `cnnlab trace` of a trial that a real worker has trained."""

from __future__ import annotations

import json
import sys

import pytest
from sqlalchemy import update
from whole_lab import Lab

from services.cli import main
from services.store.models import Report
from services.store.session import Store


@pytest.mark.long
def test_a_trial_is_repeated_compared_and_traced(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab.settings.api_key is not None
    monkeypatch.setenv("CNNLAB_URL", lab.url)
    monkeypatch.setenv("CNNLAB_API_KEY", lab.settings.api_key.get_secret_value())

    def run(*words: str) -> tuple[int | str | None, str]:
        monkeypatch.setattr(sys, "argv", ["cnnlab", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().out

    sweep_id = lab.submit()
    lab.wait_for_success(sweep_id)
    trial = f"{sweep_id}-0002"
    code, out = run("reproduce", trial)
    assert code == 0
    assert "bit-equal over 3 epochs" in out
    assert (
        "the same: device kind, machine kind, torch, threads, kernels, convolutions, steps, width, row" in out
    )

    store = Store(lab.settings.database_url)
    spoilt = {"val/acc": 0.0, "train/loss": 1.0}
    change = update(Report).where(Report.trial_id == trial, Report.epoch == 2).values(metrics=spoilt)
    store.write(lambda session: session.execute(change))
    store.close()
    code, out = run("reproduce", trial, "--json")
    assert code == 1
    found = json.loads(out)
    assert not found["bit_equal"]
    assert {difference["epoch"] for difference in found["differences"]} == {2}

    code, out = run("trace", trial)
    assert code in (0, None)
    told = " ".join(out.split())
    assert "machine none" not in told
    assert "1 thread" in told
    assert "succeeded" in told
    assert f"cnnlab reproduce {trial}" in told
