"""The names of the metrics that a sweep's trials report, from its plan: the columns of a table of curves."""

from __future__ import annotations

from services.domain.plan.plan import Plan
from services.domain.spec.objective import LOSS, MetricKey


def reported_metrics(plan: Plan) -> list[str]:
    """The loss and the metrics of each part of the data that is measured, and the learning rate, by name.

    Images for testing are measured in each epoch or once, at the best one, or never.
    """
    found = {"lr": None}
    for index, shape in enumerate(plan.shapes):
        tested = plan.shape_config(index).get("train", {}).get("test") != "never"
        parts = ["train", *(["val"] if shape.images.get("val") else []), *(["test"] if tested else [])]
        names = [LOSS.name, *(metric.name for metric in shape.metrics)]
        found |= {str(MetricKey(part, name)): None for part in parts for name in names}
    return sorted(found)
