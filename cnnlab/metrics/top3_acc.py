"""Top-3 accuracy: for some ten classes, a few of which are hard to tell apart."""

from cnnlab.registry import register
from cnnlab.top_accuracy import TopAccuracy


@register
class Top3Acc(TopAccuracy):
    """Share of images whose class is among the three with the highest scores.

    top3 = (images with rank(y) ≤ 3) / images; rank(y) is 1 + the number of classes with a higher score. Of
    equal scores the first class comes first, as in `acc`. More is better.
    Source: O. Russakovsky et al., "ImageNet large scale visual recognition challenge" (2015), as top-5 error.
    """

    places = 3
