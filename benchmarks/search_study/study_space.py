"""A recorded space as the service's searches see it, and which recorded point each of their points is."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.search_study.recorded_curves import RecordedCurves
from services.api.library import Library
from services.domain.asking.dimension import Choice
from services.domain.asking.observations import AskedPoint
from services.domain.planning.catalog import Catalog
from services.domain.planning.planner import make_plan
from services.domain.spec.spec import Spec

MAX_POINTS = 10_000
MEMORY = 2**31  # bytes for the rows of a pack, as the service has them by default


class StudySpace:
    """The space of recorded curves, planned as a sweep with one seed."""

    def __init__(self, recorded: RecordedCurves, catalog: Catalog | None = None) -> None:
        spec = Spec.model_validate(recorded.spec | {"seeds": 1})
        plan = make_plan(spec, catalog or Library(), limit=MAX_POINTS, memory=MEMORY)
        self.searched = plan.space.searched
        self.sizes = [shape.points for shape in plan.shapes]  # the grid numbers its points shape by shape
        self.width = max(shape.width for shape in plan.shapes)  # rows of a pack
        values = [plan.values(number) for number in range(plan.points)]
        if list(map(_plain, values)) != list(map(_plain, recorded.points)):
            found, wanted = len(recorded.points), plan.points
            raise SystemExit(
                f"the curves of {recorded.name} must be of the {wanted} points of its spec, in the order of "
                f"the grid; they are of {found} points: record it again"
            )
        self._points = list(map(self._point, values))
        self._numbers = {point.key: number for number, point in enumerate(self._points)}

    def number(self, point: AskedPoint) -> int:
        """The recorded point at which a search wants a trial."""
        return self._numbers[point.key]

    @property
    def choices(self) -> list[Mapping[str, Choice]]:
        """What a search has chosen at each recorded point, by dimension."""
        return [point.choices for point in self._points]

    def _point(self, values: Mapping[str, object]) -> AskedPoint:
        point = self.searched.point_of(values)
        if point is None:
            raise ValueError(f"the space has no point with the values {values}")
        return point


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    """The values that are no objects: the API shows an object with what other axes change in it."""
    return {path: value for path, value in values.items() if not isinstance(value, Mapping)}
