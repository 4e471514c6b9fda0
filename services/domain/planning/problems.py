"""What the steps of planning refuse, so that one answer has every fault of a spec."""

from __future__ import annotations

from collections.abc import Iterable

from services.domain.errors import Problem, SpecError
from services.domain.spec.names import paths_named


class Problems:
    """The faults found so far, at most one for each place and sentence, and the axes that are left out.

    A step leaves a refused axis to no later one, which would refuse it again for what the first has said.
    """

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self._doubtful: list[Problem] = []
        self.left_out: set[str] = set()  # names of axes
        self.untied = False  # a zip, a condition or a constraint is left out: combinations can be wrong
        self.unread = False  # an entry is left out: which names belong to it cannot be found

    def add(self, place: str, detail: str, *, axis: str | None = None) -> None:
        """Refuse what stands at a place; `axis` is the name of one to leave out."""
        self.extend([Problem(place, detail)])
        if axis is not None:
            self.left_out.add(axis)

    def add_unless_others(self, place: str, detail: str, *, axis: str) -> None:
        """Leave an axis out, and refuse it only where nothing else is: it may follow from what is."""
        self._doubtful.append(Problem(place, detail))
        self.left_out.add(axis)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add those that are not among the others."""
        for each in problems:
            if each not in self.found:
                self.found.append(each)

    def leaves_out(self, name: str) -> bool:
        """Whether a name, as a user shortens it, may mean an axis that is left out."""
        return any(paths_named(name, [axis]) or paths_named(axis, [name]) for axis in self.left_out)

    def raise_any(self) -> None:
        """Raise `SpecError` if there are any."""
        if problems := self.found or self._doubtful:
            raise SpecError(problems)
