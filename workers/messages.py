"""Everything that a supervisor and its runner exchange, as types; each message is one line of JSON.

From the runner: `RunnerReady` once, then about a pack `WaysChosen`, `Prepared`, `StepsDone`, `SpeedMeasured`,
`EpochDone`, `CheckpointSaved`, `Stopped`, `CheckpointDamaged` and `Failed`. From the supervisor: `UseDevice`
once, then `Run`, `UseWays`, `Go`, `Stop`.
All but the first of each name their pack, so that one which comes too late is recognised.
"""

from __future__ import annotations

import json
from dataclasses import field
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, PlainSerializer, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from services.domain import json_numbers
from services.domain.errors import ServiceError, nearest
from services.domain.retry import Failure

MAX_SHOWN_CHARS = 80  # of a message that cannot be read
CLOSED = ConfigDict(extra="forbid")  # an unknown field is an error

# Numbers that are not finite travel under the names that SQL has for them; pydantic reads those as numbers.
Metrics = Annotated[dict[str, float], PlainSerializer(json_numbers.encode)]


class MessageError(ServiceError):
    """A line that is none of the messages."""


@dataclass(frozen=True, config=CLOSED)
class Machine:
    """What a float32 result depends on besides width and row, and why it is no faster."""

    kind: str
    torch: str
    threads: int
    kernels: str  # the compiled libraries, or "torch" where its operations serve alone
    no_kernels: str = ""  # why one is missing, if something would change that
    kernels_remedy: str = ""  # what would
    memory: int = 0  # bytes of a GPU
    ways: dict[str, str] = field(default_factory=dict)  # how convolutions are computed on a GPU, by task


@dataclass(frozen=True, config=CLOSED)
class Engine:
    """How the steps of a pack are carried out, as `Execution` of cnnlab says it."""

    steps: Literal["recorded", "called"]
    kernels: str
    precision: str
    rows: Literal["together", "one by one"]
    reason: str = ""
    memory: int = 0


@dataclass(frozen=True, config=CLOSED)
class SavedCheckpoint:
    """A checkpoint file that is already durable; the path is relative to the folder of files."""

    epoch: int
    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, config=CLOSED)
class FinalResult:
    """What a row leaves at its last epoch: the file of its best weights, and their test metrics if wanted."""

    file: str
    metrics: Metrics


@dataclass(frozen=True, config=CLOSED)
class RowCheckpoint:
    """The file that a row goes on from, with its number in SQL, and the trial's row there.

    `inherited`: it holds the trial that this one was forked from.
    """

    id: int
    path: str
    sha256: str
    row: int
    inherited: bool = False


@dataclass(frozen=True, config=CLOSED)
class RunRow:
    """One trial to train, and its row in the array."""

    row: int
    trial: str
    config: dict[str, Any]
    seed: int
    replicate: int
    checkpoint: RowCheckpoint | None


# ---- from the runner


@dataclass(frozen=True, config=CLOSED)
class RunnerReady:
    """The runner has loaded torch and waits for its first pack.

    `no_kernels` is why there are no compiled operations, `unusable` why the GPU that it was given cannot be
    used; both are empty where all is well.
    """

    machine: Machine
    no_kernels: str = ""
    unusable: str = ""


@dataclass(frozen=True, config=CLOSED)
class WaysChosen:
    """How the pack's convolutions are to be computed on a GPU, by task: as recorded, or as timed just now.

    The runner waits for `UseWays`, because the choice decides how every number is rounded.
    """

    pack: str
    ways: dict[str, str]


@dataclass(frozen=True, config=CLOSED)
class Prepared:
    """The data and the array are there, and the first epoch begins; each of its epochs has so many images."""

    pack: str
    images: int


@dataclass(frozen=True, config=CLOSED)
class StepsDone:
    """How far the present epoch has come: a sign of progress, sent at most once a second.

    `steps` counts launches; on a GPU each may be several steps.
    """

    pack: str
    epoch: int
    steps: int


@dataclass(frozen=True, config=CLOSED)
class SpeedMeasured:
    """How fast a plain loop of torch trains one trial of the pack's shape."""

    pack: str
    images_per_s: float


@dataclass(frozen=True, config=CLOSED)
class EpochDone:
    """An epoch of all live rows; the runner waits for `Go`, unless it was the pack's last one.

    `best` is each row's best epoch so far with the objective there; a row whose objective never was a number
    has none. `final` is empty before the trials' last epoch.
    """

    pack: str
    number: int
    metrics: dict[int, Metrics]
    best: dict[int, tuple[int, float]]
    diverged: tuple[int, ...]
    saved: SavedCheckpoint | None
    final: dict[int, FinalResult]
    busy_ms: int
    work_ms: int
    images_per_s: float
    engine: Engine


@dataclass(frozen=True, config=CLOSED)
class CheckpointSaved:
    """The checkpoint that a `Go` has asked for, of the epoch before it."""

    pack: str
    saved: SavedCheckpoint


@dataclass(frozen=True, config=CLOSED)
class Stopped:
    """The runner has stopped as asked; `saved` is a checkpoint that it wrote on the way out."""

    pack: str
    saved: SavedCheckpoint | None


@dataclass(frozen=True, config=CLOSED)
class CheckpointDamaged:
    """A checkpoint, named by its number in SQL, is gone or is not what was written."""

    pack: str
    checkpoint: int
    message: str


@dataclass(frozen=True, config=CLOSED)
class Failed:
    """The pack cannot go on; `trace` is for its log. `by_device`: a CUDA error, which the GPU may cause."""

    pack: str
    failure: Failure
    message: str
    trace: str
    by_device: bool = False


# ---- from the supervisor


@dataclass(frozen=True, config=CLOSED)
class UseDevice:
    """The worker has claimed a device: see the GPU of this UUID alone, or none if it is empty."""

    gpu: str


@dataclass(frozen=True, config=CLOSED)
class Run:
    """Train a pack from its starting epoch to its target; everything that its numbers depend on.

    `ends`: the target is the last epoch of its trials, else a rung. At a rung a checkpoint is left, and if
    `saves_end` at the end, too. `checkpoint_every` is in seconds; `files` the folder that paths are relative
    to; `plugins` the digest of the entry files that the sweep was planned with; `varied` the paths in which
    rows may differ; `measure` asks for one `SpeedMeasured`; `ways` are those of tasks that are settled.
    """

    pack: str
    device: Literal["cpu", "cuda"]
    files: str
    width: int
    start_epoch: int
    target_epoch: int
    ends: bool
    checkpoint_every: float
    metric: str
    goal: str
    mixed: bool
    data_seed: int
    plugins: str | None
    rows: tuple[RunRow, ...]
    varied: tuple[str, ...] = ()
    measure: bool = False
    saves_end: bool = False
    ways: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, config=CLOSED)
class UseWays:
    """How the convolutions of each task are computed: settled, and recorded with the pack."""

    pack: str
    ways: dict[str, str]


@dataclass(frozen=True, config=CLOSED)
class Go:
    """The epoch is committed: train the next one, without the rows to drop.

    `save`: first write the epoch's checkpoint and send `CheckpointSaved`.
    """

    pack: str
    drop: tuple[int, ...] = ()
    save: bool = False


@dataclass(frozen=True, config=CLOSED)
class Stop:
    """Stop between two steps, and save the last finished epoch."""

    pack: str


FromRunner = (
    RunnerReady
    | WaysChosen
    | Prepared
    | StepsDone
    | SpeedMeasured
    | EpochDone
    | CheckpointSaved
    | Stopped
    | CheckpointDamaged
    | Failed
)
ToRunner = UseDevice | Run | UseWays | Go | Stop
Message = FromRunner | ToRunner
ADAPTERS: dict[str, TypeAdapter[Any]] = {kind.__name__: TypeAdapter(kind) for kind in get_args(Message)}


def encode(message: Message) -> bytes:
    """Write a message as one line of JSON: its fields, and its class as `type`."""
    kind = type(message).__name__
    fields = ADAPTERS[kind].dump_python(message, mode="json")
    return json.dumps({"type": kind, **fields}, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Read what `encode` wrote; `MessageError` for anything else."""
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise MessageError(f"a message must be a JSON object on one line, got {_shown(line)}")
    kind = fields.pop("type", None)
    if not isinstance(kind, str) or kind not in ADAPTERS:
        known = ", ".join(ADAPTERS)
        raise MessageError(
            f"a message's type must be one of {known}; got {kind!r}.{nearest(str(kind), ADAPTERS)}"
        )
    try:
        message: Message = ADAPTERS[kind].validate_python(fields)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise MessageError(f"a {kind} message has wrong fields: {faults}") from None
    return message


def _shown(line: bytes) -> str:
    text = line.decode(errors="backslashreplace")
    return repr(text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…")
