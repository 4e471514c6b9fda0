"""How the steps of an array are carried out: recorded or called, by which operations, in which precision."""

from dataclasses import dataclass
from typing import Literal

import torch

from cnnlab.engine.array import Array
from cnnlab.engine.epoch_steps import STEPS
from cnnlab.engine.recorded import Recorder
from cnnlab.kernels import library


@dataclass(frozen=True)
class Execution:
    """What carries out the steps of an array.

    `steps` are launched as a recorded graph or called operation by operation. `reason` is why a GPU calls
    them, or something else of an epoch, as an evaluation; it is empty elsewhere. `kernels` is the compiled
    library, or "torch" where torch's operations serve alone. `precision` is what the config asks for.
    `memory` is the most that torch has held of a GPU, in bytes, since the process last reset that number.
    """

    steps: Literal["recorded", "called"]
    kernels: str
    precision: str
    reason: str = ""
    memory: int = 0


def execution_of(array: Array, recorder: Recorder) -> Execution:
    """Return what carries out the steps of an array that this recorder is to record.

    Whether one can be recorded shows in the first step: ask after that.
    """
    reason, steps = "; ".join(recorder.refused.values()), recorder.records
    if not array.repeats:
        reason = "what its optimizers do next depends on numbers that the device computes"
        steps = False
    elif not recorder.records:
        reason = "CNNLAB_GRAPHS is off"
    elif any(isinstance(name, tuple) and name[0] == STEPS for name in recorder.refused):
        steps = False
    on_cpu = array.device.type == "cpu"
    compiled = library.load(array.dtype).name if on_cpu else None
    return Execution(
        steps="recorded" if steps else "called",
        kernels=compiled or "torch",
        precision=array.configs[0]["train"]["precision"],
        reason="" if on_cpu else reason,
        # What torch has taken of the GPU, not what tensors fill of it: so much must be free.
        memory=0 if on_cpu else torch.cuda.max_memory_reserved(array.device),
    )
