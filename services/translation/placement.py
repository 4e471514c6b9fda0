"""Where a parameter goes: models and optimizers of the sweep each have only some hyperparameters."""

from __future__ import annotations

from typing import Any

from services.translation.axes import Values, integers
from services.translation.draft import Draft
from services.translation.entry_names import DEPTHS, EACH_EPOCH, FIELDS, name_of
from services.translation.parameter import ForeignParameter, in_words
from services.translation.vocabulary import LAYERS, Destination

DEFAULTS = {
    "model": "cnn",
    "train.optimizer": "momentum",
    "train.loss": "softmax",
    "train.schedule": "constant",
}


class Placement:
    """Puts parameters into a draft. Entries first: what they are decides where the others go."""

    def __init__(self, draft: Draft, targets: list[Destination]) -> None:
        self._draft = draft
        self._targets = [
            target for target in targets if target.paths[0].startswith(("model.", "train.schedule."))
        ]
        self._options: dict[str, list[str]] = {}

    def complete(self) -> None:
        """Choose a model and say so, where the file names none, and take the other entries' defaults."""
        for path, default in DEFAULTS.items():
            if path in self._options:
                continue
            self._options[path] = [default]
            if path == "model":
                name, why = self._model()
                self._options[path] = [name]
                self._draft.put("model", name)
                self._draft.note("model", f"{self._unnamed(path, 'the model')}; {why}")
            if path == "train.schedule":
                self._schedule()
            if path == "train.optimizer":
                self._draft.put(path, default)
                why = self._unnamed(path, "it")
                self._draft.note("train", f"optimizer: {why}; {default} is cnnlab's default")

    def _schedule(self) -> None:
        """Choose the schedule that has what the file varies, where there is one."""
        asked = {target.paths[0] for target in self._targets}
        why = self._unnamed("train.schedule", "it")
        if "train.schedule.pieces" in asked:
            self._options["train.schedule"] = ["piecewise"]
            self._draft.put("train.schedule", {"name": "piecewise"})
            self._draft.note("train", f"schedule: {why}; piecewise has the milestones")
        elif asked & {"train.schedule.factor", "train.schedule.every"}:
            self._options["train.schedule"] = ["step"]
            self._draft.put("train.schedule", {"name": "step", "every": 1})
            self._draft.note("train", f"schedule: {why}; step, after each epoch, is chosen here")

    def _unnamed(self, path: str, what: str) -> str:
        return (
            "none of those in the file is translated"
            if path in self._draft.unread
            else f"the file does not name {what}"
        )

    def place(self, target: Destination, parameter: ForeignParameter, values: Values) -> None:
        """Put a parameter's values where the sweep's entries have it; name what is left of it."""
        draft = self._draft
        groups, lacking = self._groups(target)
        section = self._section(target.paths[0])
        if lacking:
            has = f"{target.paths[0].rpartition('.')[2]} is no hyperparameter of {', '.join(lacking)}"
            draft.lose(parameter.name, f"{has}; the others have it" if groups else has)
        given = values
        for path, names in groups.items():
            values = (
                self._buildable(parameter, given, names) if path in ("model.blocks", "model.depth") else given
            )
            if values.written is None:
                continue
            if path in FIELDS:
                self._options[path] = [name_of(each) for each in values.listed]
            condition = None
            if section is not None and len(names) < len(self._options[section]):
                condition = {section: names if len(names) > 1 else names[0]}
            self._put(path, values, condition)
            if path == "train.l2.strength" and target.note_at == path:
                draft.put("train.l2.scope", "all")
            for note in self._notes(target, path, parameter, values):
                draft.note(self._at(path), note)

    def _groups(self, target: Destination) -> tuple[dict[str, list[str]], list[str]]:
        """The entries that have each path, and those that have none."""
        section = self._section(target.paths[0])
        if section is None:
            return {target.paths[0]: []}, []
        groups: dict[str, list[str]] = {}
        lacking: list[str] = []
        for name in self._options.get(section, [DEFAULTS.get(section, "")]):
            fields = FIELDS[section].get(name, frozenset())
            path = next(
                (p for p in target.paths if self._section(p) != section or p.rpartition(".")[2] in fields), ""
            )
            if path:
                groups.setdefault(path, []).append(name)
            else:
                lacking.append(name)
        return groups, lacking

    def _buildable(self, parameter: ForeignParameter, values: Values, models: list[str]) -> Values:
        """The numbers of layers that all of these models can have; the others are named."""
        limits = [(name, *DEPTHS[name]) for name in models if name in DEPTHS]
        depths = integers(values)
        kept = [depth for depth in depths if all(can(depth) for _, can, _ in limits)]
        if kept == depths:
            return values
        has = "; ".join(f"{name} has {words} of them" for name, _, words in limits)
        if not kept:
            self._draft.lose(parameter.name, f"{has}; {in_words(parameter.domain)}")
            return Values()
        fixed = len(kept) == 1
        return Values(kept[0] if fixed else kept, fixed, [*values.notes, f"only those that it can be: {has}"])

    def _model(self) -> tuple[str, str]:
        """The model that has what the file varies, and why it is this one."""
        asked = [each for each in self._targets if each.paths[0].startswith("model.")]

        def has(model: str, target: Destination) -> bool:
            return any(path.rpartition(".")[2] in FIELDS["model"][model] for path in target.paths)

        most = max(sum(has(model, each) for each in asked) for model in FIELDS["model"])
        default = DEFAULTS["model"]
        if sum(has(default, each) for each in asked) < most:
            best = next(m for m in FIELDS["model"] if sum(has(m, each) for each in asked) == most)
            return best, "this one has most of the file's parameters"
        if any(each.note == LAYERS for each in asked) and all(has("mlp", each) for each in asked):
            return "mlp", "a number of layers, and nothing of filters, is taken as hidden layers"
        return default, "cnnlab catalog models lists those there are; your own nn.Module can be one"

    @staticmethod
    def _section(path: str) -> str | None:
        """The entry that has this hyperparameter; None for a field that does not depend on one."""
        above = path.rpartition(".")[0]
        return above if above in FIELDS and above != "data" else None

    def _put(self, path: str, values: Values, condition: dict[str, Any] | None) -> None:
        draft, section = self._draft, self._section(path)
        if condition is not None:
            draft.space[path] = values.under(condition)
        elif values.fixed and section not in draft.space:
            if section in DEFAULTS and draft.value(section) is None:
                draft.put(section, DEFAULTS[section])
            draft.put(path, values.written)
        else:
            draft.space[path] = values.written

    def _at(self, path: str) -> str:
        return path if path in self._draft.space else path.split(".")[0]

    def _notes(
        self, target: Destination, path: str, parameter: ForeignParameter, values: Values
    ) -> list[str]:
        named = "" if self._at(path) == path else f"{path.partition('.')[2]}: "
        left = [f"left out: {each}" for each in values.unread]
        sure = [target.note] if target.note and target.note_at in ("", path) else []
        if path == "train.schedule" and EACH_EPOCH in values.listed:
            sure.append("exponential multiplies by gamma after each epoch: step with every: 1")
        return [f"{named}{note}" for note in (*parameter.notes, *values.notes, *left, *sure)]
