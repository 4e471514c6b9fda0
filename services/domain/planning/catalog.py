"""What planning asks of the training library, behind the one door that may import it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from services.domain.config import Config
from services.domain.spec.objective import MetricFacts


@dataclass(frozen=True)
class DryBuild:
    """What a dry build says of one architecture; `built` is the library's own, to ask about its points.

    `metrics` are those that its data have, besides the loss: the one that is always measured comes first.
    `misfits` are the others, each with the reason why these data do not have it.
    """

    parameters: int
    flops: int  # forward, one image
    bytes_per_row: int
    metrics: Sequence[MetricFacts]
    misfits: Mapping[str, str] = field(default_factory=dict)
    bytes_shared: int = 0  # of images that all rows of a pack see, where a batch is all of them
    bytes_data: int = 0  # of the data set, as it lies on a GPU
    built: Any = None
    images: Mapping[str, int] = field(default_factory=dict)  # in each part of the data: train, val
    class_names: Sequence[str] = ()  # of its data, where they have names
    notes: Sequence[str] = ()  # what a user should read about the images
    compiled: bool = False  # whether a worker with a compiler trains it faster
    alone: str = ""  # why rows cannot pass through it side by side


class Catalog(Protocol):
    """The training library, as far as a plan needs it."""

    def elsewhere(self, name: str) -> str:
        """Where something is that others call by this name, as a sentence; empty if nothing is known."""

    def resolve(self, config: Mapping[str, Any]) -> Config:
        """Complete and check a config; `ConfigFault` with a dotted path where it is wrong."""

    def is_row(self, config: Mapping[str, Any], path: str) -> bool:
        """Whether trials that differ in this path may be rows of one array."""

    def paths(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Every dotted path of a resolved config."""

    def shape_key(self, config: Mapping[str, Any]) -> str:
        """A short name for everything that rows of one array must share."""

    def inspect(self, config: Mapping[str, Any]) -> DryBuild:
        """Build on paper; `ConfigFault` where the architecture and the images do not fit."""

    def point(self, config: Mapping[str, Any], facts: DryBuild) -> int:
        """The bytes that a point of this architecture takes; `ConfigFault` where its choices clash."""

    def row_state(self, config: Mapping[str, Any], facts: DryBuild) -> Mapping[str, str]:
        """What training keeps of a trial besides its weights, by the path of the entry that keeps it."""


class ConfigFault(Exception):
    """A config is wrong at a dotted path; the plan turns it into a pointer into the user's own text.

    `all` are this fault and what else is wrong with the config.
    """

    def __init__(self, path: str, detail: str, others: Sequence[ConfigFault] = ()) -> None:
        super().__init__(f"{path}: {detail}")
        self.path, self.detail = path, detail
        self.all = (self, *others)
