"""What the rows of a plan take on a GPU, counted at submit: dispatch chooses the width of packs by it."""

from __future__ import annotations

from services.api.library import Library
from services.domain.plan.plan import Plan

MAX_COUNTED_SHAPES = 8  # a count takes as long as a step's operations take to be called, up to seconds


def with_gpu_memory(plan: Plan, library: Library) -> Plan:
    """Return the plan with the bytes of a row on a GPU, of its first shapes."""
    shapes = [
        shape.model_copy(
            update={
                "gpu_bytes_per_row": library.gpu_bytes_per_row(plan.shape_config(index), shape.bytes_per_row)
            }
        )
        if index < MAX_COUNTED_SHAPES
        else shape
        for index, shape in enumerate(plan.shapes)
    ]
    return plan.model_copy(update={"shapes": shapes})
