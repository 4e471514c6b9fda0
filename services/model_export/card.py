"""card.md: what a model is, how good it is, what it was trained on, and how to get it again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from services import escaping
from services.figures.best_weights import BestWeights
from services.model_export.trained_trial import TrainedTrial
from services.model_export.writing import EXPORTED, MODEL, ONNX, WEIGHTS, WrittenModel

MAX_CURVE_ROWS = 40  # of a longer curve, some epochs evenly apart and the best one
MAX_CONFUSION_CLASSES = 30  # more make a table that nobody reads
PARTS = {"val": "validation images", "train": "training images", "test": "test images"}


def card(found: TrainedTrial, weights: BestWeights, written: WrittenModel) -> str:
    """Write the card, in Markdown."""
    trial = found.trial
    return "\n\n".join(
        filter(
            None,
            (
                f"# {_title(found)}",
                _result(found),
                "## Use",
                _use(written),
                "## Data",
                _data(found, written),
                "## Config",
                f"```json\n{json.dumps(found.config, indent=2)}\n```",
                "## Curve",
                _curve(found),
                _confusion(weights, written),
                "## Again",
                f"```sh\n{_again(found)}\n```",
                f"Sweep {trial.sweep_id}, seed {trial.seed}, {written.parameters:,} parameters.",
            ),
        )
    )


def _title(found: TrainedTrial) -> str:
    name, label = map(escaping.markdown, (found.sweep.name, found.label))
    return f"{name}, trial {found.trial.id}: {label}"


def _result(found: TrainedTrial) -> str:
    """The value of the epoch whose weights these are, and the mean over seeds if there are several."""
    trial, objective, estimate = found.trial, found.sweep.spec.objective, found.estimate
    metric = escaping.markdown(objective.metric)
    lines = [f"**{metric} {trial.best_value:.6g}** after epoch {trial.best_epoch}, whose weights these are."]
    repeats = found.sweep.plan.repeats
    if repeats.trials > 1 and estimate.text:
        among = f"over {estimate.n} of {repeats.units} {repeats.unit}s"
        note = f" ({escaping.markdown(estimate.note)})" if estimate.note else ""
        lines.append(f"Mean of its point {among}, with the 95 % interval: {estimate.text}{note}.")
    lines.append(f"{_goal(objective.goal)} of the sweep: {metric}.")
    return "\n".join(lines)


def _goal(goal: str) -> str:
    return {"maximize": "Largest is best, the objective", "minimize": "Smallest is best, the objective"}[goal]


def _use(written: WrittenModel) -> str:
    if reason := written.left_out.get(MODEL):
        lines = [
            f"`{WEIGHTS}` has the weights, by the names of the module's state dict, for its load_state_dict.",
            f"`{MODEL}` is left out: {escaping.markdown(reason)}.",
        ]
        return "\n".join([*lines, _onnx(written)])
    channels, height, width = written.shape
    beside = f" and `{EXPORTED}`, which it reads" if written.program else f" and `{WEIGHTS}`, which it reads"
    lines = [
        f"`{MODEL}` needs torch{beside}, and nothing else.",
        f"Images go in as pixels of 0 … 255, (N, {channels}, {height}, {width}).",
        "",
        "```python",
        "import torch",
        "from model import CLASSES, load",
        "",
        f"scores = load()(torch.zeros(1, {channels}, {height}, {width}))",
        *(["probabilities = scores.softmax(1)"] if written.probabilities else []),
        "```",
        "",
        f"`{WEIGHTS}` has the weights.",
    ]
    return "\n".join([*lines, _onnx(written)])


def _onnx(written: WrittenModel) -> str:
    if reason := written.left_out.get(ONNX):
        return f"`{ONNX}` is left out: {escaping.markdown(reason)}."
    return f"`{ONNX}` takes `images`, float32, and gives `scores`."


def _data(found: TrainedTrial, written: WrittenModel) -> str:
    data = found.config["data"]
    names = ", ".join(map(escaping.markdown, written.class_names)) or f"{written.classes}, without names"
    rows = [
        ("data set", escaping.markdown(data["name"])),
        ("digest of its content", written.digest or data.get("sha256") or "not known"),
        ("images", f"{written.shape[0]} × {written.shape[1]} × {written.shape[2]} (channels, rows, columns)"),
        ("classes", names if written.task == "classification" else "none: the target is a number"),
        ("licence", escaping.markdown(written.licence) or "not known"),
    ]
    return _table(("", ""), rows)


def _curve(found: TrainedTrial) -> str:
    """A table of the curve, a row for each epoch, or some of them."""
    curve, best = found.curve, found.trial.best_epoch
    step = -(-len(curve) // MAX_CURVE_ROWS)
    shown = [each for i, each in enumerate(curve) if i % step == step - 1 or each[0] == best]
    names = sorted({name for _, metrics in shown for name in metrics})
    rows = [
        (f"**{epoch}**" if epoch == best else str(epoch), *(_number(metrics.get(name)) for name in names))
        for epoch, metrics in shown
    ]
    classes = found.sweep.plan.shapes[found.trial.shape].classes_of_metrics
    heads = (f"{name} ({of})" if (of := classes.get(name.rpartition("/")[2])) else name for name in names)
    return _table(("epoch", *map(escaping.markdown, heads)), rows)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"


def _confusion(weights: BestWeights, written: WrittenModel) -> str:
    counts = weights.confusion
    if not counts:
        return ""
    images = PARTS.get(weights.part or "", "images")
    title = f"## Confusion\n\nRows are classes, columns what they were taken for: {images}."
    if len(counts) > MAX_CONFUSION_CLASSES:
        return f"{title} The matrix of {len(counts)} classes is on the trial's page."
    names = written.class_names or [str(i) for i in range(len(counts))]
    rows = [(escaping.markdown(name), *map(str, row)) for name, row in zip(names, counts, strict=True)]
    return f"{title}\n\n{_table(('', *map(escaping.markdown, names)), rows)}"


def _again(found: TrainedTrial) -> str:
    """The command that trains the same again."""
    fork = found.sweep.plan.fork
    if fork is None:
        return f"cnnlab reproduce {found.trial.id}"
    changes = "".join(f" --set {path}={json.dumps(value)}" for path, value in fork.changed.items())
    return f"cnnlab fork {fork.trial}{changes}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
