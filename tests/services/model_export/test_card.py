"""services/model_export/card.py: what the card says, from a trial on paper."""

from __future__ import annotations

from typing import Any

import pytest
import stage
from sqlalchemy import update

from services.domain.plan.shape import Shape
from services.figures.best_weights import BestWeights
from services.model_export import trained_trial
from services.model_export.card import MAX_CURVE_ROWS, card
from services.model_export.trained_trial import TrainedTrial
from services.model_export.writing import WrittenModel
from services.store.models import Trial
from services.store.session import Store

WRITTEN: dict[str, Any] = {
    "refused": "", "left_out": {}, "shape": [1, 28, 28], "resized": False, "classes": 2,
    "class_names": ["a|b", "<i>c</i>"], "task": "classification", "digest": "12ab", "licence": "",
    "parameters": 1234, "probabilities": True, "torch": "2.13.0", "program": False,
}  # fmt: skip
WEIGHTS = BestWeights(None, None, "val", [[3, 1], [0, 4]])


def found(store: Store, **spec: Any) -> TrainedTrial:
    sweep = stage.add(store, **spec)
    stage.Worker(store, stage.accuracy).finish(sweep)
    return store.read(lambda s: trained_trial.read(s, f"{sweep}-0001"))


def written(**changes: Any) -> WrittenModel:
    return WrittenModel(**{**WRITTEN, **changes})


def test_several_seeds_have_a_mean_with_its_interval(sqlite_store: Store) -> None:
    trial = found(sqlite_store, seeds=3)
    assert trial.estimate.text is not None
    text = card(trial, WEIGHTS, written())
    assert f"Mean of its point over 3 of 3 seeds, with the 95 % interval: {trial.estimate.text}" in text
    assert "Mean of its point" not in card(found(sqlite_store, name="one"), WEIGHTS, written())


def test_names_cannot_break_the_tables(sqlite_store: Store) -> None:
    text = card(found(sqlite_store), WEIGHTS, written())
    assert "| a\\|b | 3 | 1 |" in text
    assert "<i>" not in text


def test_a_long_curve_is_thinned_but_keeps_its_best_epoch(sqlite_store: Store) -> None:
    trial = found(sqlite_store)
    curve = [(epoch, {"val/acc": epoch / 1000}) for epoch in range(1, 1001)]
    sqlite_store.write(lambda s: s.execute(update(Trial).values(best_epoch=3)))
    again = sqlite_store.read(lambda s: trained_trial.read(s, trial.trial.id))
    text = card(TrainedTrial(again.trial, trial.sweep, curve, trial.point), WEIGHTS, written())
    rows = [line for line in text.split("## Curve")[1].split("## Conf")[0].splitlines() if "0." in line]
    assert rows[0] == "| **3** | 0.003 |"
    assert rows[-1] == "| 1000 | 1 |" or rows[-1].startswith("| 975 ")
    assert len(rows) <= MAX_CURVE_ROWS + 1


def test_a_recall_has_its_class_beside_it(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = found(sqlite_store)
    monkeypatch.setattr(Shape, "classes_of_metrics", {"recall-0": "a|b"})
    curve = [(1, {"val/acc": 0.5, "val/recall-0": 0.25, "val/recall-1": 0.75})]
    text = card(TrainedTrial(trial.trial, trial.sweep, curve, trial.point), WEIGHTS, written())
    assert "| epoch | val/acc | val/recall-0 (a\\|b) | val/recall-1 |" in text


def test_what_is_missing_is_said(sqlite_store: Store) -> None:
    missing = written(left_out={"model.onnx": "no *such* role"}, probabilities=False, digest="")
    text = card(found(sqlite_store), BestWeights(None, None, None, None), missing)
    assert "`model.onnx` is left out: no \\*such\\* role." in text
    assert "scores.softmax" not in text
    assert "## Confusion" not in text
    assert "| licence | not known |" in text


def test_the_digest_of_own_data_is_that_of_the_config(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = found(sqlite_store)
    config = own.config | {"data": {**own.config["data"], "sha256": "ab12"}}
    monkeypatch.setattr(TrainedTrial, "config", config)
    assert "| digest of its content | ab12 |" in card(own, WEIGHTS, written(digest=""))
    assert "| digest of its content | 12ab |" in card(own, WEIGHTS, written())


def test_what_model_py_reads_is_named_or_why_there_is_none(sqlite_store: Store) -> None:
    own = found(sqlite_store)
    assert "needs torch and `model.safetensors`, which it reads" in card(own, WEIGHTS, written())
    assert "needs torch and `model.pt2`, which it reads" in card(own, WEIGHTS, written(program=True))
    text = card(own, WEIGHTS, written(left_out={"model.py": "it *branches*", "model.onnx": "so"}))
    assert "`model.py` is left out: it \\*branches\\*." in text
    assert "import torch" not in text
