"""Training, in a process of its own that needs neither SQL nor Celery nor MLflow.

    python -m workers.runner PARENT_PID READ_FD WRITE_FD

It loads torch, waits for `UseDevice` and sends `RunnerReady`, then trains packs one after another: after each
epoch but the last it sends `EpochDone` and waits for `Go` (the epoch is committed) or `Stop`. After an error
that may have harmed the process it sends `Failed` and ends.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback

from services.domain.retry import Failure
from services.host import end_with_parent, processor
from workers import checkpoints
from workers.messages import CheckpointDamaged, Failed, Machine, Run, RunnerReady, UseDevice
from workers.pack_training import PackTraining
from workers.wire import Wire


def main() -> int:
    """Train packs until the supervisor closes the wire."""
    parent, read_fd, write_fd = (int(word) for word in sys.argv[1:4])
    end_with_parent(parent, signal.SIGKILL)
    import torch

    from cnnlab import fit, registry  # noqa: F401 (the first pack would import it)
    from cnnlab.kernels import library

    wire = Wire(read_fd, write_fd)
    torch.set_num_threads(torch.get_num_threads())  # fixes the pool to what OMP_NUM_THREADS asked for
    registry.plugins_digest()  # read now, as the supervisor has: a later edit is for a later process
    library.load()
    use = wire.receive()
    if not isinstance(use, UseDevice):  # the worker has ended before it claimed a device
        return 0
    # Torch reads it at the first use of a GPU, which comes later.
    os.environ["CUDA_VISIBLE_DEVICES"] = use.gpu
    wire.send(RunnerReady(machine(), library.load().reason))
    while message := wire.receive():
        if isinstance(message, Run) and not serve(message, wire):
            return 1
    return 0


def serve(run: Run, wire: Wire) -> bool:
    """Train one pack and report how it failed if it does; return whether this process can train another."""
    from cnnlab import errors
    from cnnlab.data import DamagedData, DataError
    from cnnlab.plugin_failure import describe_failure

    try:
        PackTraining(run, wire).run()
    except checkpoints.DamagedFile as error:
        wire.send(CheckpointDamaged(run.pack, error.checkpoint, str(error)))
    except (DataError, errors.RegistryError) as error:
        # The planned content itself is wrong on every host; other content, or none, on this one.
        failure = Failure.SPEC if isinstance(error, DamagedData) else Failure.HOST
        wire.send(Failed(run.pack, failure, str(error), traceback.format_exc()))
    except errors.CnnlabError as error:
        wire.send(Failed(run.pack, Failure.SPEC, str(error), traceback.format_exc()))
    except Exception as error:
        kind = "out of memory" if _out_of_memory(error) else type(error).__name__
        failure = Failure.HOST if isinstance(error, OSError) else Failure.CRASHED
        message = describe_failure(error) or f"{kind}: {error}"
        wire.send(Failed(run.pack, failure, message, traceback.format_exc()))
        return False
    return True


def machine() -> Machine:
    """Describe what a float32 result depends on besides width and row, and why it is no faster."""
    import torch

    from cnnlab.kernels import library

    kind = torch.cuda.get_device_name() if torch.cuda.is_available() else processor()
    kernels = library.load()
    no_compiler = kernels.reason if kernels.remedy else ""
    return Machine(
        kind, torch.__version__, torch.get_num_threads(), kernels.name or "torch", no_compiler=no_compiler
    )


def _out_of_memory(error: Exception) -> bool:
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


if __name__ == "__main__":
    sys.exit(main())
