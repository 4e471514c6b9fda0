"""The note on a sweep's run: how it stands, its leaderboard and where to look further, in Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from services.domain.plan.trial_names import short_value
from services.domain.results.intervals import Estimate
from services.settings import Settings
from services.store.leaderboard import RankedPoint
from services.tracking import links, names
from services.tracking.board import MAX_NOTE_POINTS, Board, best_of

SPEC_SIZE = 1500  # characters of the spec that the note quotes; spec.json has all of it


def note(board: Board, settings: Settings, experiment_id: str) -> str:
    """The whole note."""
    mlflow = settings.link_to_mlflow() or ""
    quoted = json.dumps(board.spec.model_dump(mode="json", exclude_defaults=True), indent=1)
    if len(quoted) > SPEC_SIZE:
        quoted = quoted[:SPEC_SIZE] + "\n… (spec.json has all of it)"
    parts = [
        board.spec.description,
        standing(board),
        verdict(board),
        _links(board, settings, mlflow, experiment_id),
        _leaderboard(board, mlflow, experiment_id),
        f"```json\n{quoted}\n```",
    ]
    return "\n\n".join(part for part in parts if part)


def standing(board: Board) -> str:
    """How far the sweep is: `**active** · 4 points × 3 seeds = 12 trials (8 succeeded, 4 running)`."""
    plan = board.plan
    states = (
        ", ".join(f"{count} {state}" for state, count in sorted(board.counts.items())) or "none drawn yet"
    )
    many = f"{plan.points} points × {plan.seeds} seeds = " if plan.seeds > 1 else ""
    return f"**{board.sweep.state}** · {many}{plan.trials} trials ({states})"


def verdict(board: Board) -> str:
    """The best point, its value with the interval, and whether it differs from the runner-up."""
    if not board.ranked:
        return ""
    point, estimate = board.ranked[0]
    objective = board.objective
    told = f"**Best so far**: {names.point(point.values, board.plan)}"
    if board.over:
        told = told.replace(" so far", "")
    told += f" with {objective.metric} ({objective.at}) **{shown(estimate)}**"
    if estimate.low is not None:
        told += f", 95 % interval of the mean over {estimate.n} seeds"
    words = board.comparison.words if board.comparison else ""
    if estimate.low is None and estimate.note and not words.startswith(estimate.note):
        told += f" ({estimate.note})"
    return f"{told}. {_sentence(words)}" if words else f"{told}."


def shown(estimate: Estimate) -> str:
    """A mean and half its interval to two digits, `0.9312 ± 0.0021`; without an interval four decimals."""
    mean, places = estimate.mean, 4
    if mean is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{mean:.{places}f}" if 1e-3 < abs(mean) < 1e6 else f"{mean:.4g}"
    half = (estimate.high - estimate.low) / 2
    if half > 0:
        places = min(8, max(0, 1 - math.floor(math.log10(half))))
    return f"{mean:.{places}f} ± {half:.{places}f}"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."


def _links(board: Board, settings: Settings, mlflow: str, experiment_id: str) -> str:
    sweep = board.sweep
    found = []
    if sweep.mirror.view_saved:
        found.append(("Charts", links.saved_view_link(mlflow, experiment_id, sweep.id)))
        if board.plan.seeds > 1:
            found.append(("Means over seeds", links.means_view_link(mlflow, experiment_id, sweep.id)))
    table = links.sweep_link(mlflow, experiment_id, sweep.id, board.objective)
    found += [
        ("All trials as a table, best first", table),
        ("This sweep in the API", address(settings, sweep.id)),
    ]
    return " · ".join(f"[{text}]({link})" for text, link in found)


def address(settings: Settings, sweep_id: str) -> str:
    """Where the API shows the sweep."""
    return f"{settings.public_url.rstrip('/')}/v1/sweeps/{sweep_id}"


def _leaderboard(board: Board, mlflow: str, experiment_id: str) -> str:
    ranked = board.ranked[:MAX_NOTE_POINTS]
    if not ranked:
        return ""
    several = board.plan.seeds > 1
    paths = [axis.path for axis in board.plan.axes if axis.size != 1]
    heading = ["", *(path.rsplit(".", 1)[-1] for path in paths), board.objective.metric]
    heading += ["seeds", "best trial", "epochs"] if several else ["trial", "epochs", "state"]
    rows = [heading, ["---"] * len(heading)]
    for rank, (point, estimate) in enumerate(ranked, 1):
        trial = best_of(point, board.objective)
        name = f"t{trial.number:03d}"
        if trial.run_id:
            name = f"[{name}]({links.trial_link(mlflow, experiment_id, trial.run_id)})"
        row = [str(rank), *_values(point, paths), shown(estimate)]
        seeds = f"{estimate.n}/{board.plan.seeds}"
        row += [seeds, name, str(trial.epoch)] if several else [name, str(trial.epoch), trial.state]
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _values(point: RankedPoint, paths: Sequence[str]) -> list[str]:
    """A point's values in short; an axis whose condition does not hold there is blank."""
    return [short_value(point.values[path]) if path in point.values else "" for path in paths]
