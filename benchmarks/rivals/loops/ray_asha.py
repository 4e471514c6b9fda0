"""Ray Tune's ASHA with the plain loop, two trials at a time, actors reused."""

from __future__ import annotations

import tempfile
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler

from benchmarks.rivals.loops.protocol import serve
from benchmarks.rivals.loops.ray_tune import PROCESSES, trainable


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Train the trials in the task's order; returns the best accuracy of each, and the epochs of all."""
    scheduler = ASHAScheduler(grace_period=1, max_t=task["epochs"], reduction_factor=task["eta"])
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1}),
            param_space={"task": task, "number": tune.grid_search(task["order"])},
            tune_config=tune.TuneConfig(
                metric="accuracy",
                mode="max",
                scheduler=scheduler,
                reuse_actors=True,
                max_concurrent_trials=PROCESSES,
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        frames = [result.metrics_dataframe for result in tuner.fit()]
    return {
        "accuracies": [float(frame["accuracy"].max()) for frame in frames],
        "epochs": sum(len(frame) for frame in frames),
    }


def main() -> None:
    """Serve with one Ray that lives as long as this process."""
    ray.init(num_cpus=PROCESSES, include_dashboard=False, log_to_driver=False)
    serve(run)
    ray.shutdown()


if __name__ == "__main__":
    main()
