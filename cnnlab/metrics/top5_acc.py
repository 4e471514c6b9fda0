"""Top-5 accuracy: for many classes, some of which are hard to tell apart."""

from cnnlab.registry import register
from cnnlab.top_accuracy import TopAccuracy


@register
class Top5Acc(TopAccuracy):
    """Share of images whose class is among the five with the highest scores.

    top5 = (images with rank(y) ≤ 5) / images; rank(y) is 1 + the number of classes with a higher score. Of
    equal scores the first class comes first, as in `acc`. More is better.
    Source: O. Russakovsky et al., "ImageNet large scale visual recognition challenge" (2015), as top-5 error.
    """

    places = 5
