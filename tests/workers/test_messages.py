"""workers/messages.py: every message comes out as it went in; anything else is refused and named."""

from __future__ import annotations

import json
import math
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_runner import ENGINE

from services.domain.retry import Failure
from workers.messages import (
    CheckpointDamaged,
    CheckpointSaved,
    Engine,
    EpochDone,
    Failed,
    FinalResult,
    FromRunner,
    Go,
    Machine,
    Message,
    MessageError,
    Prepared,
    RowCheckpoint,
    Run,
    RunnerReady,
    RunRow,
    SavedCheckpoint,
    SpeedMeasured,
    StepsDone,
    Stop,
    Stopped,
    ToRunner,
    UseDevice,
    UseWays,
    WaysChosen,
    decode,
    encode,
)

WORDS, COUNTS = st.text(), st.integers(0, 2**40)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | WORDS,
    lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner),
    max_leaves=8,
)
METRICS = st.dictionaries(WORDS, st.floats(), max_size=3)
ROWS = st.integers(0, 200)
SAVED = st.builds(SavedCheckpoint, epoch=COUNTS, path=WORDS, sha256=WORDS, bytes=COUNTS)
RUN_ROWS = st.builds(
    RunRow,
    row=ROWS,
    trial=WORDS,
    config=st.dictionaries(WORDS, JSON, max_size=3),
    seed=COUNTS,
    replicate=COUNTS,
    checkpoint=st.none() | st.builds(RowCheckpoint, id=COUNTS, path=WORDS, sha256=WORDS),
)
EACH: dict[type, st.SearchStrategy[Any]] = {
    RunnerReady: st.builds(
        RunnerReady,
        st.builds(Machine, kind=WORDS, torch=WORDS, threads=COUNTS, kernels=WORDS, memory=COUNTS),
        WORDS,
        WORDS,
    ),
    WaysChosen: st.builds(WaysChosen, WORDS, st.dictionaries(WORDS, WORDS, max_size=2)),
    UseWays: st.builds(UseWays, WORDS, st.dictionaries(WORDS, WORDS, max_size=2)),
    SpeedMeasured: st.builds(SpeedMeasured, WORDS, FINITE),
    EpochDone: st.builds(
        EpochDone,
        pack=WORDS,
        number=COUNTS,
        metrics=st.dictionaries(ROWS, METRICS, max_size=3),
        best=st.dictionaries(ROWS, st.tuples(COUNTS, FINITE), max_size=3),
        diverged=st.lists(ROWS).map(tuple),
        saved=st.none() | SAVED,
        final=st.dictionaries(ROWS, st.builds(FinalResult, file=WORDS, metrics=METRICS), max_size=2),
        busy_ms=COUNTS,
        work_ms=COUNTS,
        images_per_s=FINITE,
        engine=st.builds(
            Engine,
            st.sampled_from(["recorded", "called"]),
            WORDS,
            WORDS,
            st.sampled_from(["together", "one by one"]),
            WORDS,
        ),
    ),
    Prepared: st.builds(Prepared, WORDS, COUNTS),
    StepsDone: st.builds(StepsDone, WORDS, COUNTS, COUNTS),
    CheckpointSaved: st.builds(CheckpointSaved, WORDS, SAVED),
    Stopped: st.builds(Stopped, WORDS, st.none() | SAVED),
    CheckpointDamaged: st.builds(CheckpointDamaged, WORDS, COUNTS, WORDS),
    Failed: st.builds(Failed, WORDS, st.sampled_from(Failure), WORDS, WORDS, st.booleans()),
    Run: st.builds(
        Run,
        pack=WORDS,
        device=st.sampled_from(["cpu", "cuda"]),
        files=WORDS,
        width=COUNTS,
        start_epoch=COUNTS,
        target_epoch=COUNTS,
        checkpoint_every=FINITE,
        metric=WORDS,
        goal=WORDS,
        mixed=st.booleans(),
        data_seed=COUNTS,
        plugins=st.none() | WORDS,
        rows=st.lists(RUN_ROWS, max_size=2).map(tuple),
        measure=st.booleans(),
    ),
    UseDevice: st.builds(UseDevice, WORDS),
    Go: st.builds(Go, WORDS, st.lists(ROWS).map(tuple), st.booleans()),
    Stop: st.builds(Stop, WORDS),
}


def test_every_message_is_tried() -> None:
    assert set(EACH) == set(get_args(Message)) == set(get_args(FromRunner)) | set(get_args(ToRunner))


@pytest.mark.parametrize("kind", EACH, ids=lambda kind: kind.__name__)
def test_a_message_comes_out_as_it_went_in(kind: type) -> None:
    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(EACH[kind])
    def check(message: Message) -> None:
        line = encode(message)
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        again = decode(line)
        assert type(again) is kind
        assert repr(again) == repr(message)  # unlike ==, this holds for NaN, and tells 0.0 from -0.0

    check()


def test_numbers_that_are_not_finite_travel_under_their_names_in_sql() -> None:
    metrics = {"a": math.nan, "b": math.inf, "c": -math.inf, "d": 0.1}
    result = FinalResult("file", metrics)
    line = encode(EpochDone("p", 1, {0: metrics}, {}, (), None, {0: result}, 1, 1, 1.0, ENGINE))
    fields = json.loads(line)
    assert fields["metrics"]["0"] == {"a": "nan", "b": "inf", "c": "-inf", "d": 0.1}
    assert fields["final"]["0"]["metrics"] == fields["metrics"]["0"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"Traceback (most", "must be a JSON object on one line, got 'Traceback"),
        (b"[1]", "must be a JSON object on one line"),
        (b"\xff\xfe", r"must be a JSON object on one line, got '\\\\xff"),
        (b"x" * 100, "x…'"),
        (b"{}", "type must be one of RunnerReady, .*; got None"),
        (b'{"type": "Stopp"}', "got 'Stopp'. Did you mean 'Stop'?"),
        (b'{"type": ["Stop"]}', "type must be one of"),
        (b'{"type": "Stop"}', "a Stop message has wrong fields: pack: .*required"),
        (b'{"type": "Stop", "pack": 1}', "a Stop message has wrong fields: pack: .*string"),
        (b'{"type": "Stop", "pack": "p", "do": "stop"}', "a Stop message has wrong fields: do: "),
        (b'{"type": "Go", "pack": "p", "drop": ["a"]}', r"wrong fields: drop\.0: .*integer"),
        (b'{"type": "Failed", "pack": "p", "failure": "x", "message": "", "trace": ""}', "failure: .*'host'"),
    ],
)
def test_what_is_no_message_is_refused(line: bytes, words: str) -> None:
    with pytest.raises(MessageError, match=words):
        decode(line)


def test_a_message_cannot_be_made_of_wrong_values() -> None:
    with pytest.raises(ValueError, match="Input should be 'cpu' or 'cuda'"):
        Run("p", "tpu", "f", 1, 0, 1, True, 0, "val/acc", "maximize", False, 0, None, ())  # type: ignore[arg-type]
