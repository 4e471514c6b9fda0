"""A task is named after all that the choice of a way depends on."""

import torch

from cnnlab.kernels.convolution_way import ConvolutionTask


def test_the_name_has_maps_filters_steps_and_what_is_behind() -> None:
    x, weight = torch.zeros(2, 1, 3, 9, 8).expand(-1, 4, -1, -1, -1), torch.zeros(4, 6, 3, 5, 5)
    names = [
        str(ConvolutionTask.of(x, weight, (2, 1), 1, pooled)) for pooled in (None, "none", "behind", "before")
    ]
    first = "3x9x8 shared by 6 of 5x5 padding 2x1 stride 1"
    assert names == [first, f"{first} max-pool", f"{first} max-pool relu", f"{first} max-pool relu before"]


def test_it_depends_on_neither_images_nor_on_how_a_row_that_is_alone_lies() -> None:
    weight = torch.zeros(1, 6, 3, 5, 5)
    found = {
        ConvolutionTask.of(torch.zeros(images, 1, 3, 9, 8), weight, (0, 0), 1, None) for images in (1, 2, 7)
    }
    assert len(found) == 1
    assert found.pop().shared
