"""A file that lists points: strict YAML, as a spec's; every refusal is reported with its line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.cli.errors import CliError
from services.cli.specfile import Document, document
from services.client import ApiError
from services.domain.errors import parts_of

FIELD = "points"  # of the request


@dataclass(frozen=True)
class PointsFile:
    """Points from a file, and where they stand in it."""

    document: Document

    @property
    def points(self) -> list[Any]:
        """The points, each with values by the names of axes."""
        return list(self.document.value)

    def refused(self, error: ApiError) -> CliError:
        """The API's refusal as an error of the file: `points[2].train.lr` with its line."""
        lines = []
        for fault in error.problem.get("errors", ()):
            first, *rest = parts_of(fault["pointer"]) or [""]
            if first == FIELD:
                index, *names = [*rest, ""][: max(1, len(rest))]
                place = ".".join([f"{FIELD}[{index}]" if index else FIELD, *names])
                line = self.document.line_of(rest)
                lines.append(f"{self.document.name}, line {line}: {place}: {fault['detail']}")
            else:
                lines.append(f"{fault['pointer']}: {fault['detail']}".removeprefix(": "))
        return CliError("\n".join(lines) or str(error))


def read_points(path: Path) -> PointsFile:
    """Read points from a file, or from standard input for `-`; `CliError` with code 2 if it lists none."""
    found = document(path, list, "a list of points such as [{model.dropout: 0.1}]")
    for index, point in enumerate(found.value):
        if not isinstance(point, dict):
            place = f"{found.name}, line {found.line_of([str(index)])}: {FIELD}[{index}]"
            raise CliError(f"{place} must map names of axes to values, got {point!r}", 2)
    if not found.value:
        raise CliError(f"{found.name} must list at least one point, got an empty list", 2)
    return PointsFile(found)
