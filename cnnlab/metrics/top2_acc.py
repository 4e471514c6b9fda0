"""Top-2 accuracy: where classes come in pairs that are easy to confuse."""

from cnnlab.registry import register
from cnnlab.top_accuracy import TopAccuracy


@register
class Top2Acc(TopAccuracy):
    """Share of images whose class is among the two with the highest scores.

    top2 = (images with rank(y) ≤ 2) / images; rank(y) is 1 + the number of classes with a higher score. Of
    equal scores the first class comes first, as in `acc`. More is better.
    Source: O. Russakovsky et al., "ImageNet large scale visual recognition challenge" (2015), as top-5 error.
    """

    places = 2
