"""Whether the rules of early stopping fit the plan: its epochs, its trials and its budget."""

from __future__ import annotations

from services.domain.errors import Problem, SpecError
from services.domain.plan import cohorts
from services.domain.plan.plan import Plan
from services.domain.spec.spec import Spec
from services.domain.spec.stop import rung_rule
from services.domain.stopping.budget import Budget


def check_stopping(spec: Spec, plan: Plan) -> None:
    """Refuse rungs that no trial stops at, and a budget that cannot pay what is asked for."""
    faults = [*_rung_faults(spec, plan), *_budget_faults(spec, plan)]
    if faults:
        raise SpecError([Problem("/stop", fault) for fault in faults[:1]])


def _rung_faults(spec: Spec, plan: Plan) -> list[str]:
    rule, epochs = rung_rule(spec.stop), sorted({shape.epochs for shape in plan.shapes})
    if rule is None:
        return []
    if len(epochs) > 1:
        several = ", ".join(map(str, epochs))
        detail = f"{rule.name} compares trials after equal numbers of epochs, so train.epochs can be no axis"
        return [f"{detail}; got {several}"]
    if wrong := rule.first_wrong_rung(epochs[0]):
        parameter, rung = wrong
        named = f"{rule.name}.{parameter}" if parameter else rule.name
        return [f"{named} puts a rung after epoch {rung}; it must lie before the last of {epochs[0]} epochs"]
    return []


def _budget_faults(spec: Spec, plan: Plan) -> list[str]:
    limit = next((rule.epochs for rule in spec.stop if isinstance(rule, Budget)), None)
    if limit is None:
        return []
    stops = cohorts.of_sweep(spec, plan)
    first = stops.next_stop(stops.of(0), 0, plan.shapes[plan.shape_of(0)].epochs)
    if limit < first:
        return [f"budget.epochs must be at least {first}, what the first trial takes, got {limit}"]
    if spec.max_trials and limit < plan.trials:
        detail = f"budget.epochs, {limit}, is less than one epoch for each of the {plan.trials} trials"
        return [f"{detail} of max_trials; raise it or lower max_trials"]
    return []
