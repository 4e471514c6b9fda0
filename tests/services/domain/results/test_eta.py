"""Arithmetic of what is to come, against simulated sweeps whose end is known, and of what it cost."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest

from services.domain.results.eta import Commit, Cost, around, eta_seconds, share, training_costs

WINDOW = 256  # commits that the estimate is given
FREE = Cost({}, 1.0)  # every epoch costs the same


@dataclass(frozen=True)
class Simulated:
    """A sweep trained on paper: packs of `width` trials and `epochs` epochs, in the order of their shapes."""

    packs: Mapping[int, int]  # by shape
    epoch: Mapping[int, float]  # seconds that an array of the shape trains for one epoch
    width: int = 8
    epochs: int = 3
    devices: int = 1
    commit: float = 0.05  # seconds of each epoch that are not training
    gap: float = 0.5  # seconds between two packs of a device
    stoppage: tuple[float, float] = (float("inf"), 0.0)  # from when, and for how long nobody trains
    noise: float = 0.2  # relative

    def commits(self) -> list[Commit]:
        """Every commit, in order of time."""
        chance = random.Random(1)
        queue = [shape for shape, count in self.packs.items() for _ in range(count)]
        free = [(0.0, device) for device in range(self.devices)]
        found = []
        for shape in queue:
            at, device = heapq.heappop(free)
            at += self.gap * (1 + self.noise * chance.uniform(-1, 1))
            for _ in range(self.epochs):
                at += (self.epoch[shape] + self.commit) * (1 + self.noise * chance.uniform(-1, 1))
                found.append(Commit(self.moved(at), shape, self.width))
            heapq.heappush(free, (at, device))
        return sorted(found, key=lambda commit: commit.at)

    def moved(self, at: float) -> float:
        """A time, later by the stoppage if it comes after its beginning."""
        return at + self.stoppage[1] if at > self.stoppage[0] else at

    def estimates(self, shares: Sequence[float]) -> Iterator[tuple[float, float]]:
        """At these shares of the trial-epochs: the estimate, and the truth."""
        every = self.commits()
        total = {shape: count * self.width * self.epochs for shape, count in self.packs.items()}
        flops = [1e6 * self.epoch[shape] for shape in sorted(self.epoch)]
        for part in shares:
            index = round(part * len(every)) - 1
            now, done = every[index].at, dict.fromkeys(total, 0)
            for commit in every[: index + 1]:
                done[commit.shape] += commit.trials
            busy = sum(count / self.width * self.epoch[shape] for shape, count in done.items())
            left = {shape: total[shape] - done[shape] for shape in total}
            window = every[max(0, index + 1 - WINDOW) : index + 1]
            per_trial = busy / sum(done.values())
            cost = Cost(training_costs(flops, {}, busy, done), around(window, self.devices, per_trial))
            found = eta_seconds(0.0, window, now, left, cost)
            assert found is not None
            later = self.stoppage[1] if now < self.stoppage[0] else 0.0  # nobody can foresee it
            yield found, every[-1].at - now - later


SWEEPS = {
    "a constant rate": Simulated({0: 40}, {0: 10.0}),
    "tiny trials, most of whose time passes around training": Simulated({0: 1000}, {0: 0.001}),
    "tiny trials on eight devices": Simulated({0: 1000}, {0: 0.001}, devices=8),
    "long packs that load for long": Simulated({0: 12}, {0: 0.1}, epochs=100, gap=5.0),
    "a cheap shape, then a dear one": Simulated({0: 60, 1: 60}, {0: 1.0, 1: 8.0}),
    "a dear shape, then a cheap one": Simulated({0: 60, 1: 60}, {0: 8.0, 1: 1.0}, devices=2),
    "shapes that differ only in what is lost among overheads": Simulated(
        {0: 200, 1: 200}, {0: 0.001, 1: 0.01}
    ),
    "an outage of an hour": Simulated({0: 80}, {0: 2.0}, stoppage=(300.0, 3600.0)),
    "a pause among tiny trials": Simulated({0: 1000}, {0: 0.001}, stoppage=(100.0, 600.0)),
}


@pytest.mark.parametrize("name", SWEEPS)
def test_the_estimate_is_near_the_truth(name: str) -> None:
    for found, truth in SWEEPS[name].estimates((0.1, 0.25, 0.5, 0.75, 0.9)):
        assert truth / 1.5 < found < truth * 1.5, f"{found:.0f} s, true {truth:.0f} s"


def test_the_start_is_of_the_right_size() -> None:
    sweep = Simulated({0: 40}, {0: 10.0})
    [(found, truth)] = sweep.estimates((0.01,))
    assert truth / 2 < found < truth * 2


def test_what_is_left_takes_as_long_as_what_is_done() -> None:
    commits = [Commit(2.0, 0, 4), Commit(4.0, 0, 4)]
    assert eta_seconds(0.0, commits, 4.0, {0: 40}, FREE) == pytest.approx(20.0)
    assert eta_seconds(0.0, commits, 4.0, {0: 0}, FREE) == 0.0


def test_a_silence_makes_it_later_and_then_unknown() -> None:
    commits = [Commit(2.0, 0, 4), Commit(4.0, 0, 4)]
    later = eta_seconds(0.0, commits, 14.0, {0: 40}, FREE)
    assert later is not None
    assert later > 20.0
    assert eta_seconds(0.0, commits, 4.0 + 61.0, {0: 40}, FREE) is None


def test_no_commit_no_estimate() -> None:
    assert eta_seconds(0.0, [], 5.0, {0: 7}, FREE) is None


def test_costs_of_shapes_follow_measured_speeds_and_else_operations() -> None:
    # Shape 1 is measured at half the speed of shape 0; shape 2 has the operations of both together.
    found = training_costs([1e6, 3e6, 4e6], {0: 200.0, 1: 100.0}, 30.0, {0: 10, 1: 10})
    assert found == pytest.approx({0: 1.0, 1: 2.0, 2: 3.0})
    assert training_costs([1e6, 2e6], {}, 30.0, {0: 10, 1: 10}) == pytest.approx({0: 1.0, 1: 2.0})


def test_the_share_is_of_device_time() -> None:
    # 24 trials of 10 s each alone, trained together in 70 s.
    assert share(work=70.0, alone=240.0) == pytest.approx(70 / 240)


@pytest.mark.parametrize(("work", "alone"), [(0.0, 1.0), (1.0, 0.0)])
def test_nothing_trained_no_share(work: float, alone: float) -> None:
    assert share(work, alone) is None
