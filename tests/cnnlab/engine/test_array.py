"""An array's rows: kept, saved, diverged, and never mixed."""

import packing
import pytest
import torch

from cnnlab.errors import CnnlabError
from cnnlab.layers.dropout import Dropout


def mixed(precision="float64"):
    return [
        packing.config(precision=precision, optimizer=o, loss=loss, hypers={"dropout": p}, **more)
        for o, loss, p, more in (
            ("adam", "softmax", 0.5, {}),
            ("sgd", "svm", 0.0, {"l2": 1e-2}),
            ("nesterov", "svm", 0.3, {"l1": 1e-3}),
            ("adam", "softmax", 0.0, {"l2": {"strength": 1e-3, "scope": "all"}}),
        )
    ]


def test_everything_mixed_equals_everything_alone():
    packing.assert_packing_does_not_matter(mixed(), steps=20)


@pytest.mark.parametrize("own", range(4))
def test_everything_mixed_leaves_neighbours_alone(own):
    configs = mixed("float32")
    packing.assert_neighbours_do_not_matter(configs[own], configs[:own] + configs[own + 1 :])


def test_keep_drops_copies_and_reorders_trials():
    whole = packing.make(mixed())
    packing.train(whole, 3)
    kept = packing.make(mixed())
    packing.train(kept, 3)
    kept.keep([3, 0, 3])
    assert len(kept) == 3
    packing.train(whole, 5, first=3)
    packing.train(kept, 5, first=3)
    torch.testing.assert_close(kept.theta, whole.theta[[3, 0, 3]], rtol=0, atol=1e-10)
    assert torch.equal(kept.steps, torch.full((3,), 8, dtype=torch.int32))


def test_slots_are_as_many_as_the_hungriest_optimizer_needs():
    array = packing.make(mixed())
    assert len(array.slots) == 2
    array.keep([1])
    assert len(array.slots) == 0
    array.keep([0, 0])
    assert len(array.slots) == 0


def test_a_diverged_trial_stays_alone():
    wild = packing.config(precision="float32", optimizer={"name": "sgd", "lr": 100.0}, loss="svm", l2=1000)
    array = packing.make([mixed("float32")[0], wild, mixed("float32")[2]])
    losses = packing.train(array, 40)
    assert not losses[-1, 1].isfinite()
    assert losses[:, [0, 2]].isfinite().all()
    assert not array.theta[1].isfinite().all()
    assert array.theta[[0, 2]].isfinite().all()


def test_state_has_a_row_for_every_trial_and_is_a_copy():
    array = packing.make(mixed())
    state = array.state()
    assert set(state) == {"theta", "buffers", "steps", "schedules", "slots"}
    assert all(len(tensor) == 4 for tensor in state.values())
    packing.train(array, 1)
    assert not torch.equal(state["theta"], array.theta)


def test_slots_that_a_row_has_no_use_for_are_cleared():
    array = packing.make(mixed())
    packing.train(array, 2)
    row = {name: tensor[2] for name, tensor in array.state().items()}
    array.slots[1][2] = 5
    array.load_row(2, row)
    assert array.slots[1][2].abs().max() == 0


@pytest.mark.parametrize("name", ["theta", "steps", "slots"])
def test_a_row_that_lacks_something_is_refused(name):
    array = packing.make(mixed())
    row = {n: tensor[0] for n, tensor in array.state().items() if n != name}
    with pytest.raises(CnnlabError, match=f"a row's {name} must have shape .*, got nothing"):
        array.load_row(0, row)


def test_a_row_of_another_net_is_refused():
    array = packing.make(mixed())
    row = {n: tensor[0] for n, tensor in array.state().items()} | {"theta": torch.zeros(3)}
    with pytest.raises(CnnlabError, match=r"theta must have shape \(\d+,\), got \(3,\)"):
        array.load_row(0, row)


def test_evaluate_counts_right_answers_and_changes_nothing():
    array = packing.make([packing.config(hypers={"norm": "batch", "dropout": 0.5})] * 2, metrics=("acc",))
    before = array.state()
    x, y = packing.batch(array, 0)
    scores = array.predict(x)
    result = array.evaluate(x, y)
    assert scores.shape == (packing.IMAGES, 2, 10)
    expected = torch.nn.functional.cross_entropy(scores[:, 1], y[:, 1])
    torch.testing.assert_close(result.loss[1], expected, rtol=0, atol=1e-14)
    assert int(result.measured["acc"][1]) == int((scores[:, 1].argmax(1) == y[:, 1]).sum())
    assert all(torch.equal(before[name], tensor) for name, tensor in array.state().items())


def test_common_random_numbers():
    """Trials of one seed have the same weights and the same masks, whatever else they differ in."""
    rates = [
        packing.config(hypers={"dropout": 0.5}, optimizer={"name": "sgd", "lr": lr}) for lr in (1e-8, 1e-7)
    ]
    array = packing.make(rates, [3, 3])
    losses = packing.train(array, 5)
    assert (losses[:, 0] - losses[:, 1]).abs().max() < 1e-5


def test_every_dropout_layer_has_masks_of_its_own(monkeypatch):
    made = []
    honest = Dropout.factors

    def recording(self, x, context):
        made.append(honest(self, x, context))
        return made[-1]

    monkeypatch.setattr(Dropout, "factors", recording)
    hypers = {"hidden": [50, 50, 50], "dropout": 0.5}
    packing.train(packing.make([packing.config(hypers=hypers)]), 1)
    assert len(made) == 3
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert 0.3 < (made[first] == made[second]).double().mean() < 0.7
