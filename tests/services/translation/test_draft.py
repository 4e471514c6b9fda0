"""services/translation/draft.py."""

from __future__ import annotations

from services.translation.draft import Draft


def test_an_entry_by_its_name_becomes_an_object_when_it_gets_a_field() -> None:
    draft = Draft("W&B")
    draft.put("model", "cnn")
    draft.put("train.epochs", 3)
    draft.put("train.optimizer", "sgd")
    assert draft.spec() == {"model": "cnn", "train": {"epochs": 3, "optimizer": "sgd"}}
    draft.put("model.dropout", 0.5)
    draft.put("train.optimizer.momentum", 0.9)
    assert draft.spec() == {
        "model": {"name": "cnn", "dropout": 0.5},
        "train": {"epochs": 3, "optimizer": {"name": "sgd", "momentum": 0.9}},
    }
    assert draft.value("train.optimizer.momentum") == 0.9
    assert draft.value("train.optimizer.lr.x") is None


def test_fields_are_in_order_empty_ones_left_out_and_a_note_is_said_once() -> None:
    draft = Draft("W&B", {"objective": "val/acc", "name": "a", "space": {}, "stop": [], "max_trials": None})
    assert list(draft.spec()) == ["name", "objective"]
    draft.note("name", "x")
    draft.note("name", "x")
    assert draft.notes == {"name": ["x"]}
