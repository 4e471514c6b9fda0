"""A runner's wire without a supervisor behind it, and packs to train over it."""

from __future__ import annotations

from pathlib import Path

from workers.messages import EpochDone, Go, Message, Run, RunRow


class ScriptedWire:
    """A supervisor's end: it answers each epoch in turn, at once and never in the middle of one."""

    def __init__(self, *answers: Go) -> None:
        self.answers, self.sent = list(answers), list[Message]()

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def receive(self) -> Go:
        return self.answers.pop(0)

    def readable(self) -> bool:
        return False

    def epochs(self) -> dict[int, EpochDone]:
        """The epochs that were reported, by number."""
        return {message.number: message for message in self.sent if isinstance(message, EpochDone)}


def many(folder: Path, rows: list[RunRow], start: int) -> Run:
    """Rows of one array, from an epoch to the fourth; no checkpoint is due."""
    return Run(
        pack=f"p{start}",
        device="cpu",
        files=str(folder),
        width=len(rows),
        start_epoch=start,
        target_epoch=4,
        ends=True,
        checkpoint_every=1000.0,
        metric="val/acc",
        goal="maximize",
        mixed=False,
        data_seed=0,
        plugins=None,
        rows=tuple(rows),
    )


def curve(done: EpochDone, row: int) -> dict[str, float]:
    return {name: value for name, value in done.metrics[row].items() if not name.startswith("perf/")}
