"""Recorded steps leave what steps that are called leave; here a made graph calls what it recorded."""

from types import SimpleNamespace
from typing import Any

import made_graphs
import packing  # noqa: F401  (one thread)
import pytest
import torch
from made_graphs import MadeGraph

from cnnlab import resolve
from cnnlab.batching import batch_order
from cnnlab.engine.recorded import WARM_UP, Recorder
from cnnlab.errors import CnnlabError
from cnnlab.fit import EpochReport, Fit, Row


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[MadeGraph]:
    return made_graphs.install(monkeypatch)


def config(**train: Any) -> dict[str, Any]:
    return resolve(
        {
            "model": {"name": "lenet5", "dropout": 0.3, "norm": "batch"},
            "data": {"name": "fashion-mnist-mini", "pad-crop": 2, "validation": 0.5},
            "train": {"batch_size": 450, "schedule": {"name": "step", "every": 1}, **train},
        }
    )


def curves(configs: list[dict[str, Any]], recorded: bool) -> list[EpochReport]:
    fit = Fit([Row(own, seed) for seed, own in enumerate(configs)])
    fit.recorder.records = recorded
    return [report for _ in range(2) for report in fit.run_epoch() or []]


@pytest.mark.long
@pytest.mark.compiled
def test_curves_have_the_same_bits(graphs: list[MadeGraph]) -> None:
    """Two optimizers with slots, penalties, dropout, augmentation, normalization and a short batch."""
    configs = [config(optimizer="adam", l2=0.01), config(optimizer="momentum", l1=0.001)]
    assert curves(configs, recorded=True) == curves(configs, recorded=False)
    # 3,000 images: six batches of 450, of which four are recorded together, one of 300, the evaluation of the
    # validation part, and the epoch's end, in two epochs.
    assert [graph.replays for graph in graphs] == [2, 4, 2, 2, 2]


@pytest.mark.compiled
@pytest.mark.parametrize("together", [2, 4])
def test_steps_taken_together_have_the_same_bits_without_a_graph(together: int) -> None:
    """Five steps one by one, and as many as can be at once with the rest one by one."""
    ends = []
    for most in (1, together):
        fit = Fit([Row(config(optimizer="adam", l2=0.01), 1), Row(config(optimizer="momentum"), 2)])
        fit._steps.begin(1)
        for images, steps in batch_order.together([slice(at, at + 20) for at in range(0, 100, 20)], most):
            fit._steps.advance(images, steps)
        ends.append([*fit.array.tensors, *fit._steps.totals.tensors])
    assert all(torch.equal(alone, at_once) for alone, at_once in zip(*ends, strict=True))


@pytest.mark.parametrize(
    ("records", "optimizer", "steps"), [(True, "adam", 4), (False, "adam", 1), (True, "lbfgs", 1)]
)
def test_only_what_is_recorded_is_taken_together(records: bool, optimizer: str, steps: int) -> None:
    own = {"batch_size": "full", "optimizer": optimizer}
    mlp = {"name": "mlp", "hidden": [4]}
    fit = Fit([Row(resolve({"model": mlp, "data": "fashion-mnist-mini", "train": own}), 1)])
    fit.recorder.records = records
    assert fit._steps.together == steps


def test_a_method_that_looks_at_numbers_is_not_recorded(graphs: list[MadeGraph]) -> None:
    full = resolve(
        {
            "model": {"name": "mlp", "hidden": [4]},
            "data": "fashion-mnist-mini",
            "train": {"batch_size": "full", "optimizer": "lbfgs"},
        }
    )
    curves([full], recorded=True)
    assert [graph.replays for graph in graphs] == [2, 2]  # of the evaluation and the epoch's end


def test_what_cannot_be_recorded_is_called(monkeypatch: pytest.MonkeyPatch, graphs: list[MadeGraph]) -> None:
    calls, total = [], torch.zeros(1)

    def fail(graph: Any, pool: Any = None) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    def function() -> None:
        calls.append(1)
        total.add_(1)

    monkeypatch.setattr(torch.cuda, "graph", fail)
    recorder = Recorder(torch.device("cpu"))
    recorder.records = True
    for _ in range(2):
        recorder.run("step", function, lambda: [total])
    reason = "step cannot be recorded: operation not permitted when stream is capturing"
    assert recorder.refused == {"step": reason}
    assert (len(calls), float(total)) == (WARM_UP + 2, 2.0)


def test_one_refusal_leaves_the_other_recordings(
    monkeypatch: pytest.MonkeyPatch, graphs: list[MadeGraph]
) -> None:
    def too_large(graph: Any, pool: Any = None) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    recorder = Recorder(torch.device("cpu"))
    recorder.records = True
    recorder.run("steps", lambda: None, list)
    with monkeypatch.context() as patched:
        patched.setattr(torch.cuda, "graph", too_large)
        recorder.run("evaluation", lambda: None, list)
    for name in ("evaluation", "steps", "end"):
        recorder.run(name, lambda: None, list)
    assert recorder.refused == {"evaluation": "evaluation cannot be recorded: CUDA out of memory"}
    assert [graph.replays for graph in graphs] == [2, 1]


@pytest.mark.parametrize(
    ("device", "chosen", "records"), [("cuda", "", True), ("cuda", "off", False), ("cpu", "", False)]
)
def test_it_records_on_a_gpu_unless_it_is_off(
    monkeypatch: pytest.MonkeyPatch, device: str, chosen: str, records: bool
) -> None:
    monkeypatch.setenv("CNNLAB_GRAPHS", chosen)
    assert Recorder(torch.device(device)).records is records


@pytest.mark.parametrize("chosen", ["OFF", "off ", "0", "no"])
def test_another_word_for_off_is_refused(monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    monkeypatch.setenv("CNNLAB_GRAPHS", chosen)
    with pytest.raises(CnnlabError, match=f"^CNNLAB_GRAPHS must be off, or not set, got '{chosen}'$"):
        Recorder(torch.device("cpu"))


def test_a_speed_is_measured_without_the_time_of_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten seconds of an epoch six are the recording's."""
    fit = Fit([Row(resolve({"model": {"name": "mlp", "hidden": [4]}, "data": "fashion-mnist-mini"}), 1)])
    monkeypatch.setattr("cnnlab.fit.time", SimpleNamespace(perf_counter=iter([100.0, 110.0]).__next__))
    honest = fit._steps.begin

    def begin(epoch: int) -> None:
        fit.recorder.seconds += 6.0
        honest(epoch)

    monkeypatch.setattr(fit._steps, "begin", begin)
    fit.run_epoch()
    assert fit.images_per_s == len(fit.data.train) / 4
