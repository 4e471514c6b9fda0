"""Top-10 accuracy: for hundreds of classes."""

from cnnlab.registry import register
from cnnlab.top_accuracy import TopAccuracy


@register
class Top10Acc(TopAccuracy):
    """Share of images whose class is among the ten with the highest scores.

    top10 = (images with rank(y) ≤ 10) / images; rank(y) is 1 + the number of classes with a higher score. Of
    equal scores the first class comes first, as in `acc`. More is better.
    Source: O. Russakovsky et al., "ImageNet large scale visual recognition challenge" (2015), as top-5 error.
    """

    places = 10
