"""What every listener is: it follows one pack beside the commits, as a log or a measurement does."""

from __future__ import annotations

from services.domain.retry import Failure
from workers.messages import EpochDone, FromRunner, Machine, Run


class Listener:
    """Base of all listeners; a hook that is not overridden does nothing.

    Made for one pack and called from the attempt's thread, so a hook must be quick. What it raises ends the
    attempt. A new listener is a file in `workers/listeners/` and its line in `Supervisor._listeners`.
    """

    def before_run(self, run: Run, machine: Machine) -> Run:
        """Return the `Run` to send to a runner on this machine: the given one, or one that asks for more."""
        return run

    def on_output(self, data: bytes) -> None:
        """Take what the runner has printed."""

    def on_message(self, message: FromRunner) -> None:
        """Take a message about this pack; nothing of it is committed yet."""

    def on_epoch(self, epoch: EpochDone) -> None:
        """Take an epoch that has been committed."""

    def on_early_end(self, failure: Failure) -> None:
        """Note that the attempt ended before its target, and that this has been committed."""

    def close(self) -> None:
        """Close what is open; nothing follows."""
