"""What keeps a sweep from moving: its kinds, and what each says to a user."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BlockerKind(StrEnum):
    """Why a sweep does not move; those that are `INFORMATIVE` hold nothing up."""

    SET_ASIDE = "set-aside"  # its rows cannot be read
    PAUSED = "paused"  # by a user or by the service
    NO_WORKER = "no-worker"  # no device is claimed at all
    PLUGINS = "plug-ins"  # no worker has the entry files it was planned with
    NO_DEVICE = "no-device"  # its packs wait for a kind of device that nobody has
    REFUSED = "refused"  # hosts that took its packs could not train them: data changed, disk full
    FAILING = "failing"  # its attempts end without progress
    PARENT = "parent"  # a fork waits for the checkpoint that it begins with
    QUEUE = "queue"  # its packs are not announced: Redis or upkeep is away
    TURN = "turn"  # the packs of other sweeps fill the devices
    COMPILER = "compiler"  # it trains, at half of the speed that a compiler would bring
    ROW_BY_ROW = "row-by-row"  # it trains, but its nets take one trial at a time
    MLFLOW = "mlflow"  # what it shows is behind


INFORMATIVE = frozenset(
    {BlockerKind.COMPILER, BlockerKind.ROW_BY_ROW, BlockerKind.MLFLOW}
)  # training goes on


@dataclass(frozen=True)
class Blocker:
    """One reason: what is wrong, since when (ms of the database's clock, None if unknown), what to do."""

    kind: BlockerKind
    message: str
    since: int | None
    remedy: str
