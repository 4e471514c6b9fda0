"""Macro F1: for rare classes, where answers that name them wrongly count as much as those that miss them."""

import torch
from torch import Tensor

from cnnlab import rowwise
from cnnlab.metric import Metric, count_by_class
from cnnlab.registry import register


@register
class MacroF1(Metric):
    """Mean over the classes of F1, the harmonic mean of precision and recall.

    F1_c = 2·right_c / (images_c + answers_c); macro = Σ_c F1_c / C. images_c have the class, answers_c are
    given it, right_c are both. C counts the classes that occur as a target or as an answer: of the others F1
    is not defined. A mean of F1, and not the F1 of mean precision and mean recall. More is better.
    Source: J. Opitz and S. Burst, "Macro F1 and macro F1" (2019), as averaged F1.
    """

    goal = "maximize"
    label = "macro F1"

    def totals(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return right answers, images and answers of each class, int64 (K, 3, classes)."""
        answer, classes = scores.argmax(2), scores.shape[2]
        right = answer == target
        every = torch.ones_like(right)
        counts = [(target, right), (target, every), (answer, every)]
        return torch.stack([count_by_class(of, counted, classes) for of, counted in counts], 1)

    def value(self, totals: Tensor, images: int) -> Tensor:
        """Return the mean F1 of the classes that occur."""
        right, of, answers = totals.unbind(1)  # (K, classes) each
        occurring = of + answers
        return rowwise.total(2 * right / occurring.clamp(min=1)) / (occurring > 0).sum(1)
