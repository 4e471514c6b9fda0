"""The spec that a translation makes, with its comments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

FIELDS = (
    "name", "project", "description", "model", "data", "train", "space", "search", "max_trials", "seeds",
    "seed", "stop", "objective",
)  # fmt: skip


@dataclass
class Draft:
    """A spec; `notes` belong to a field, or to an axis by its name; `lost` are keys without a counterpart.

    `unread` are paths for which the file has values, none of which is translated.
    """

    tool: str
    fields: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    lost: list[tuple[str, str]] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)

    def note(self, at: str, text: str) -> None:
        """Say something of a field or an axis, once."""
        said = self.notes.setdefault(at, [])
        if text not in said:
            said.append(text)

    def lose(self, place: str, why: str) -> None:
        """Name a key of the file that the spec does not express."""
        self.lost.append((place, why))

    @property
    def space(self) -> dict[str, Any]:
        """The axes."""
        axes: dict[str, Any] = self.fields.setdefault("space", {})
        return axes

    def put(self, path: str, value: Any) -> None:
        """Set a fixed value below model, data or train; an entry's name there becomes an object."""
        section, *keys = path.split(".")
        if not keys:
            self.fields[section] = value
            return
        inside = self._object(self.fields, section, named=section != "train")
        for key in keys[:-1]:
            inside = self._object(inside, key, named=True)
        inside[keys[-1]] = value

    def value(self, path: str) -> Any:
        """The fixed value at a path of model, data or train, or None."""
        inside: Any = self.fields
        for key in path.split("."):
            if not isinstance(inside, dict) or key not in inside:
                return None
            inside = inside[key]
        return inside

    def drop(self, path: str) -> None:
        """Take an axis or a fixed value out again."""
        self.space.pop(path, None)
        above, _, key = path.rpartition(".")
        inside = self.value(above)
        if isinstance(inside, dict):
            inside.pop(key, None)

    def spec(self) -> dict[str, Any]:
        """The spec, its fields in the order of docs/submitting.md; empty ones are left out."""
        return {name: self.fields[name] for name in FIELDS if self.fields.get(name) not in (None, {}, [])}

    @staticmethod
    def _object(inside: dict[str, Any], key: str, *, named: bool) -> dict[str, Any]:
        value = inside.setdefault(key, {})
        if named and isinstance(value, str):
            value = inside[key] = {"name": value}
        found: dict[str, Any] = value
        return found
