"""Names that people's programs have for metrics, and those of a spec's objective."""

from __future__ import annotations

import re

PARTS = {
    "val": "val", "valid": "val", "validation": "val", "eval": "val", "dev": "val", "train": "train",
    "training": "train", "test": "test", "testing": "test",
}  # fmt: skip
MEASURES = {
    "acc": "acc", "accuracy": "acc", "top1": "acc", "acc1": "acc", "categoricalaccuracy": "acc",
    "loss": "loss", "crossentropy": "loss", "nll": "loss", "error": "acc", "err": "acc", "errorrate": "acc",
    **{f"top{k}{end}": f"top{k}-acc" for k in (2, 3, 5) for end in ("", "acc", "accuracy")},
    **dict.fromkeys(("f1", "f1score", "macrof1", "f1macro"), "macro-f1"),
    **dict.fromkeys(("balancedacc", "balancedaccuracy"), "balanced-acc"),
}  # fmt: skip
OTHER_WORDS = frozenset({"best", "final", "last", "epoch", "mean", "avg", "average", "max", "min"})
GOALS = {"loss": "minimize"}
ERRORS = frozenset({"error", "err", "errorrate"})


def objective(metric: str, goal: str) -> tuple[str, list[str]]:
    """The objective of a metric and its goal, and what to note; val/acc where it has no counterpart."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", metric).lower()
    words = [word for word in re.split(r"[^a-z0-9]+", spaced) if word and word not in OTHER_WORDS]
    parts = [PARTS[word] for word in words if word in PARTS]
    measure = "".join(word for word in words if word not in PARTS)
    if measure not in MEASURES:
        return "val/acc", [
            f"the file's metric {metric!r} is not known; val/acc is the accuracy on the validation part"
        ]
    name, notes = MEASURES[measure], []
    part = parts[0] if parts else "val"
    if not parts:
        notes.append(f"{metric!r} does not say of which images; read as the validation part")
    if part == "test":
        notes.append(
            "test images decide nothing here: the validation part does; train: {test: best} measures them"
        )
        part = "val"
    if measure in ERRORS:
        notes.append(f"{metric!r} is 1 − accuracy: the least error is the greatest accuracy")
        goal = {"minimize": "maximize", "maximize": "minimize"}.get(goal, goal)
    wanted = GOALS.get(name, "maximize")
    if goal and goal != wanted:
        notes.append(f"the file has it {goal}d; {part}/{name} can only be {wanted}d")
    return f"{part}/{name}", notes
