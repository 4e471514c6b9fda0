"""What the steps of planning refuse, so that one answer has every fault of a spec."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NoReturn

from services.domain.errors import Problem, SpecError, parts_of
from services.domain.spec.names import paths_named

SECTIONS = ("model", "data", "train")


class Problems:
    """The faults found so far, at most one for each place and sentence, and the axes that are left out.

    A step leaves a refused axis to no later one, which would refuse it again for what the first has said.
    `form` are faults of what was sent: their fields and axes are left out from the start, and no step adds
    another fault there.
    """

    def __init__(self, form: Sequence[Problem] = (), left_out: Iterable[str] = ()) -> None:
        self.found: list[Problem] = list(form)
        self._closed = [problem.pointer for problem in form]
        self._doubtful: list[Problem] = []
        self.left_out = set(left_out)  # names of axes
        self.paths: dict[str, str] = {}  # of axes, by their names, where they are known
        self.untied = False  # a zip, a condition or a constraint is left out: combinations can be wrong
        self.unread = False  # an entry is left out: which names belong to it cannot be found
        self.uncounted = False  # what decides how many points are visited is left out
        self.tried = 0  # so many of the points that are listed are those of a sweep that is extended

    @property
    def exist(self) -> bool:
        """Whether there are any."""
        return bool(self.found or self._doubtful)

    def add(self, place: str, detail: str, *, axis: str | None = None) -> None:
        """Refuse what stands at a place; `axis` is the name of one to leave out."""
        self.extend([Problem(place, detail)])
        if axis is not None:
            self.left_out.add(axis)

    def add_unless_others(self, place: str, detail: str, *, axis: str) -> None:
        """Leave an axis out, and refuse it only where nothing else is: it may follow from what is."""
        self._doubtful.append(Problem(place, detail))
        self.left_out.add(axis)

    def add_where_none_is(self, problem: Problem) -> None:
        """Add one, unless a fault stands at its place, above or below it."""
        if not any(_touch(problem.pointer, other.pointer) for other in self.found):
            self.extend([problem])

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add those that are not among the others."""
        for each in problems:
            if each not in self.found and not any(_touch(each.pointer, place) for place in self._closed):
                self.found.append(each)

    def leaves_out(self, name: str) -> bool:
        """Whether a name, as a user shortens it, may mean an axis that is left out."""
        return any(paths_named(name, [axis]) or paths_named(axis, [name]) for axis in self.left_out)

    def concern(self, sections: Collection[str], *, unknown: bool) -> bool:
        """Whether a fault lies in one of these sections or an axis of one; `unknown`: or in another axis."""
        for first, *rest in (parts_of(problem.pointer) for problem in self.found if problem.pointer):
            section = first
            if first == "space" and rest:
                section = self.paths.get(rest[0], rest[0]).partition(".")[0]
                if section not in SECTIONS and unknown:
                    return True
            if section in sections:
                return True
        return False

    def is_closed(self, place: str) -> bool:
        """Whether what stands at a place had a fault of form."""
        return any(_touch(place, other) for other in self._closed)

    def raise_any(self) -> None:
        """Raise `SpecError` if there are any."""
        if problems := self.found or self._doubtful:
            raise SpecError(problems)

    def stop(self, problems: Iterable[Problem] = ()) -> NoReturn:
        """Add the last ones and raise all: no step can go on from here."""
        self.extend(problems)
        raise SpecError(self.found or self._doubtful)


def _touch(one: str, other: str) -> bool:
    """Whether one place is the other, or lies inside it; what is said of the whole spec has no place."""
    return bool(one and other) and (_inside(one, other) or _inside(other, one))


def _inside(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/")
