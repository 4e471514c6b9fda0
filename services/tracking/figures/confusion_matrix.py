"""The confusion matrix of a trial's best weights."""

from __future__ import annotations

from collections.abc import Sequence

from services.tracking.figures import canvas

MAX_CLASSES_WITH_COUNTS = 20  # with more classes, counts in the cells are too small to read
MAX_NAME_CHARS = 24  # of a class, beside its row and below its column
PART_NAMES = {"val": "validation images", "train": "training images"}


def confusion_matrix(
    title: str, part: str, counts: Sequence[Sequence[int]], class_names: Sequence[str] | None = None
) -> bytes:
    """Draw a cell for each class (row) and prediction (column), as PNG: its colour is the share of the class.

    The diagonal does not count for the colour scale, so that errors are visible beside it. Classes without
    names are numbered.
    """
    classes = len(counts)
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    wrong = [share for i, row in enumerate(shares) for j, share in enumerate(row) if i != j]
    size = min(10.0, (4.5 if class_names else 3) + classes * 0.35)
    right = sum(counts[i][i] for i in range(classes))
    total = sum(map(sum, counts))
    figure = canvas.figure(size, size, f"{title}\n{PART_NAMES[part]}: {right} of {total} correct")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=max([*wrong, 0.02]) * 1.5)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    if classes <= MAX_CLASSES_WITH_COUNTS:
        named = [f"{number} {_label(name)}" for number, name in enumerate(class_names or ())]
        labels = named or [str(number) for number in range(classes)]
        axes.set_xticks(range(classes), labels, rotation=90 if class_names else 0, parse_math=False)
        axes.set_yticks(range(classes), labels, parse_math=False)
        for i, row in enumerate(counts):
            for j, count in enumerate(row):
                if count:
                    dark = shares[i][j] > max([*wrong, 0.02])
                    axes.text(
                        j, i, str(count), ha="center", va="center", fontsize=7, color="w" if dark else "k"
                    )
    return canvas.png(figure)


def _label(name: str) -> str:
    plain = "".join(char if char.isprintable() else " " for char in name)
    return plain if len(plain) <= MAX_NAME_CHARS else f"{plain[: MAX_NAME_CHARS - 1]}…"
