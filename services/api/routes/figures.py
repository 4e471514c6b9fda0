"""Figures of one trial as SVG, drawn when somebody asks for them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path

from services.api.deps import Services, ServicesDep
from services.api.svg_response import SvgResponse
from services.domain.errors import StateForbids
from services.domain.json_numbers import decode
from services.figures import best_weights
from services.figures.best_weights import BestWeights
from services.figures.confusion_matrix import confusion_matrix
from services.figures.first_layer import first_layer
from services.figures.learning_curve import learning_curve
from services.store import reports, sweeps, trials
from services.store.models import Sweep, Trial

router = APIRouter(tags=["trials"])
Figure = Annotated[Literal["curve", "confusion", "first-layer"], Path(description="What to draw")]


@router.get(
    "/trials/{trial_id}/figures/{figure}.svg",
    response_class=SvgResponse,
    summary="Draw a figure of a trial",
)
def draw(trial_id: str, figure: Figure, services: ServicesDep) -> SvgResponse:
    """The learning curve so far; or the confusion matrix or the first layer of the best weights.

    A trial has best weights once it has ended well. The confusion matrix is that of the validation images,
    else of training images.
    """
    trial, sweep, curve = services.store.read(
        lambda session: (
            trial := trials.get(session, trial_id),
            sweeps.get(session, trial.sweep_id),
            reports.curve(session, trial_id),
        )
    )
    if figure == "curve":
        decoded = [(report.epoch, decode(report.metrics)) for report in curve]
        drawn = learning_curve(_title(trial, sweep), decoded, sweep.plan.shapes[trial.shape].metrics)
    else:
        drawn = _of_weights(figure, _title(trial, sweep), trial, _weights(trial, services))
    return SvgResponse.drawn(drawn)


def _title(trial: Trial, sweep: Sweep) -> str:
    return f"t{trial.number:03d} {sweep.plan.labels.label(trial.values)}"


def _weights(trial: Trial, services: Services) -> BestWeights:
    if trial.best_file is None:
        raise StateForbids(
            f"trial {trial.id} has no best weights to draw: it is {trial.state}, and only a trial that has "
            "ended well has some"
        )
    path = best_weights.path(services.settings.files, trial.best_file)
    try:
        if path is None:
            raise FileNotFoundError(f"there is no such file below CNNLAB_FILES, {services.settings.files}")
        return best_weights.read(path)
    except (OSError, ValueError) as error:
        detail = f"the best weights of trial {trial.id}, {trial.best_file}, cannot be read: {error}"
        raise StateForbids(detail) from None


def _of_weights(figure: str, title: str, trial: Trial, weights: BestWeights) -> str:
    part, counts, first, image = weights.part, weights.confusion, weights.first, weights.image
    drawn = None
    if figure == "confusion" and counts and part:
        drawn = confusion_matrix(title, part, counts, weights.class_names)
    elif figure == "first-layer" and first is not None and image:
        drawn = first_layer(title, first, image)
    if drawn is None:
        missing = {
            "confusion": "its targets are numbers, or have too many classes for a matrix",
            "first-layer": "its first layer's weights do not form images",
        }
        raise StateForbids(f"there is no figure {figure} of trial {trial.id}: {missing[figure]}")
    return drawn
