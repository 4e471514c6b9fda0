"""Whether the rules of early stopping fit the plan: its epochs, its trials and its budget."""

from __future__ import annotations

from services.domain.errors import Problem, SpecError
from services.domain.plan import cohorts
from services.domain.plan.plan import Plan
from services.domain.results.race import FIRST_SEEDS
from services.domain.spec.spec import Spec
from services.domain.spec.stop import rung_rule
from services.domain.stopping.budget import Budget


def check_stopping(spec: Spec, plan: Plan) -> None:
    """Refuse rungs that no trial stops at, and a budget that cannot pay what is asked for."""
    found = [Problem("/stop", fault) for fault in (*_rung_faults(spec, plan), *_budget_faults(spec, plan))]
    found += [Problem("/race", fault) for fault in _race_faults(spec, plan)]
    if found:
        raise SpecError(found)


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
        return [f"{named} puts a rung after epoch {rung}; it must lie before the last one, {epochs[0]}"]
    return []


def _race_faults(spec: Spec, plan: Plan) -> list[str]:
    if not spec.race:
        return []
    if spec.folds > 1:
        return [f"compares points by seeds, so data.folds must be 0; got {spec.folds}"]
    if spec.seeds <= FIRST_SEEDS:
        detail = f"gives seeds beyond the first {FIRST_SEEDS} to the points that need them"
        return [f"{detail}, so seeds must be at least {FIRST_SEEDS + 1}; got {spec.seeds}"]
    if any(shape.mixed for shape in plan.shapes):
        return ["compares trials that see the same batches; data.stream must be replicate, got trial"]
    return []


def _budget_faults(spec: Spec, plan: Plan) -> list[str]:
    limit = next((rule.epochs for rule in spec.stop if isinstance(rule, Budget)), None)
    if limit is None:
        return []
    stops = cohorts.of_sweep(spec, plan)
    first = stops.next_stop(stops.of(0), 0, plan.shapes[0].epochs)
    if limit < first:
        return [f"budget.epochs must be at least {first}, what the first trial takes, got {limit}"]
    if spec.max_trials and limit < plan.trials:
        detail = f"budget.epochs, {limit}, is less than one epoch for each of the {plan.trials} trials"
        return [f"{detail} of max_trials; raise it or lower max_trials"]
    return []
