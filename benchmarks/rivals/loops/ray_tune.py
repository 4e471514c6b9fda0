"""Ray Tune with the plain loop: `ray_tune [reuse]`, two trials at a time."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")

import ray
from ray import tune

from benchmarks.rivals.loops.protocol import serve

PROCESSES = 2


def trainable(config: dict[str, Any]) -> None:
    """Train one trial, reporting each epoch."""
    from benchmarks.rivals.loops.training import Images, train  # torch loads in the actor

    task, number = config["task"], config["number"]
    for accuracy in train(task, task["trials"][number], number, Images(task["split"]), tuned=False):
        tune.report({"accuracy": accuracy})


def main() -> None:
    """Serve with one Ray that lives as long as this process."""
    reuse = sys.argv[1:] == ["reuse"]
    ray.init(num_cpus=PROCESSES, include_dashboard=False, log_to_driver=False)

    def run(task: dict[str, Any]) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            tuner = tune.Tuner(
                tune.with_resources(trainable, {"cpu": 1}),
                param_space={"task": task, "number": tune.grid_search(list(range(len(task["trials"]))))},
                tune_config=tune.TuneConfig(reuse_actors=reuse, max_concurrent_trials=PROCESSES),
                run_config=tune.RunConfig(storage_path=folder, verbose=0),
            )
            results = tuner.fit()
            return {"accuracies": [result.metrics["accuracy"] for result in results]}

    serve(run)
    ray.shutdown()


if __name__ == "__main__":
    main()
